#include <algorithm>

#include <quicsync/actors/cache/cold_pages.hpp>

namespace quicsync {
namespace {

/// A record of a page with all that its set says of it.
struct placed {
  change what;
  const slab_ptr* records = nullptr;
  peer_number source = this_node;
  const sharing* access = nullptr;
};

}  // namespace

std::vector<log_position_number> cold_pages::wait(std::uint64_t number, caf::actor reader, messages::page page,
                                                  std::vector<cold_record> cold) {
  std::sort(cold.begin(), cold.end(),
            [](const cold_record& a, const cold_record& b) { return a.position < b.position; });
  std::vector<log_position_number> positions;
  positions.reserve(cold.size());
  for (const auto& c : cold) positions.push_back(c.position);
  waiting_.emplace(number, waiting{std::move(reader), std::move(page), std::move(cold)});
  return positions;
}

// A page's sets are each of one slab, so warm and cold records of a lane take turns in sets of their own.
cold_pages::finished cold_pages::put_together(waiting w, const std::vector<kept_set>& fetched) {
  std::vector<placed> all;
  for (const auto& set : w.page.sets)
    for (const change& c : set->changes) all.push_back({c, &set->records, set->source, &set->access});
  for (const auto& set : fetched)
    for (const auto& kept : set.kept) {
      const auto position = kept.past.position;
      auto cold = std::lower_bound(w.cold.begin(), w.cold.end(), position,
                                   [](const cold_record& c, log_position_number p) { return c.position < p; });
      if (cold == w.cold.end() || cold->position != position) continue;
      all.push_back({{position, kept.index, cold->on}, &set.records, cold->source, &cold->access});
    }
  std::sort(all.begin(), all.end(), [](const placed& a, const placed& b) {
    return std::pair(a.what.on, a.what.position) < std::pair(b.what.on, b.what.position);
  });
  std::vector<std::shared_ptr<const change_set>> sets;
  std::shared_ptr<change_set> open;
  for (const auto& p : all) {
    if (!open || open->records != *p.records || open->source != p.source || !(open->access == *p.access)) {
      open = std::make_shared<change_set>(change_set{*p.records, p.source, *p.access, {}});
      sets.push_back(open);
    }
    open->changes.push_back(p.what);
  }
  w.page.sets = std::move(sets);
  return {std::move(w.reader), std::move(w.page)};
}

std::optional<cold_pages::finished> cold_pages::finish(std::uint64_t number, const std::vector<kept_set>& fetched) {
  auto found = waiting_.extract(number);
  if (found.empty()) return std::nullopt;
  return put_together(std::move(found.mapped()), fetched);
}

void cold_pages::forget(const caf::actor_addr& reader) {
  std::erase_if(waiting_, [&](const auto& w) { return w.second.reader.address() == reader; });
}

std::vector<cold_pages::finished> cold_pages::give_up() {
  std::vector<finished> all;
  for (auto& [number, w] : std::exchange(waiting_, {})) all.push_back(put_together(std::move(w), {}));
  return all;
}

}  // namespace quicsync
