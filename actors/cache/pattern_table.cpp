#include <algorithm>

#include <quicsync/actors/cache/pattern_table.hpp>

namespace quicsync {
namespace {

record_order order_in(const slab& records, std::size_t index) {
  const slab_item& item = records.item(index);
  return {item.version, item.timestamp, records.record(index).agent_id(), item.deleted, item.hash};
}

bool holds(const std::vector<std::string>& types, std::string_view type) {
  return std::find(types.begin(), types.end(), type) != types.end();
}

bool is_crowded(const sharing& access) { return access.audience && access.audience->size() > limits::frame_names; }

/// How much of a log may be superseded positions before it is rewritten.
constexpr std::size_t compact_at_least = 1024;

}  // namespace

lane pattern_table::lane_of(const slab& records, std::size_t index) const {
  const slab_item& item = records.item(index);
  const auto& types = config_.sync_priority;
  if (item.priority != 0 || item.deleted || (types.high.empty() && types.low.empty()))
    return lane_of_priority(item.priority);
  const auto type = records.record(index).type();
  if (holds(types.high, type)) return lane::high;
  return holds(types.low, type) ? lane::low : lane::normal;
}

std::string_view pattern_table::id_of(std::uint32_t entry_index) const {
  const entry& e = entries_[entry_index];
  return e.records ? e.records->id(e.index) : std::string_view(expired_.at(entry_index).id);
}

record_order pattern_table::order_at(std::uint32_t entry_index) const {
  const entry& e = entries_[entry_index];
  if (e.records) return order_in(*e.records, e.index);
  const order_left& left = expired_.at(entry_index);
  return {left.version, left.timestamp, left.agent_id, false, left.hash};
}

std::uint32_t pattern_table::find_in_chain(std::uint32_t first, std::string_view id) const {
  for (std::uint32_t i = first; i != none; i = entries_[i].next_of_key)
    if (id_of(i) == id) return i;
  return none;
}

std::uint32_t pattern_table::find_entry(std::uint64_t key, std::string_view id) const {
  auto found = by_key_.find(key);
  return found == by_key_.end() ? none : find_in_chain(found->second, id);
}

/// `chain`: the first entry of the same key, or none; becomes the new one.
std::uint32_t pattern_table::add_entry(std::uint32_t& chain) {
  std::uint32_t at = 0;
  if (free_.empty()) {
    at = static_cast<std::uint32_t>(entries_.size());
    entries_.emplace_back();
  } else {
    at = free_.back();
    free_.pop_back();
    entries_[at] = entry{};
  }
  entries_[at].next_of_key = std::exchange(chain, at);
  return at;
}

void pattern_table::remove_entry(std::uint32_t entry_index) {
  entry& e = entries_[entry_index];
  const auto key = e.records ? e.records->item(e.index).key : expired_.at(entry_index).key;
  auto slot = by_key_.find(key);
  if (slot->second == entry_index && e.next_of_key == none)
    by_key_.erase(slot);
  else if (slot->second == entry_index)
    slot->second = e.next_of_key;
  else
    for (auto i = slot->second; i != none; i = entries_[i].next_of_key)
      if (entries_[i].next_of_key == entry_index) entries_[i].next_of_key = e.next_of_key;
  detach(entry_index);
  entries_[entry_index] = entry{};
  free_.push_back(entry_index);
}

void pattern_table::log(std::uint32_t entry_index) {
  entry& e = entries_[entry_index];
  e.position = ++last_position_;
  logs_[index_of(e.on)].push_back({e.position, entry_index});
}

void pattern_table::leave_hole(lane on) {
  auto& holes = ++holes_[index_of(on)];
  if (holes >= compact_at_least && holes * 2 > logs_[index_of(on)].size()) compact(on);
}

/// The entry stands at the log's end from now on; `replaced`: where it stood, if it did.
log_position_number pattern_table::stand(std::uint32_t entry_index, lane on, log_position_number replaced) {
  entry& e = entries_[entry_index];
  lane before = std::exchange(e.on, on);
  if (e.records)
    log(entry_index);
  else
    e.position = ++last_position_;
  if (replaced != 0) leave_hole(before);
  plan_entry(entry_index);
  return e.position;
}

merge_result pattern_table::compare(std::uint32_t entry_index, const slab& records, std::size_t index) const {
  const entry& held = entries_[entry_index];
  const slab_item& item = records.item(index);
  if (held.records && held.records->item(held.index).hash == item.hash &&
      held.records->item(held.index).size == item.size)
    return {merge_outcome::same, false};
  return merge(order_at(entry_index), order_in(records, index));
}

/// Whoever follows the log meets it again, and so do those who may have it only now.
pattern_table::outcome pattern_table::widen(std::uint32_t entry_index, peer_number source, const sharing& access) {
  entry& held = entries_[entry_index];
  auto wider = held.access;
  if (!held.records || !wider.widen(access)) return {verdict::duplicate, false, held.on, read_at(held), 0};
  if (is_crowded(wider)) return {verdict::crowded, false, held.on, read_at(held), 0};
  bytes_ = bytes_ - held.access.bytes_at_most() + wider.bytes_at_most();
  held.access = std::move(wider);
  held.source = source;
  const auto replaced = held.position;
  const auto position = stand(entry_index, held.on, replaced);
  return {verdict::widened, false, entries_[entry_index].on, position, replaced};
}

pattern_table::outcome pattern_table::apply(const slab_ptr& records, std::size_t index, peer_number source,
                                            const sharing& access, std::int64_t now_ms) {
  const slab_item& item = records->item(index);
  const bool is_over = item.expires && is_expired(records->record(index).expires_at(), now_ms);
  outcome out;
  out.on = lane_of(*records, index);
  if (is_crowded(access)) return {verdict::crowded, false, out.on, 0, 0};
  const auto bytes = item.size + access.bytes_at_most();
  const auto id = records->id(index);
  auto chain = by_key_.try_emplace(item.key, none).first;
  std::uint32_t at = find_in_chain(chain->second, id);

  if (at != none) {
    entry& held = entries_[at];
    const auto merged = compare(at, *records, index);
    if (merged.outcome == merge_outcome::same) return widen(at, source, access);
    out.conflict = merged.conflict;
    if (merged.outcome == merge_outcome::older) {
      out.what = verdict::older;
      out.on = held.on;
      out.position = read_at(held);
      if (out.conflict) out.loser = records;
      out.loser_index = static_cast<std::uint16_t>(index);
      return out;
    }
    if (!is_over && !make_room(bytes, at)) return {verdict::no_room, false, out.on, 0, 0};
    if (out.conflict) out.loser = held.records;
    out.loser_index = held.index;
    out.what = verdict::replaced;
    out.replaced = held.records ? held.position : 0;
    held.over_version = order_at(at).version;
    held.over_source = held.source;
    held.replaced_one = true;
    detach(at);
  } else {
    if (!is_over && is_full_for(bytes, none)) {
      // What goes for it may be the whole chain.
      if (chain->second == none) by_key_.erase(chain);
      if (!make_room(bytes, none)) return {verdict::no_room, false, out.on, 0, 0};
      chain = by_key_.try_emplace(item.key, none).first;
    }
    at = add_entry(chain->second);
  }

  entry& e = entries_[at];
  e.source = source;
  e.access = access;
  e.arrived_ms = now_ms;
  e.deleted = item.deleted;
  if (is_over) {
    out.what = verdict::expired;
    expire(at, records->record(index), item.key, item.hash);
  } else {
    attach(at, records, index);
  }
  out.position = stand(at, out.on, out.replaced);
  return out;
}

void pattern_table::compact(lane l) {
  auto& log = logs_[index_of(l)];
  if (log.empty()) return;
  // The last one stays, live or not: readers that have not come so far must still find that they have something to
  // pass.
  const logged last = log.back();
  log.pop_back();
  std::erase_if(log, [this](const logged& x) { return !live(x); });
  log.push_back(last);
  holes_[index_of(l)] = live(last) ? 0 : 1;
}

std::size_t pattern_table::log_size() const noexcept {
  std::size_t sum = 0;
  for (const auto& log : logs_) sum += log.size();
  return sum;
}

pattern_table::place pattern_table::find(std::string_view id) const {
  std::uint32_t at = find_entry(key_of(id, config_.key_seed), id);
  if (at == none) return {};
  const entry& e = entries_[at];
  return {e.records, e.index, e.source, e.access};
}

std::optional<pattern_table::reason> pattern_table::why(std::string_view id) const {
  std::uint32_t at = find_entry(key_of(id, config_.key_seed), id);
  if (at == none) return std::nullopt;
  const entry& e = entries_[at];
  reason out{e.source, e.arrived_ms, std::nullopt, e.over_source};
  if (e.replaced_one) out.over_version = e.over_version;
  return out;
}

bool pattern_table::nothing_after(const log_cursor& after, lane_set lanes) const noexcept {
  for (lane l : all_lanes) {
    const auto& log = logs_[index_of(l)];
    if (lanes.has(l) && !log.empty() && log.back().position > after[l]) return false;
  }
  return true;
}

pattern_table::reading pattern_table::read(const log_cursor& after, lane_set lanes, std::size_t records_max,
                                           std::size_t bytes_max) const {
  reading out;
  out.next = after;
  out.at_end = true;
  std::size_t records = 0, bytes = 0;
  std::shared_ptr<change_set> open;  // consecutive records of one slab, source and audience share a set

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
      if (records != 0 && (records >= records_max || bytes + size > bytes_max)) {
        out.at_end = false;
        return out;
      }
      if (!open || open->records != e.records || open->source != e.source || !(open->access == e.access)) {
        open = std::make_shared<change_set>(change_set{e.records, e.source, e.access, {}});
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
  std::size_t had = live_;
  by_key_.clear();
  entries_.clear();
  free_.clear();
  for (auto& log : logs_) log.clear();
  holes_.fill(0);
  live_in_.clear();
  counting_ = nullptr;
  counted_ = 0;
  expired_.clear();
  due_ = {};
  live_ = bytes_ = 0;
  partial_ = partial_ || had != 0;
  return had;
}

}  // namespace quicsync
