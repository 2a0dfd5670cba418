// How long the pattern table holds what it holds: room, ttl, expiry, the horizon of what is gone, and the slabs behind
// it.
#include <algorithm>

#include <quicsync/actors/cache/pattern_table.hpp>
#include <quicsync/codec/planted.hpp>

namespace quicsync {
namespace {

/// What an entry takes beside its record: in the table, the index, the log and the slab's list.
constexpr std::size_t entry_bytes = 128;
/// What a slab takes beside its records.
constexpr std::size_t slab_bytes = 256;

/// What is gone stays this long after it came, however old it is: the peers must hear of it.
constexpr std::int64_t gone_stays_ms = 60'000;
/// When something due cannot be done yet.
constexpr std::int64_t try_again_ms = 1000;

/// A slab of fewer records is not worth copying what is left of it.
constexpr std::size_t slab_records_at_least = 8;
/// So many patterns in smaller slabs are put together, unless they take more than so many bytes each.
constexpr std::size_t lone_ones_gathered = 64, lone_bytes_max = 4096;

}  // namespace

// -- slabs

void pattern_table::attach(std::uint32_t entry_index, const slab_ptr& records, std::size_t index, peer_number source,
                           const sharing& access, std::int64_t arrived_ms) {
  entry& e = entries_[entry_index];
  e.from = arrivals_.hold(records, source, access, arrived_ms);
  e.index = static_cast<std::uint16_t>(index);
  const slab_item& item = records->item(index);
  e.deleted = item.deleted;
  bytes_ += item.size + entry_bytes;
  if (!item.deleted) {
    ++live_;
    digests_.held(held(entry_index));
  } else {
    digests_.deletion_held(held(entry_index));
  }
  if (!is_lone(*records)) return;
  lone_.push_back(entry_index);
  if (lone_.size() == lone_ones_gathered) gather_lone_ones();
}

void pattern_table::detach(std::uint32_t entry_index) {
  entry& e = entries_[entry_index];
  if (!e.has_record()) {
    auto left = left_.find(entry_index);
    if (left == left_.end()) return;
    if (e.cold) {
      --cold_;
      digests_.gone(held(entry_index));
    } else {
      bytes_ -= left->second.id.size() + left->second.agent_id.size() + entry_bytes;
    }
    e.cold = false;
    left_.erase(left);
    return;
  }
  const slab& records = slab_of(e);
  bytes_ -= records.item(e.index).size + entry_bytes;
  if (!e.deleted) {
    --live_;
    digests_.gone(held(entry_index));
  } else {
    digests_.deletion_gone(held(entry_index));
  }
  const auto from = std::exchange(e.from, none);
  const auto left = arrivals_.held_of_slab(from) - 1;
  if (left != 0 && records.size() >= slab_records_at_least && left * 4 <= records.size()) {
    const slab_ptr kept = arrivals_[from].records;
    arrivals_.let_go(from);
    copy_what_is_left(kept);
  } else {
    arrivals_.let_go(from);
  }
}

// One record would keep its whole slab alive. What is left of one that is mostly dead goes to a slab of its own; since
// three of four had to go before, each record is copied a bounded number of times.
void pattern_table::copy_what_is_left(const slab_ptr& records) {
  std::vector<std::uint32_t> left;
  for (std::size_t i = 0; i < records->size(); ++i)
    if (const auto at = find_attached(*records, i); at != none) left.push_back(at);
  copy_together(left);
}

// A slab for each pattern that was shared alone would take more than the patterns: those go together, once.
void pattern_table::gather_lone_ones() {
  std::vector<std::uint32_t> lone;
  for (const auto at : std::exchange(lone_, {}))
    if (entries_[at].has_record() && is_lone(slab_of(entries_[at]))) lone.push_back(at);
  copy_together(lone);
}

bool pattern_table::is_lone(const slab& records) {
  return records.size() < slab_records_at_least && records.record_bytes() <= lone_bytes_max;
}

/// The records of these entries go to a slab of their own, as far as one takes them.
void pattern_table::copy_together(const std::vector<std::uint32_t>& entries) {
  slab_builder builder(config_.key_seed);
  std::vector<std::uint32_t> moved;
  for (const auto at : entries) {
    if (builder.full()) break;
    if (builder.add_record(slab_of(entries_[at]).bytes(entries_[at].index))) moved.push_back(at);
  }
  if (moved.empty()) return;
  const slab_ptr copy = builder.finish();
  for (std::size_t i = 0; i < moved.size(); ++i) {
    entry& e = entries_[moved[i]];
    const auto from = e.from;
    const auto access = arrivals_[from].access;
    e.from = arrivals_.hold(copy, arrivals_[from].source, access, arrivals_[from].when_ms);
    e.index = static_cast<std::uint16_t>(i);
    arrivals_.let_go(from);
  }
}

std::uint32_t pattern_table::find_attached(const slab& records, std::size_t index) const {
  return by_key_.find(records.item(index).key, [&](std::uint32_t at) {
    const entry& e = entries_[at];
    return e.has_record() && e.index == index && &slab_of(e) == &records;
  });
}

// -- room

void pattern_table::set_progress(peer_number peer, lane on, log_position_number position) {
  auto& at = progress_[peer][on];
  at = std::max(at, position);
}

void pattern_table::forget_progress(peer_number peer) {
  progress_.erase(peer);
  if (!progress_.empty()) return;
  notes_replacements_ = false;
  replacements_.clear();
}

/// Lanes of which nothing is left to be acknowledged do not count.
log_position_number pattern_table::passed_by_all() const {
  auto all = last_position_;
  for (const auto& [peer, reached] : progress_)
    for (lane l : all_lanes)
      if (logs_[index_of(l)].last() > reached[l]) all = std::min(all, reached[l]);
  return all;
}

log_cursor pattern_table::acknowledged_by_all() const {
  log_cursor all = log_cursor::at(std::numeric_limits<log_position_number>::max());
  for (const auto& [peer, reached] : progress_) {
    bool stale = false;
    for (lane l : all_lanes) {
      stale = stale || logs_[index_of(l)].last() > reached[l] + limits::outbox_records;
    }
    if (stale) continue;
    for (lane l : all_lanes) all[l] = std::min(all[l], reached[l]);
  }
  return all;
}

std::size_t pattern_table::bytes() const noexcept {
  return bytes_ + arrivals_.slabs() * slab_bytes + arrivals_.audience_bytes();
}

/// The first pattern of a lane that could be evicted, by arrival; deletions are passed over.
std::optional<lane_log::standing> pattern_table::oldest(lane on, std::uint32_t but_not) const {
  std::optional<lane_log::standing> found;
  bool none_kept = true;
  logs_[index_of(on)].visit_after(evicted_to_[on], [&](const lane_log::standing& at) {
    const bool evictable = stands()(at) && !entries_[at.entry].deleted && !entries_[at.entry].cold;
    if (evictable && at.entry != but_not) {
      found = at;
      return false;
    }
    none_kept = none_kept && !evictable;
    if (none_kept) evicted_to_[on] = at.position;
    return true;
  });
  return found;
}

/// Whatever becomes of each of them. Where names are held it is not worked out: audiences can grow.
bool pattern_table::has_room_for_all_of(const slab& records, const sharing& access) const {
  if (access.audience || arrivals_.audience_bytes() != 0) return false;
  return live_ + records.size() <= config_.entries_max &&
         bytes() + records.record_bytes() + (records.size() + 1) * (entry_bytes + slab_bytes) <= config_.bytes_max;
}

bool pattern_table::is_full_for(std::size_t more_bytes, std::uint32_t in_place_of) const {
  const bool takes_place = in_place_of != none && entries_[in_place_of].has_record() && !entries_[in_place_of].deleted;
  const std::size_t more = takes_place ? 0 : 1;
  return live_ + more > config_.entries_max || bytes() + more_bytes + entry_bytes + slab_bytes > config_.bytes_max;
}

bool pattern_table::make_room(std::size_t bytes, std::uint32_t in_place_of) {
  if (!is_full_for(bytes, in_place_of)) return true;
  const auto to = may_be_evicted_to();
  while (is_full_for(bytes, in_place_of))
    // With a store, what is on its way there is over the bound for a moment, and that is bounded by itself.
    if (!evict_one(to, in_place_of)) return config_.stored;
  return true;
}

// What the store has is read from there by whoever comes to it later; without one, nobody must need it any more.
log_cursor pattern_table::may_be_evicted_to() const {
  return config_.stored ? log_cursor::at(durable_) : acknowledged_by_all();
}

void pattern_table::evict(const lane_log::standing& at, lane on) {
  ++evicted_;
  if (config_.stored) return cool(at.entry);
  remove_entry(at.entry);
  leave(on, at.position);
  partial_ = true;
}

void pattern_table::cool(std::uint32_t entry_index) {
  entry& e = entries_[entry_index];
  auto left = order_left_of(slab_of(e), e.index, source_of(entry_index), arrived_ms(entry_index));
  left.size = item_of(e).size;
  left.access = arrivals_[e.from].access;
  detach(entry_index);
  left_.insert_or_assign(entry_index, std::move(left));
  entries_[entry_index].cold = true;
  ++cold_;
  digests_.held(held(entry_index));
}

void pattern_table::forget_cold(log_position_number position, lane on) {
  std::uint32_t found = none;
  logs_[index_of(on)].visit_after(position - 1, [&](const lane_log::standing& at) {
    if (at.position == position && stands()(at) && entries_[at.entry].cold) found = at.entry;
    return false;
  });
  if (found == none) return;
  note_gone(position);
  remove_entry(found);
  leave(on, position);
}

bool pattern_table::evict_one(const log_cursor& acknowledged, std::uint32_t but_not) {
  std::optional<lane_log::standing> first;
  lane on = lane::normal;
  for (lane l : all_lanes) {
    const auto candidate = oldest(l, but_not);
    if (!candidate || candidate->position > acknowledged[l]) continue;
    if (first && candidate->position > first->position) continue;
    first = candidate;
    on = l;
  }
  if (!first) return !config_.stored && forget_one_gone(acknowledged, but_not);
  evict(*first, on);
  return true;
}

// With nothing but deletions and expired ones left, they make room as well, the one next to its horizon first.
bool pattern_table::forget_one_gone(const log_cursor& acknowledged, std::uint32_t but_not) {
  while (!due_.empty()) {
    const due next = due_.top();
    const entry& e = entries_[next.entry_index];
    const bool stands = e.position == next.position;
    if (stands && e.has_record() && !e.deleted) return false;
    if (stands && (next.entry_index == but_not || (e.deleted && e.position > acknowledged[e.on]))) return false;
    due_.pop();
    if (!stands) continue;
    const bool was_logged = e.has_record();
    const lane on = e.on;
    note_gone(e.position);
    remove_entry(next.entry_index);
    if (was_logged) leave(on, next.position);
    ++evicted_;
    partial_ = true;
    return true;
  }
  return false;
}

// -- time

pattern_table::order_left pattern_table::order_left_of(const slab& records, std::size_t index, peer_number source,
                                                       std::int64_t arrived_ms) {
  const auto record = records.record(index);
  const slab_item& item = records.item(index);
  return {{std::string(record.id()), item.version, item.hash},
          std::string(record.agent_id()),
          item.key,
          item.timestamp,
          record.expires_at().value_or(0),
          arrived_ms,
          source};
}

/// The record's payload goes, its place in the merge rule stays.
void pattern_table::expire(std::uint32_t entry_index, order_left left) {
  detach(entry_index);
  bytes_ += left.id.size() + left.agent_id.size() + entry_bytes;
  left_.insert_or_assign(entry_index, std::move(left));
}

void pattern_table::plan_entry(std::uint32_t entry_index) {
  const entry& e = entries_[entry_index];
  std::int64_t when_ms = 0;
  if (!is_logged(e)) {
    const order_left& left = left_.at(entry_index);
    when_ms = std::max(left.expires_at + config_.horizon.count(), left.arrived_ms + gone_stays_ms);
  } else if (e.deleted) {
    when_ms = std::max(item_of(e).timestamp + config_.horizon.count(), arrived_ms(entry_index) + gone_stays_ms);
    if (planted(bug::lost_tombstone)) when_ms = arrived_ms(entry_index);
  } else {
    if (!item_of(e).expires) return;
    when_ms = slab_of(e).record(e.index).expires_at().value_or(0);
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
  const bool forgets = planted(bug::lost_tombstone) ? e.deleted : planted(bug::expiry_forgets_order);
  if (is_logged(e) && !e.deleted && !forgets) {
    expire(at, e.cold ? left_.at(at) : order_left_of(slab_of(e), e.index, source_of(at), arrived_ms(at)));
    leave(entries_[at].on, next.position);
    return plan_entry(at);
  }
  if (e.deleted && !forgets && e.position > acknowledged_by_all()[e.on])
    return due_.push({now_ms + try_again_ms, next.position, at});
  const bool was_logged = e.has_record();
  const lane on = e.on;
  note_gone(e.position);
  remove_entry(at);
  if (was_logged) leave(on, next.position);
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
  const auto acknowledged = may_be_evicted_to();
  for (lane l : all_lanes)
    for (auto first = oldest(l); left != 0 && first; first = oldest(l), --left) {
      if (arrived_ms(first->entry) + config_.ttl->count() > now_ms) break;
      if (first->position > acknowledged[l]) {
        waits_for_peers_until_ms_ = now_ms + try_again_ms;
        break;
      }
      evict(*first, l);
    }
}

std::optional<std::int64_t> pattern_table::next_due_ms() const {
  std::optional<std::int64_t> first;
  if (!due_.empty()) first = due_.top().when_ms;
  if (!config_.ttl) return first;
  for (lane l : all_lanes)
    if (const auto next = oldest(l)) {
      const auto when = std::max(arrived_ms(next->entry) + config_.ttl->count(), waits_for_peers_until_ms_);
      first = first ? std::min(*first, when) : when;
    }
  return first;
}

}  // namespace quicsync
