#include <algorithm>

#include <quicsync/actors/store/pattern_store.hpp>
#include <quicsync/actors/store/pattern_store_impl.hpp>
#include <quicsync/codec/limits.hpp>

namespace quicsync {
namespace {

using detail::row_writer;

// Rows of one size are merged when there are so many of them side by side. Each record is then written again as often
// as eightfold goes into a full row: three times from one record to 512.
constexpr std::size_t merged_rows = 8;
// So many rows are removed in one commit: each takes about 20 pages off their list.
constexpr std::size_t removed_rows = 16;

/// Rows of 1 to 7 records, of 8 to 63, of 64 to 511; more than half full: none.
std::optional<unsigned> size_class(const detail::store_tables::row_head& row) {
  if (row.count >= limits::store_row_records / 2 || row.bytes >= limits::store_row_bytes / 8) return std::nullopt;
  return row.count < 8 ? 0u : row.count < 64 ? 1u : 2u;
}

}  // namespace

void pattern_store::impl::note_row(const row_head& head) {
  auto at = rows.insert_or_assign(head.first, row_info{head, {}}).first;
  live += head.count;
  const auto size = size_class(head);
  if (!size) return;
  for (std::size_t side_by_side = 1; at != rows.begin(); ++side_by_side) {
    if (side_by_side == merged_rows) {
      worth_rewriting.insert(at->first);
      return;
    }
    --at;
    if (size_class(at->second.head) != size) return;
  }
}

result<void> pattern_store::impl::clear() {
  auto done = commit([this] {
    tables.set_cleared(tables.head().position);
    return tables.remove_notes();
  });
  if (!done) return done;
  noted.clear();
  cleared.merge(rows);
  rows.clear();
  worth_rewriting.clear();
  unpacked_first = 0;
  live = dead = 0;
  return {};
}

result<bool> pattern_store::impl::compact(std::chrono::microseconds budget) {
  const auto end = now() + budget;
  for (;;) {
    auto done = result<void>();
    if (!cleared.empty())
      done = remove_cleared();
    else if (!worth_rewriting.empty())
      done = rewrite_from(*worth_rewriting.begin());
    else if (has_dead_to_shorten())
      done = shorten_dead();
    else
      return false;
    if (!done) return fail(std::move(done.error()));
    if (now() >= end) return !cleared.empty() || !worth_rewriting.empty() || has_dead_to_shorten();
  }
}

result<void> pattern_store::impl::remove_cleared() {
  auto end = cleared.begin();
  std::advance(end, static_cast<std::ptrdiff_t>(std::min(removed_rows, cleared.size())));
  auto done = commit([&]() -> result<void> {
    for (auto row = cleared.begin(); row != end; ++row) {
      if (auto removed = tables.remove_row(row->second.head); !removed) return removed;
    }
    return {};
  });
  if (done) cleared.erase(cleared.begin(), end);
  return done;
}

// Takes this row and those that follow it as long as what lives in them fits into one, and the next is small or half
// dead too.
result<void> pattern_store::impl::rewrite_from(log_position_number first) {
  std::vector<row_map::iterator> old;
  row_writer writer;
  std::vector<row_writer::row> made;
  for (auto at = rows.find(first); at != rows.end(); ++at) {
    const auto& row = at->second;
    const bool sparse = row.dead.size() * 2 > row.head.count;
    if (!old.empty() && !sparse && !size_class(row.head)) break;
    if (!old.empty() && row.head.last - first > 0xffffffffu) break;
    auto read = sets_of(row);
    if (!read) {
      if (read.error().code != errc::store_corrupt) return fail(std::move(read.error()));
      if (old.empty()) return set_aside(first, read.error());
      break;
    }
    std::size_t bytes = 0;
    std::uint64_t count = 0;
    for (auto& set : *read) {
      std::erase_if(set.places, [&](const auto& p) { return is_dead(row, p.position); });
      for (const auto& place : set.places) bytes += set.records->item(place.index).size;
      count += set.places.size();
    }
    if (!old.empty() && (!writer.empty() && writer.full_for(bytes))) break;
    old.push_back(at);
    for (auto& set : *read) {
      for (const auto& place : set.places) {
        if (writer.full_for(set.records->item(place.index).size)) made.push_back(writer.finish());
        writer.add(set, place);
      }
    }
    if (!made.empty() || old.size() >= 8 * merged_rows) break;
  }
  if (!writer.empty()) made.push_back(writer.finish());
  worth_rewriting.erase(first);
  if (old.size() == 1 && made.size() == 1 && made.front().count == old.front()->second.head.count) return {};
  std::vector<row_head> heads;
  auto done = commit([&]() -> result<void> {
    for (const auto& row : old) {
      if (auto removed = tables.remove_row(row->second.head); !removed) return removed;
    }
    for (const auto& row : made) {
      auto& head = heads.emplace_back(row_head{row.first, row.last, row.count, 0, 0});
      if (auto added = tables.add_row(head, row.body); !added) return added;
    }
    return {};
  });
  if (!done) return done;
  for (const auto& row : old) drop_row(row);
  for (const auto& head : heads) note_row(head);
  return {};
}

bool pattern_store::impl::has_dead_to_shorten() const noexcept {
  return !dead_lists.empty() && dead_listed > 2 * dead + limits::store_dead_step;
}

// The oldest lists become one, without the positions of rows that are not there any more. It gets a new number: the
// order of lists means nothing.
result<void> pattern_store::impl::shorten_dead() {
  std::vector<std::uint64_t> ids;
  std::vector<log_position_number> kept;
  std::uint64_t looked_at = 0;
  for (auto list = dead_lists.begin(); list != dead_lists.end() && looked_at < limits::store_dead_step; ++list) {
    const auto body = tables.dead_body(list->first);
    if (!body) return fail(body.error());
    const auto positions = detail::read_positions(*body);
    if (!positions) return fail(positions.error());
    for (const auto p : *positions) {
      const auto at = row_at(p);
      if (at != rows.end() && is_dead(at->second, p)) kept.push_back(p);
    }
    looked_at += positions->size();
    ids.push_back(list->first);
  }
  std::sort(kept.begin(), kept.end());
  std::uint64_t id = 0;
  auto done = commit([&]() -> result<void> {
    for (const auto old : ids) {
      if (auto removed = tables.remove_dead(old); !removed) return removed;
    }
    if (kept.empty()) return {};
    byte_buffer list;
    detail::append_positions(list, kept);
    auto added = tables.add_dead(list);
    if (!added) return fail(std::move(added.error()));
    id = *added;
    return {};
  });
  if (!done) return done;
  for (const auto old : ids) dead_lists.erase(old);
  dead_listed -= looked_at;
  if (id != 0) {
    dead_lists[id] = kept.size();
    dead_listed += kept.size();
  }
  return {};
}

result<bool> pattern_store::impl::checkpoint(bool all) {
  if (failed) return fail(*failed);
  const auto pages = tables.database().wal_pages();
  if (pages == 0 || (!all && pages < limits::store_wal_pages)) return false;
  if (!lock.hold_checkpoints(false)) return false;
  auto done = tables.database().checkpoint(false);
  lock.release_checkpoints();
  if (!done) {
    failed = done.error();
    return fail(std::move(done.error()));
  }
  return true;
}

}  // namespace quicsync
