#include <algorithm>

#include <fmt/format.h>

#include <quicsync/actors/store/pattern_store.hpp>
#include <quicsync/actors/store/pattern_store_impl.hpp>
#include <quicsync/codec/limits.hpp>

namespace quicsync {

using detail::row_writer;
using detail::store_key;

// -- what is known of the rows ----------------------------------------------------------------------------------------

pattern_store::impl::row_map::iterator pattern_store::impl::row_at(log_position_number position) {
  auto at = rows.upper_bound(position);
  if (at == rows.begin()) return rows.end();
  --at;
  return position <= at->second.head.last ? at : rows.end();
}

bool pattern_store::impl::is_dead(const row_info& row, log_position_number position) const {
  return std::binary_search(row.dead.begin(), row.dead.end(), static_cast<std::uint32_t>(position - row.head.first));
}

bool pattern_store::impl::mark_dead(log_position_number position) {
  const auto at = row_at(position);
  if (at == rows.end()) return false;
  auto& row = at->second;
  const auto offset = static_cast<std::uint32_t>(position - row.head.first);
  const auto where = std::lower_bound(row.dead.begin(), row.dead.end(), offset);
  if (where != row.dead.end() && *where == offset) return false;
  row.dead.insert(where, offset);
  ++dead;
  if (live > 0) --live;
  if (row.dead.size() * 2 > row.head.count) worth_rewriting.insert(at->first);
  return true;
}

// A list may still name what a rewritten row does not hold any more.
void pattern_store::impl::forget_needless_dead(row_info& row, const std::vector<stored_set>& sets) {
  if (row.dead.empty()) return;
  std::vector<std::uint32_t> there;
  for (const auto& set : sets)
    for (const auto& place : set.places)
      if (is_dead(row, place.position)) there.push_back(static_cast<std::uint32_t>(place.position - row.head.first));
  const auto live_before = row.live();
  dead -= row.dead.size() - there.size();
  row.dead = std::move(there);
  live += row.live() - live_before;
}

void pattern_store::impl::drop_row(row_map::iterator row) {
  live -= row->second.live();
  dead -= row->second.head.count - row->second.live();
  worth_rewriting.erase(row->first);
  if (unpacked_first == row->first) unpacked_first = 0;
  rows.erase(row);
}

// -- reading ----------------------------------------------------------------------------------------------------------

result<std::vector<stored_set>> pattern_store::impl::sets_of(const row_info& row) {
  const auto body = tables.row_body(row.head);
  if (!body) return fail(body.error());
  return detail::read_row(row.head.first, row.head.last, static_cast<std::uint32_t>(row.head.count), *body,
                          options.key_seed);
}

// What neighbours told may stand in this row, and will not be asked for again by position: the notes go with it.
result<void> pattern_store::impl::set_aside(log_position_number first, const error& why) {
  const auto at = rows.find(first);
  const auto head = at->second.head;
  lose(fmt::format("positions {} to {} are damaged: {}", head.first, head.last, to_string(why)));
  auto done = commit([&]() -> result<void> {
    if (auto moved = tables.quarantine_row(head, to_string(why)); !moved) return moved;
    return tables.remove_notes();
  });
  if (!done) return done;
  ++quarantined;
  noted.clear();
  drop_row(at);
  return {};
}

result<void> pattern_store::impl::load(const std::function<result<void>(stored_set)>& each) {
  std::vector<std::pair<log_position_number, error>> damaged;
  for (auto& [first, row] : rows) {
    auto sets = sets_of(row);
    if (!sets) {
      if (sets.error().code != errc::store_corrupt) return fail(std::move(sets.error()));
      damaged.emplace_back(first, std::move(sets.error()));
      continue;
    }
    forget_needless_dead(row, *sets);
    for (auto& set : *sets) {
      if (!row.dead.empty()) std::erase_if(set.places, [&](const auto& p) { return is_dead(row, p.position); });
      if (set.places.empty()) continue;
      if (auto done = each(std::move(set)); !done) return done;
    }
  }
  for (const auto& [first, why] : damaged) {
    if (auto done = set_aside(first, why); !done) return done;
  }
  return {};
}

result<pattern_store::reading> pattern_store::impl::read(std::span<const log_position_number> positions) {
  reading answer;
  for (const auto position : positions) {
    const auto at = row_at(position);
    if (at == rows.end() || is_dead(at->second, position)) continue;
    if (unpacked_first != at->first) {
      auto sets = sets_of(at->second);
      if (!sets) {
        if (sets.error().code != errc::store_corrupt) return fail(std::move(sets.error()));
        // All positions that were asked for and stand in this row, or did.
        for (const auto p : positions)
          if (p >= at->second.head.first && p <= at->second.head.last && !is_dead(at->second, p))
            answer.damaged.push_back(p);
        if (auto done = set_aside(at->first, sets.error()); !done) return fail(std::move(done.error()));
        continue;
      }
      unpacked = std::move(*sets);
      unpacked_first = at->first;
    }
    for (const auto& set : unpacked) {
      const auto place =
          std::lower_bound(set.places.begin(), set.places.end(), position,
                           [](const auto& p, log_position_number wanted) { return p.position < wanted; });
      if (place == set.places.end() || place->position != position) continue;
      const bool same = !answer.sets.empty() && answer.sets.back().records == set.records &&
                        answer.sets.back().source == set.source && answer.sets.back().access == set.access &&
                        answer.sets.back().arrived_ms == set.arrived_ms;
      if (!same) answer.sets.push_back({set.records, set.source, set.access, set.arrived_ms, {}, {}});
      answer.sets.back().places.push_back(*place);
    }
  }
  return answer;
}

// -- writing ----------------------------------------------------------------------------------------------------------

result<void> pattern_store::impl::commit(const std::function<result<void>()>& change) {
  if (failed) return fail(*failed);
  auto done = tables.commit(change);
  if (!done) failed = done.error();
  return done;
}

namespace {

constexpr std::uint64_t page_bytes = 4096;
constexpr std::uint64_t commit_bytes = 8 * page_bytes;  // a commit's pages beside its rows'

}  // namespace

result<std::uint64_t> pattern_store::impl::bytes_used() {
  const auto pages = tables.pages_used();
  if (!pages) return fail(pages.error());
  return (*pages + tables.database().wal_pages()) * page_bytes;
}

namespace {

/// What no longer stands anywhere once all sets are in, ascending.
std::vector<log_position_number> all_superseded(std::span<const stored_set> sets) {
  std::vector<log_position_number> all;
  for (const auto& set : sets) all.insert(all.end(), set.superseded.begin(), set.superseded.end());
  std::sort(all.begin(), all.end());
  return all;
}

}  // namespace

/// All that is dead goes at once, before the store says that it is full: this one commit waits for it. Returns what is
/// used then.
result<std::uint64_t> pattern_store::impl::make_room() {
  for (;;) {
    const auto more = compact(limits::store_slice);
    if (!more) return fail(more.error());
    if (!*more) break;
  }
  if (const auto moved = checkpoint(true); !moved) return fail(moved.error());
  return bytes_used();
}

result<void> pattern_store::impl::write(std::span<const stored_set> sets, const pattern_store::notes& changed,
                                        log_position_number reached) {
  if (failed) return fail(*failed);
  auto superseded = all_superseded(sets);
  auto position = tables.head().position;
  std::vector<row_writer::row> made;
  std::uint64_t bytes = 0;
  row_writer writer;
  for (const auto& set : sets) {
    for (const auto& place : set.places) {
      if (place.position <= position) {
        return fail(errc::internal, fmt::format("store: position {} is written after {}", place.position, position));
      }
      position = place.position;
      if (std::binary_search(superseded.begin(), superseded.end(), place.position)) continue;
      if (writer.full_for(set.records->item(place.index).size)) bytes += made.emplace_back(writer.finish()).body.size();
      writer.add(set, place);
    }
  }
  if (!writer.empty()) bytes += made.emplace_back(writer.finish()).body.size();
  position = std::max(position, reached);
  std::erase_if(superseded, [this](log_position_number p) { return row_at(p) == rows.end(); });
  if (made.empty() && superseded.empty() && changed.empty() && position == tables.head().position) return {};

  if (options.size_max != 0 && bytes != 0) {
    // It stands in the log first, then in the file.
    const auto needed = 2 * (bytes + commit_bytes);
    auto used = bytes_used();
    if (used && *used + needed > options.size_max) used = make_room();
    if (!used) return fail(used.error());
    if (*used + needed > options.size_max)
      return fail(errc::store_full, fmt::format("store: {} would be over its limit of {} bytes ({} are used)",
                                                options.path, options.size_max, *used));
  }

  std::vector<row_head> heads;
  std::uint64_t dead_id = 0;
  auto done = commit([&]() -> result<void> {
    for (const auto& row : made) {
      auto& head = heads.emplace_back(row_head{row.first, row.last, row.count, 0, 0});
      if (auto added = tables.add_row(head, row.body); !added) return added;
    }
    if (!superseded.empty()) {
      byte_buffer list;
      detail::append_positions(list, superseded);
      auto added = tables.add_dead(list);
      if (!added) return fail(std::move(added.error()));
      dead_id = *added;
    }
    for (const auto& [name, value] : changed) {
      if (auto set = tables.set_note(name, value); !set) return set;
    }
    tables.set_position(position);
    return {};
  });
  if (!done) return done;
  for (const auto& head : heads) note_row(head);
  if (dead_id != 0) {
    dead_lists[dead_id] = superseded.size();
    dead_listed += superseded.size();
    for (const auto p : superseded) mark_dead(p);
  }
  for (const auto& [name, value] : changed) noted[name] = value;
  witness_behind = true;
  if (now() - witness_written < limits::store_witness_interval) return {};
  return write_witness();
}

result<void> pattern_store::impl::write_witness() {
  if (failed) return fail(*failed);
  const detail::store_witness::statement now_true{tables.head().incarnation, tables.head().position};
  if (witness_file->said() != now_true) {
    if (auto done = witness_file->say(now_true); !done) {
      failed = done.error();
      return done;
    }
  }
  witness_behind = false;
  witness_written = now();
  return {};
}

// -- the face ---------------------------------------------------------------------------------------------------------

pattern_store::pattern_store(std::unique_ptr<impl> inside) : impl_(std::move(inside)) {}
pattern_store::~pattern_store() = default;

result<std::unique_ptr<pattern_store>> pattern_store::open(store_options options) {
  auto inside = std::make_unique<impl>(std::move(options));
  if (auto done = inside->open(); !done) return fail(std::move(done.error()));
  return std::unique_ptr<pattern_store>(new pattern_store(std::move(inside)));
}

result<void> pattern_store::change_key(store_options options, const std::string& new_key_file) {
  const auto key = store_key::read(new_key_file);
  if (!key) return fail(key.error());
  options.create = false;
  auto opened = open(std::move(options));
  if (!opened) return fail(std::move(opened.error()));
  auto& in = *(*opened)->impl_;
  if (!in.tables.sealed()) return fail(errc::store_key, fmt::format("{}: it is not encrypted", in.options.path));
  if (auto done = in.tables.rewrap(*key); !done) return done;
  const auto moved = in.checkpoint(true);
  return moved ? result<void>() : fail(moved.error());
}

std::uint64_t pattern_store::incarnation() const noexcept { return impl_->tables.head().incarnation; }
log_position_number pattern_store::durable_position() const noexcept { return impl_->tables.head().position; }
const pattern_store::notes& pattern_store::noted() const noexcept { return impl_->noted; }

result<void> pattern_store::load(const std::function<result<void>(stored_set)>& each) { return impl_->load(each); }
result<void> pattern_store::write(std::span<const stored_set> sets, const notes& changed, log_position_number reached) {
  return impl_->write(sets, changed, reached);
}
result<pattern_store::reading> pattern_store::read(std::span<const log_position_number> positions) {
  return impl_->read(positions);
}
result<void> pattern_store::clear() { return impl_->clear(); }
result<bool> pattern_store::compact(std::chrono::microseconds budget) { return impl_->compact(budget); }
result<bool> pattern_store::checkpoint(bool all) { return impl_->checkpoint(all); }

result<void> pattern_store::witness(bool at_once) {
  const auto due = witness_due();
  return due && (at_once || *due <= impl_->now()) ? impl_->write_witness() : result<void>();
}

std::optional<std::chrono::nanoseconds> pattern_store::witness_due() const noexcept {
  if (!impl_->witness_behind || impl_->failed) return std::nullopt;
  return impl_->witness_written + limits::store_witness_interval;
}

store_state pattern_store::state() const {
  const auto& in = *impl_;
  store_state s;
  if (const auto bytes = impl_->bytes_used(); bytes) s.bytes = *bytes;
  s.live = in.live;
  s.dead = in.dead;
  s.rows = in.rows.size();
  s.commits = in.tables.commits();
  s.wal_pages = in.tables.database().wal_pages();
  s.quarantined = in.quarantined;
  s.failed = in.failed;
  s.lost = in.lost;
  return s;
}

}  // namespace quicsync
