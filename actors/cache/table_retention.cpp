// How long the pattern table holds what it holds: room, ttl, expiry, the horizon of what is gone, and the slabs behind
// it.
#include <algorithm>

#include <quicsync/actors/cache/pattern_table.hpp>

namespace quicsync {
namespace {

/// What an entry takes beside its record: in the table, the map, the log and the slab's index.
constexpr std::size_t entry_bytes = 224;

/// What is gone stays this long after it came, however old it is: the peers must hear of it.
constexpr std::int64_t gone_stays_ms = 60'000;
/// When something due cannot be done yet.
constexpr std::int64_t try_again_ms = 1000;

/// A slab of fewer records is not worth copying what is left of it.
constexpr std::size_t slab_records_at_least = 8;

}  // namespace

// -- slabs

void pattern_table::attach(std::uint32_t entry_index, const slab_ptr& records, std::size_t index) {
  entry& e = entries_[entry_index];
  e.records = records;
  e.index = static_cast<std::uint16_t>(index);
  if (counting_ != records.get()) settle_count();
  counting_ = records.get();
  ++counted_;
  bytes_ += records->item(index).size + e.access.bytes_at_most() + entry_bytes;
  if (!e.deleted) ++live_;
}

void pattern_table::settle_count() {
  if (counted_ != 0) live_in_[counting_] += std::exchange(counted_, 0);
}

void pattern_table::detach(std::uint32_t entry_index) {
  entry& e = entries_[entry_index];
  if (!e.records) {
    auto left = expired_.find(entry_index);
    if (left == expired_.end()) return;
    bytes_ -= left->second.id.size() + left->second.agent_id.size() + entry_bytes;
    expired_.erase(left);
    return;
  }
  bytes_ -= e.records->item(e.index).size + e.access.bytes_at_most() + entry_bytes;
  if (!e.deleted) --live_;
  const slab_ptr records = std::exchange(e.records, nullptr);
  settle_count();
  auto count = live_in_.find(records.get());
  if (--count->second == 0)
    live_in_.erase(count);
  else if (records->size() >= slab_records_at_least && count->second * 4 <= records->size())
    copy_what_is_left(records);
}

// One record would keep its whole slab alive. What is left of one that is mostly dead goes to a slab of its own; since
// three of four had to go before, each record is copied a bounded number of times.
void pattern_table::copy_what_is_left(const slab_ptr& records) {
  slab_builder builder(config_.key_seed);
  std::vector<std::uint32_t> moved;
  for (std::size_t i = 0; i < records->size() && !builder.full(); ++i) {
    const auto at = find_attached(records, i);
    if (at != none && builder.add_record(records->bytes(i))) moved.push_back(at);
  }
  if (moved.empty()) return;
  const slab_ptr copy = builder.finish();
  for (std::size_t i = 0; i < moved.size(); ++i) {
    entries_[moved[i]].records = copy;
    entries_[moved[i]].index = static_cast<std::uint16_t>(i);
  }
  live_in_[copy.get()] = static_cast<std::uint32_t>(moved.size());
  auto count = live_in_.find(records.get());
  count->second -= static_cast<std::uint32_t>(moved.size());
  if (count->second == 0) live_in_.erase(count);
}

std::uint32_t pattern_table::find_attached(const slab_ptr& records, std::size_t index) const {
  auto found = by_key_.find(records->item(index).key);
  if (found == by_key_.end()) return none;
  for (std::uint32_t i = found->second; i != none; i = entries_[i].next_of_key)
    if (entries_[i].records == records && entries_[i].index == index) return i;
  return none;
}

// -- room

void pattern_table::set_progress(peer_number peer, lane on, log_position_number position) {
  auto& at = progress_[peer][on];
  at = std::max(at, position);
}

void pattern_table::forget_progress(peer_number peer) { progress_.erase(peer); }

log_cursor pattern_table::acknowledged_by_all() const {
  log_cursor all = log_cursor::at(std::numeric_limits<log_position_number>::max());
  for (const auto& [peer, reached] : progress_) {
    bool stale = false;
    for (lane l : all_lanes) {
      const auto& log = logs_[index_of(l)];
      stale = stale || (!log.empty() && log.back().position > reached[l] + limits::outbox_records);
    }
    if (stale) continue;
    for (lane l : all_lanes) all[l] = std::min(all[l], reached[l]);
  }
  return all;
}

/// The first pattern of a lane that could be evicted, by arrival; deletions are passed over.
const pattern_table::logged* pattern_table::oldest(lane on, std::uint32_t but_not) const {
  const auto& log = logs_[index_of(on)];
  auto it = std::upper_bound(log.begin(), log.end(), evicted_to_[on],
                             [](log_position_number p, const logged& x) { return p < x.position; });
  bool none_kept = true;
  for (; it != log.end(); ++it) {
    const bool evictable = live(*it) && !entries_[it->entry_index].deleted;
    if (evictable && it->entry_index != but_not) break;
    none_kept = none_kept && !evictable;
    if (none_kept) evicted_to_[on] = it->position;
  }
  return it == log.end() ? nullptr : &*it;
}

bool pattern_table::is_full_for(std::size_t bytes, std::uint32_t in_place_of) const {
  const bool takes_place = in_place_of != none && entries_[in_place_of].records && !entries_[in_place_of].deleted;
  const std::size_t more = takes_place ? 0 : 1;
  return live_ + more > config_.entries_max || bytes_ + bytes + entry_bytes > config_.bytes_max;
}

bool pattern_table::make_room(std::size_t bytes, std::uint32_t in_place_of) {
  if (!is_full_for(bytes, in_place_of)) return true;
  const auto acknowledged = acknowledged_by_all();
  while (is_full_for(bytes, in_place_of))
    if (!evict_one(acknowledged, in_place_of)) return false;
  return true;
}

bool pattern_table::evict_one(const log_cursor& acknowledged, std::uint32_t but_not) {
  const logged* first = nullptr;
  for (lane l : all_lanes) {
    const logged* candidate = oldest(l, but_not);
    if (!candidate || candidate->position > acknowledged[l]) continue;
    if (!first || candidate->position < first->position) first = candidate;
  }
  if (!first) return forget_one_gone(acknowledged, but_not);
  const auto at = first->entry_index;
  const lane on = entries_[at].on;
  remove_entry(at);
  leave_hole(on);
  ++evicted_;
  partial_ = true;
  return true;
}

// With nothing but deletions and expired ones left, they make room as well, the one next to its horizon first.
bool pattern_table::forget_one_gone(const log_cursor& acknowledged, std::uint32_t but_not) {
  while (!due_.empty()) {
    const due next = due_.top();
    const entry& e = entries_[next.entry_index];
    const bool stands = e.position == next.position;
    if (stands && e.records && !e.deleted) return false;
    if (stands && (next.entry_index == but_not || (e.deleted && e.position > acknowledged[e.on]))) return false;
    due_.pop();
    if (!stands) continue;
    const bool was_logged = e.records != nullptr;
    const lane on = e.on;
    remove_entry(next.entry_index);
    if (was_logged) leave_hole(on);
    ++evicted_;
    partial_ = true;
    return true;
  }
  return false;
}

// -- time

/// The record's payload goes, its place in the merge rule stays.
void pattern_table::expire(std::uint32_t entry_index, const record_view& record, std::uint64_t key,
                           const content_hash& hash) {
  order_left left{std::string(record.id()), std::string(record.agent_id()),  key, record.version(),
                  record.timestamp(),       record.expires_at().value_or(0), hash};
  detach(entry_index);
  entries_[entry_index].access = {};
  bytes_ += left.id.size() + left.agent_id.size() + entry_bytes;
  expired_.insert_or_assign(entry_index, std::move(left));
}

void pattern_table::plan_entry(std::uint32_t entry_index) {
  const entry& e = entries_[entry_index];
  std::int64_t when_ms = 0;
  if (!e.records) {
    when_ms = std::max(expired_.at(entry_index).expires_at + config_.horizon.count(), e.arrived_ms + gone_stays_ms);
  } else if (e.deleted) {
    const auto timestamp = e.records->item(e.index).timestamp;
    when_ms = std::max(timestamp + config_.horizon.count(), e.arrived_ms + gone_stays_ms);
  } else {
    if (!e.records->item(e.index).expires) return;
    when_ms = e.records->record(e.index).expires_at().value_or(0);
  }
  // Replaced versions leave theirs behind: from time to time only what stands is kept.
  if (due_.size() > 2 * entries_.size() + limits::turn_records) {
    std::vector<due> standing;
    for (; !due_.empty(); due_.pop())
      if (entries_[due_.top().entry_index].position == due_.top().position) standing.push_back(due_.top());
    due_ = decltype(due_)(std::greater<>(), std::move(standing));
  }
  due_.push({when_ms, e.position, entry_index});
}

void pattern_table::handle(const due& next, std::int64_t now_ms) {
  const auto at = next.entry_index;
  entry& e = entries_[at];
  if (e.position != next.position) return;
  if (e.records && !e.deleted) {
    const slab_ptr records = e.records;
    const auto item = records->item(e.index);
    expire(at, records->record(e.index), item.key, item.hash);
    leave_hole(entries_[at].on);
    return plan_entry(at);
  }
  if (e.deleted && e.position > acknowledged_by_all()[e.on])
    return due_.push({now_ms + try_again_ms, next.position, at});
  const bool was_logged = e.records != nullptr;
  const lane on = e.on;
  remove_entry(at);
  if (was_logged) leave_hole(on);
}

void pattern_table::maintain(std::int64_t now_ms) {
  std::size_t left = limits::turn_records;
  for (; left != 0 && !due_.empty() && due_.top().when_ms <= now_ms; --left) {
    const due next = due_.top();
    due_.pop();
    handle(next, now_ms);
  }
  if (!config_.ttl) return;
  waits_for_peers_until_ms_ = 0;
  const auto acknowledged = acknowledged_by_all();
  for (lane l : all_lanes)
    for (const logged* first = oldest(l); left != 0 && first != nullptr; first = oldest(l), --left) {
      const auto at = first->entry_index;
      if (entries_[at].arrived_ms + config_.ttl->count() > now_ms) break;
      if (first->position > acknowledged[l]) {
        waits_for_peers_until_ms_ = now_ms + try_again_ms;
        break;
      }
      remove_entry(at);
      leave_hole(l);
      ++evicted_;
      partial_ = true;
    }
}

std::optional<std::int64_t> pattern_table::next_due_ms() const {
  std::optional<std::int64_t> first;
  if (!due_.empty()) first = due_.top().when_ms;
  if (!config_.ttl) return first;
  for (lane l : all_lanes)
    if (const logged* next = oldest(l)) {
      const auto when =
          std::max(entries_[next->entry_index].arrived_ms + config_.ttl->count(), waits_for_peers_until_ms_);
      first = first ? std::min(*first, when) : when;
    }
  return first;
}

}  // namespace quicsync
