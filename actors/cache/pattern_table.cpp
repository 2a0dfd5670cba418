#include <algorithm>

#include <quicsync/actors/cache/pattern_table.hpp>
#include <quicsync/codec/planted.hpp>

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

// How many records before apply() comes to one its entry is fetched, then the record that is held.
constexpr std::size_t entry_ahead = 8, record_ahead = 4;
// One of so many new ids is looked for before its turn.
constexpr std::size_t new_ids_tried = 8;
// So many records can be passed over for what it takes to read one.
constexpr std::size_t passed_a_record = 8;

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
  return e.has_record() ? slab_of(e).id(e.index) : std::string_view(left_.at(entry_index).id);
}

record_order pattern_table::order_at(std::uint32_t entry_index) const {
  const entry& e = entries_[entry_index];
  if (e.has_record()) return order_in(slab_of(e), e.index);
  const order_left& left = left_.at(entry_index);
  return {left.version, left.timestamp, left.agent_id, false, left.hash};
}

std::uint32_t pattern_table::find_entry(std::uint64_t key, std::string_view id) const {
  return by_key_.find(key, [&](std::uint32_t entry_index) { return id_of(entry_index) == id; });
}

std::int64_t pattern_table::arrived_ms(std::uint32_t entry_index) const {
  const entry& e = entries_[entry_index];
  return e.has_record() ? arrivals_[e.from].when_ms : left_.at(entry_index).arrived_ms;
}

peer_number pattern_table::source_of(std::uint32_t entry_index) const {
  const entry& e = entries_[entry_index];
  return e.has_record() ? arrivals_[e.from].source : left_.at(entry_index).source;
}

pattern_table::batch::batch(pattern_table& table, const slab_ptr& records, peer_number source, const sharing& access,
                            std::int64_t now_ms)
    : table_(table),
      records_(records),
      access_(access),
      now_ms_(now_ms),
      source_(source),
      is_crowded_(is_crowded(access)),
      room_for_all_(table.has_room_for_all_of(*records, access)) {}

void pattern_table::batch::expect(std::size_t index) {
  const slab& records = *records_;
  // In the open: GCC takes a function that does nothing but fetch for one without effect, and leaves out calls of it.
  // All places in the index at once: one after the other they would each wait for a walk through the page tables.
  // Into the second cache (2): they are more than the first one holds beside the rest.
  if (index == 0)
    for (std::size_t i = 0; i < records.size(); ++i) {
      const auto* const first = table_.by_key_.place_of(records.item(i).key);
      if (first == nullptr) break;
      __builtin_prefetch(first, 0, 2);
    }
  // What the index says is kept until the entry's turn; what happens to the entry meanwhile makes it no more than a
  // guess.
  const auto& entries = table_.entries_;
  if (const auto coming = index + entry_ahead; coming < records.size()) {
    // Where ids are new there is no entry to be fetched; now and then that is tried again.
    const auto key = records.item(coming).key;
    const bool is_tried = finds_ids_ || coming % new_ids_tried == 0;
    const auto at = is_tried ? table_.by_key_.likely(key) : none;
    expected_[coming % expected_.size()] = at;
    if (is_tried) finds_ids_ = at != none;
    __builtin_prefetch(at != none ? static_cast<const void*>(&entries[at]) : table_.by_key_.place_of(key));
  }
  if (index >= entry_ahead - record_ahead && index + record_ahead < records.size())
    if (const auto at = expected_[(index + record_ahead) % expected_.size()];
        at < entries.size() && entries[at].has_record()) {
      const entry& e = entries[at];
      __builtin_prefetch(&table_.item_of(e));
      __builtin_prefetch(table_.slab_of(e).bytes(e.index).data());
    }
}

std::uint32_t pattern_table::add_entry(std::uint64_t key) {
  std::uint32_t at = 0;
  if (free_.empty()) {
    at = static_cast<std::uint32_t>(entries_.size());
    entries_.emplace_back();
  } else {
    at = free_.back();
    free_.pop_back();
  }
  by_key_.insert(key, at);
  return at;
}

void pattern_table::remove_entry(std::uint32_t entry_index) {
  const entry& e = entries_[entry_index];
  by_key_.erase(e.has_record() ? item_of(e).key : left_.at(entry_index).key, entry_index);
  detach(entry_index);
  entries_[entry_index] = entry{};
  free_.push_back(entry_index);
}

void pattern_table::leave(lane on, log_position_number position) { logs_[index_of(on)].leave(position, stands()); }

/// The entry stands at the log's end from now on; `replaced`: where it stood, if it did; `is_timed`: something is due
/// with it some time.
log_position_number pattern_table::stand(std::uint32_t entry_index, lane on, log_position_number replaced,
                                         bool is_timed) {
  entry& e = entries_[entry_index];
  const lane before = std::exchange(e.on, on);
  e.position = ++last_position_;
  const bool lost = planted(bug::conflation_loses_newest) && replaced != 0 && replaced + 1 == e.position;
  if (e.has_record() && !lost) logs_[index_of(on)].push(e.position, entry_index, stands());
  if (replaced != 0) leave(before, replaced);
  if (is_timed) plan_entry(entry_index);
  return e.position;
}

merge_result pattern_table::compare(std::uint32_t entry_index, const slab& records, std::size_t index) const {
  const entry& held = entries_[entry_index];
  const slab_item& item = records.item(index);
  if (held.has_record() && item_of(held).hash == item.hash && item_of(held).size == item.size)
    return {merge_outcome::same, false};
  return merge(order_at(entry_index), order_in(records, index));
}

// -- what peers compare

held_record pattern_table::held(std::uint32_t entry_index) const {
  const entry& e = entries_[entry_index];
  if (e.cold) {
    const order_left& left = left_.at(entry_index);
    return {nullptr, &left, 0, left.source, left.access, entry_index};
  }
  const arrival& as = arrivals_[e.from];
  return {as.records.get(), nullptr, e.index, as.source, as.access, entry_index};
}

void pattern_table::scan_digests(std::size_t entries_max) {
  digests_.scan(entries(), entries_max,
                [this](std::uint32_t first, std::uint32_t last, const std::function<void(const held_record&)>& take) {
                  visit_held(first, last, take);
                });
}

std::size_t pattern_table::append_to(reading& page, std::uint32_t entry_index) const {
  const entry& e = entries_[entry_index];
  if (e.cold) {
    const order_left& left = left_.at(entry_index);
    page.cold.push_back({e.position, e.on, left.source, left.access});
    return left.size;
  }
  if (!e.has_record()) return 0;
  const arrival& as = arrivals_[e.from];
  auto& sets = page.sets;
  if (sets.empty() || sets.back()->records != as.records || sets.back()->source != as.source ||
      !(sets.back()->access == as.access))
    sets.push_back(std::make_shared<change_set>(change_set{as.records, as.source, as.access, {}}));
  // The page is being made: nobody else has it yet.
  std::const_pointer_cast<change_set>(sets.back())->changes.push_back({e.position, e.index, e.on});
  return item_of(e).size;
}

std::shared_ptr<const change_set> pattern_table::newer_than(const slab& records, std::size_t index) const {
  const auto at = find_entry(records.item(index).key, records.id(index));
  reading page;
  if (at != none && compare(at, records, index).outcome == merge_outcome::older) append_to(page, at);
  return page.sets.empty() ? nullptr : page.sets.front();
}

/// Whoever follows the log meets it again, and so do those who may have it only now. It is held as it came now, since
/// what it has in common with others is said of those that come together.
pattern_table::outcome pattern_table::widen(std::uint32_t entry_index, const slab_ptr& records, std::size_t index,
                                            peer_number source, const sharing& access) {
  entry& held = entries_[entry_index];
  const outcome unchanged{verdict::duplicate, false, held.on, read_at(held), 0};
  if (!is_logged(held)) return unchanged;
  // Not worth a copy, mostly.
  const auto& before = held.cold ? left_.at(entry_index).access : arrivals_[held.from].access;
  if (before.for_all()) return unchanged;
  auto wider = before;
  if (!wider.widen(access)) return unchanged;
  if (is_crowded(wider)) return {verdict::crowded, false, held.on, read_at(held), 0};
  const auto arrived = arrived_ms(entry_index);
  if (planted(bug::widening_is_not_told)) return unchanged;
  const auto replaced = held.position;
  const auto on = held.on;
  note_gone(replaced);
  detach(entry_index);
  attach(entry_index, records, index, source, wider, arrived);
  const auto& item = records->item(index);
  const auto position = stand(entry_index, on, replaced, item.expires || item.deleted);
  outcome out{verdict::widened, false, on, position, replaced};
  out.entry = entry_index;
  return out;
}

pattern_table::outcome pattern_table::batch::apply(std::size_t index) {
  auto& t = table_;
  const slab& records = *records_;
  const slab_item& item = records.item(index);
  const bool is_over = item.expires && is_expired(records.record(index).expires_at(), now_ms_);
  const bool has_room = is_over || room_for_all_;
  outcome out;
  std::optional<replacements::step> step;
  out.on = t.lane_of(records, index);
  if (is_crowded_) return {verdict::crowded, false, out.on, 0, 0};
  // The id is looked at only where another of the same tag is held: a new record's bytes are left alone.
  std::uint32_t at = t.by_key_.find(item.key, [&](std::uint32_t held) { return t.id_of(held) == records.id(index); });

  if (at != none) {
    entry& held = t.entries_[at];
    const auto merged = t.compare(at, records, index);
    // A clock that was ahead let its payload go too early: it comes back.
    const bool returns = merged.outcome == merge_outcome::same && !is_logged(held) && !is_over;
    if (merged.outcome == merge_outcome::same && !returns && !planted(bug::double_application))
      return t.widen(at, records_, index, source_, access_);
    out.conflict = merged.conflict;
    if (merged.outcome == merge_outcome::older && !planted(bug::older_version_replaces)) {
      out.what = verdict::older;
      out.on = held.on;
      out.position = read_at(held);
      if (out.conflict) out.loser = records_;
      out.loser_index = static_cast<std::uint16_t>(index);
      return out;
    }
    if (!has_room && !t.make_room(item.size + access_.bytes_at_most(), at))
      return {verdict::no_room, false, out.on, 0, 0};
    if (out.conflict && held.has_record()) out.loser = t.arrivals_[held.from].records;
    out.loser_index = held.index;
    out.what = verdict::replaced;
    out.replaced = read_at(held);
    t.note_gone(held.position);
    if (t.notes_replacements_) step = t.step_over(at, records, index, access_);
    const auto over = t.order_at(at);
    held.over_version = over.version;
    held.over_source = t.source_of(at);
    held.decided = first_difference(over, order_in(records, index));
    t.detach(at);
  } else {
    if (!has_room && !t.make_room(item.size + access_.bytes_at_most(), none))
      return {verdict::no_room, false, out.on, 0, 0};
    at = t.add_entry(item.key);
  }

  if (is_over) {
    out.what = verdict::expired;
    t.entries_[at].deleted = item.deleted;
    t.expire(at, order_left_of(records, index, source_, now_ms_));
  } else {
    t.attach(at, records_, index, source_, access_, now_ms_);
  }
  out.entry = at;
  out.position = t.stand(at, out.on, out.replaced, item.expires || item.deleted);
  if (step && !is_over) t.replacements_.note(out.position, *step, [&t] { return t.passed_by_all(); });
  return out;
}

/// What is remembered of a replacement, before the record that goes is let go: only of what everybody may have.
std::optional<replacements::step> pattern_table::step_over(std::uint32_t entry_index, const slab& records,
                                                           std::size_t index, const sharing& access) const {
  const entry& e = entries_[entry_index];
  if (!e.has_record() || e.deleted || records.item(index).deleted || !access.for_all()) return std::nullopt;
  const arrival& from = arrivals_[e.from];
  if (!from.access.for_all()) return std::nullopt;
  const auto base = from.records->bytes(e.index), next = records.bytes(index);
  if (std::max(base.size(), next.size()) > limits::delta_record_bytes) return std::nullopt;
  const auto kept = common_ends_of(base, next);
  if (kept.bytes() < limits::delta_kept_bytes) return std::nullopt;
  return replacements::step{e.position, kept, from.source, e.on};
}

pattern_table::outcome pattern_table::restore(const slab_ptr& records, std::size_t index, peer_number source,
                                              const sharing& access, const past& before) {
  last_position_ = before.position - 1;
  // What expired since then goes with the next maintain(), like everything else that is due.
  const outcome out = apply(records, index, source, access, before.arrived_ms);
  last_position_ = before.position;
  if (out.position != before.position) {
    if (out.what == verdict::older || out.what == verdict::duplicate) note_gone(before.position);
    return out;
  }
  entry& e = entries_[out.entry];
  const auto version = records->item(index).version;
  e.decided = !before.over_version              ? order_part::none
              : *before.over_version == version ? order_part::tie
                                                : order_part::version;
  e.over_version = before.over_version.value_or(0);
  e.over_source = before.over_source;
  return out;
}

pattern_table::taken pattern_table::taken_at(std::uint32_t entry_index) const {
  const entry& e = entries_[entry_index];
  taken out{source_of(entry_index),
            e.has_record() ? arrivals_[e.from].access : sharing{},
            {e.position, arrived_ms(entry_index), std::nullopt, e.over_source}};
  if (e.decided != order_part::none) out.past.over_version = e.over_version;
  return out;
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
  if (e.cold) return {nullptr, 0, source_of(at), left_.at(at).access, e.position};
  if (!e.has_record()) return {nullptr, 0, source_of(at), {}};
  const arrival& from = arrivals_[e.from];
  return {from.records, e.index, from.source, from.access};
}

std::optional<pattern_table::reason> pattern_table::why(std::string_view id) const {
  std::uint32_t at = find_entry(key_of(id, config_.key_seed), id);
  if (at == none) return std::nullopt;
  const entry& e = entries_[at];
  reason out{source_of(at), arrived_ms(at), std::nullopt, e.over_source, e.decided};
  if (e.decided != order_part::none) out.over_version = e.over_version;
  out.on = e.on;
  return out;
}

bool pattern_table::nothing_after(const log_cursor& after, lane_set lanes) const noexcept {
  return std::none_of(all_lanes.begin(), all_lanes.end(),
                      [&](lane l) { return lanes.has(l) && logs_[index_of(l)].last() > after[l]; });
}

pattern_table::reading pattern_table::read(const log_cursor& after, lane_set lanes, std::size_t records_max,
                                           std::size_t bytes_max) const {
  return read_but_from(this_store, after, lanes, records_max, bytes_max);
}

/// What `reader` has brought is passed over; this_store: nothing is.
pattern_table::reading pattern_table::read_but_from(peer_number reader, const log_cursor& after, lane_set lanes,
                                                    std::size_t records_max, std::size_t bytes_max) const {
  reading out;
  out.next = after;
  std::size_t records = 0, bytes = 0, passed = 0;
  std::shared_ptr<change_set> open;  // consecutive records that came together share a set
  const arrival* from = nullptr;
  std::uint32_t open_from = none, from_number = none;
  const auto pass = [&](lane l, log_position_number position) {
    if (++passed > records_max * passed_a_record) return false;
    out.next[l] = position;
    return true;
  };

  for (lane l : all_lanes) {
    if (!lanes.has(l)) continue;
    const auto& log = logs_[index_of(l)];
    const bool all = log.visit_after(after[l], [&](const lane_log::standing& at) {
      const entry& e = entries_[at.entry];
      if (e.position == at.position && e.has_record()) {
        if (e.from != from_number) from = &arrivals_[from_number = e.from];
        if (from->source == reader) return pass(l, at.position);
        const slab& records_of = *from->records;
        const std::size_t size = records_of.item(e.index).size;
        if (e.index + record_ahead < records_of.size()) __builtin_prefetch(&records_of.item(e.index + record_ahead));
        if (records != 0 && (records >= records_max || bytes + size > bytes_max)) return false;
        if (e.from != open_from) {
          open_from = e.from;
          open = std::make_shared<change_set>(change_set{from->records, from->source, from->access, {}});
          open->changes.reserve(std::min<std::size_t>(from->held, records_max - records));
          out.sets.push_back(open);
        }
        open->changes.push_back({at.position, e.index, l});
        ++records;
        bytes += size;
      }
      if (e.position == at.position && e.cold) {
        const order_left& left = left_.at(at.entry);
        if (left.source == reader) return pass(l, at.position);
        if (records != 0 && (records >= records_max || bytes + left.size > bytes_max)) return false;
        out.cold.push_back({at.position, l, left.source, left.access});
        open_from = none;
        ++records;
        bytes += left.size;
      }
      out.next[l] = at.position;
      return true;
    });
    if (!all) return out;
    out.next[l] = std::max(after[l], log.last());
  }
  out.at_end = true;
  return out;
}

pattern_table::reading pattern_table::read_for(const delta_reader& peer, const log_cursor& after, lane_set lanes,
                                               std::size_t records_max, std::size_t bytes_max) const {
  if (peer.number == this_node) return read(after, lanes, records_max, bytes_max);
  auto out = read_but_from(peer.number, after, lanes, records_max, bytes_max);
  const auto known = progress_.find(peer.number);
  if (known == progress_.end() || replacements_.empty()) return out;
  const log_cursor& acknowledged = known->second;
  for (auto& set : out.sets) {
    if (!set->access.for_all()) continue;
    // The page is being made: nobody else has it yet.
    auto& deltas = std::const_pointer_cast<change_set>(set)->deltas;
    for (const change& c : set->changes) {
      // A lane keeps its order: what was sent on it before is there when this comes.
      const auto kept = replacements_.since(c.position, [&](const replacements::step& what) {
        return what.source == peer.number || what.over <= acknowledged[what.on] ||
               (what.on == c.on && what.over > peer.sent_from[c.on] && what.over <= after[c.on]);
      });
      if (kept && kept->bytes() >= limits::delta_kept_bytes) deltas.push_back({c.position, *kept});
    }
  }
  return out;
}

std::size_t pattern_table::left_after(const log_cursor& after) const {
  constexpr std::size_t counted_exactly = 4096;
  std::size_t sum = 0;
  for (lane l : all_lanes) {
    const auto& log = logs_[index_of(l)];
    std::size_t seen = 0;
    log.visit_after(after[l], [&](const lane_log::standing& at) {
      if (stands()(at)) ++sum;
      return ++seen < counted_exactly;
    });
    sum += log.places_after(after[l]) - seen;
  }
  return sum;
}

std::size_t pattern_table::clear() {
  std::size_t had = size();
  by_key_.clear();
  entries_.clear();
  pages_.clear();
  free_.clear();
  for (auto& log : logs_) log.clear();
  arrivals_.clear();
  lone_.clear();
  left_.clear();
  due_ = {};
  digests_.clear();
  replacements_.clear();
  live_ = cold_ = bytes_ = 0;
  partial_ = partial_ || had != 0;
  gone_.clear();
  return had;
}

}  // namespace quicsync
