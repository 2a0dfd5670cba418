#include <fmt/format.h>
#include <tests/sim/written_patterns.hpp>

namespace quicsync::sim {

kept_order kept_order::of(const slab& records, std::size_t index) {
  const slab_item& item = records.item(index);
  return {item.version, item.timestamp, std::string(records.record(index).agent_id()), item.deleted, item.hash};
}

std::string say(const std::string& id, const kept_order& order) {
  return fmt::format("{}@{} of agent {}{}", id, order.version, order.agent_id, order.deleted ? " (deleted)" : "");
}

void written_patterns::note(const slab& records, std::size_t index, const std::string& by,
                            const std::vector<std::string>& only_to, bool corrupt) {
  auto& e = by_hash_[records.item(index).hash];
  e.id = std::string(records.id(index));
  e.order = kept_order::of(records, index);
  e.bytes.assign(records.bytes(index).begin(), records.bytes(index).end());
  e.for_all |= only_to.empty();
  e.allowed.insert(by);
  e.allowed.insert(only_to.begin(), only_to.end());
  e.corrupt |= corrupt;
  e.expires = records.item(index).expires;
  if (corrupt) return;
  auto keep_greatest = [&](std::map<std::string, kept_order>& of) {
    auto& greatest = of[e.id];
    greatest = std::max(greatest, e.order);
  };
  if (e.expires) keep_greatest(expiring_);
  if (e.order.deleted) keep_greatest(deleted_);
}

const written_patterns::entry* written_patterns::find(const content_hash& hash) const {
  const auto found = by_hash_.find(hash);
  return found == by_hash_.end() ? nullptr : &found->second;
}

bool written_patterns::gone_beyond(const std::string& id, const kept_order& order, bool or_deleted) const {
  auto beyond = [&](const std::map<std::string, kept_order>& of) {
    const auto found = of.find(id);
    return found != of.end() && found->second > order;
  };
  return beyond(expiring_) || (or_deleted && beyond(deleted_));
}

}  // namespace quicsync::sim
