#include <algorithm>

#include <quicsync/actors/cache/unstored.hpp>

namespace quicsync {
namespace {

/// What a record takes beside its bytes while it waits.
constexpr std::size_t waiting_record_bytes = 48;
constexpr std::size_t waiting_set_bytes = 128;

void add_range(std::vector<sequence_range>& to, const sequence_range& range) {
  if (!to.empty() && to.back().last + 1 == range.first)
    to.back().last = range.last;
  else
    to.push_back(range);
}

}  // namespace

void unstored::add(const slab_ptr& records, std::size_t index, lane on, peer_number source, const sharing& access,
                   const pattern_table::past& past) {
  std::size_t more = records->item(index).size + waiting_record_bytes;
  const bool same = !next_.sets.empty() && next_.sets.back().records == records && next_.sets.back().source == source &&
                    next_.sets.back().access == access;
  if (!same) {
    next_.sets.push_back({records, source, access, {}});
    more += waiting_set_bytes;
  }
  next_.sets.back().kept.push_back({static_cast<std::uint16_t>(index), on, past});
  next_bytes_ += more;
  bytes_ += more;
}

void unstored::add_gone(std::vector<log_position_number> positions) {
  if (next_.gone.empty())
    next_.gone = std::move(positions);
  else
    next_.gone.insert(next_.gone.end(), positions.begin(), positions.end());
}

std::optional<messages::persist> unstored::take(log_position_number last) {
  if (next_.sets.empty() && next_.gone.empty()) return std::nullopt;
  // What was replaced before it left need not leave.
  auto& gone = next_.gone;
  std::sort(gone.begin(), gone.end());
  const auto first = next_.sets.empty() ? last + 1 : next_.sets.front().kept.front().past.position;
  if (!gone.empty() && gone.back() >= first) {
    for (auto& set : next_.sets)
      std::erase_if(set.kept, [&](const kept_record& k) {
        return std::binary_search(gone.begin(), gone.end(), k.past.position);
      });
    std::erase_if(next_.sets, [](const kept_set& set) { return set.kept.empty(); });
    gone.erase(std::lower_bound(gone.begin(), gone.end(), first), gone.end());
  }
  next_.last = last;
  under_way_.push_back({last, std::exchange(next_bytes_, 0)});
  return std::exchange(next_, {});
}

void unstored::wait(caf::actor peer, const messages::applied& batch, log_position_number after) {
  if (!waiting_.empty()) after = std::max(after, waiting_.back().after);
  waiting w{after, std::move(peer), batch.tag, batch.on, {}};
  std::uint64_t next = batch.first_sequence;
  for (const auto& [offset, reason] : batch.refused) {
    const auto sequence = batch.first_sequence + offset;
    if (sequence > next) w.ranges.push_back({next, sequence - 1});
    next = sequence + 1;
  }
  if (batch.first_sequence + batch.count > next) w.ranges.push_back({next, batch.first_sequence + batch.count - 1});
  if (!w.ranges.empty()) waiting_.push_back(std::move(w));
}

unstored::answers unstored::durable(log_position_number position) {
  durable_ = std::max(durable_, position);
  while (!under_way_.empty() && under_way_.front().last <= durable_) {
    bytes_ -= under_way_.front().bytes;
    under_way_.pop_front();
  }
  answers out;
  for (; !waiting_.empty() && waiting_.front().after <= durable_; waiting_.pop_front()) {
    auto& w = waiting_.front();
    auto same = std::find_if(out.begin(), out.end(), [&](const auto& a) {
      return a.first == w.peer && a.second.tag == w.tag && a.second.on == w.on;
    });
    if (same == out.end())
      out.emplace_back(std::move(w.peer), messages::stored{w.tag, w.on, std::move(w.ranges)});
    else
      same->second.ranges.insert(same->second.ranges.end(), w.ranges.begin(), w.ranges.end());
  }
  for (auto& [peer, answer] : out) {
    std::sort(answer.ranges.begin(), answer.ranges.end(),
              [](const sequence_range& a, const sequence_range& b) { return a.first < b.first; });
    std::vector<sequence_range> joined;
    for (const auto& range : answer.ranges) add_range(joined, range);
    answer.ranges = std::move(joined);
  }
  return out;
}

}  // namespace quicsync
