#include <algorithm>

#include <quicsync/actors/cache/pattern_table.hpp>
#include <quicsync/codec/limits.hpp>
#include <quicsync/codec/merge.hpp>

namespace quicsync {
namespace {

record_order order_of(const slab& records, std::size_t index) {
  const slab_item& item = records.item(index);
  return {item.version, item.timestamp, records.record(index).agent_id(), item.deleted, item.hash};
}

/// How much of a log may be superseded positions before it is rewritten.
constexpr std::size_t compact_at_least = 1024;

}  // namespace

std::uint32_t pattern_table::find_entry(std::uint64_t key, std::string_view id) const {
  auto found = by_key_.find(key);
  if (found == by_key_.end()) return none;
  for (std::uint32_t i = found->second; i != none; i = entries_[i].next_of_key) {
    const entry& e = entries_[i];
    if (e.records->id(e.index) == id) return i;
  }
  return none;
}

void pattern_table::log(std::uint32_t entry_index) {
  entry& e = entries_[entry_index];
  e.position = ++last_position_;
  logs_[index_of(e.on)].push_back({e.position, entry_index});
}

pattern_table::outcome pattern_table::apply(const slab_ptr& records, std::size_t index, peer_number source) {
  const slab_item& item = records->item(index);
  std::string_view id = records->id(index);
  lane on = lane_of_priority(item.priority);
  std::uint32_t at = find_entry(item.key, id);

  if (at == none) {
    at = static_cast<std::uint32_t>(entries_.size());
    entries_.push_back({records, 0, none, source, static_cast<std::uint16_t>(index), on});
    auto [slot, fresh] = by_key_.try_emplace(item.key, at);
    if (!fresh) entries_[at].next_of_key = std::exchange(slot->second, at);
    ++held_;
    log(at);
    return {verdict::added, false, on, last_position_, 0};
  }

  entry& held = entries_[at];
  const slab_item& held_item = held.records->item(held.index);
  if (held_item.hash == item.hash && held_item.size == item.size)
    return {verdict::duplicate, false, held.on, held.position, 0};
  auto merged = merge(order_of(*held.records, held.index), order_of(*records, index));
  bool conflict = merged.conflict;
  if (merged.outcome != merge_outcome::replaces) return {verdict::older, conflict, held.on, held.position, 0};

  ++holes_[index_of(held.on)];
  lane before = held.on;
  log_position_number replaced = held.position;
  held.records = records;
  held.index = static_cast<std::uint16_t>(index);
  held.source = source;
  held.on = on;
  log(at);
  if (holes_[index_of(before)] >= compact_at_least && holes_[index_of(before)] * 2 > logs_[index_of(before)].size())
    compact(before);
  return {verdict::replaced, conflict, on, last_position_, replaced};
}

void pattern_table::compact(lane l) {
  auto& log = logs_[index_of(l)];
  std::erase_if(log, [this](const logged& x) { return !live(x); });
  holes_[index_of(l)] = 0;
}

std::size_t pattern_table::log_size() const noexcept {
  std::size_t sum = 0;
  for (const auto& log : logs_) sum += log.size();
  return sum;
}

pattern_table::place pattern_table::find(std::string_view id) const {
  std::uint32_t at = find_entry(key_of(id, key_seed_), id);
  if (at == none) return {};
  return {entries_[at].records, entries_[at].index};
}

bool pattern_table::nothing_after(const log_cursor& after, lane_set lanes) const noexcept {
  for (lane l : all_lanes) {
    const auto& log = logs_[index_of(l)];
    if (lanes.has(l) && !log.empty() && log.back().position > after[l]) return false;
  }
  return true;
}

pattern_table::reading pattern_table::read(const log_cursor& after, lane_set lanes) const {
  reading out;
  out.next = after;
  out.at_end = true;
  std::size_t records = 0, bytes = 0;
  std::shared_ptr<change_set> open;  // consecutive records of one slab and source share a set

  for (lane l : all_lanes) {
    if (!lanes.has(l)) continue;
    const auto& log = logs_[index_of(l)];
    auto it = std::upper_bound(log.begin(), log.end(), after[l],
                               [](log_position_number p, const logged& x) { return p < x.position; });
    for (; it != log.end(); ++it) {
      if (!live(*it)) {
        out.next[l] = it->position;
        continue;
      }
      const entry& e = entries_[it->entry_index];
      std::size_t size = e.records->item(e.index).size;
      if (records != 0 && (records >= limits::turn_records || bytes + size > limits::turn_bytes)) {
        out.at_end = false;
        return out;
      }
      if (!open || open->records != e.records || open->source != e.source) {
        open = std::make_shared<change_set>(change_set{e.records, e.source, {}});
        out.sets.push_back(open);
      }
      open->changes.push_back({e.position, e.index, l});
      out.next[l] = it->position;
      ++records;
      bytes += size;
    }
  }
  return out;
}

std::size_t pattern_table::clear() {
  std::size_t had = held_;
  by_key_.clear();
  entries_.clear();
  for (auto& log : logs_) log.clear();
  holes_.fill(0);
  held_ = 0;
  return had;
}

}  // namespace quicsync
