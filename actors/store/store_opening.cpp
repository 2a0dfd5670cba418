#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <fmt/format.h>

#include <quicsync/actors/store/pattern_store.hpp>
#include <quicsync/actors/store/pattern_store_impl.hpp>
#include <quicsync/transport/crypto.hpp>
#include <quicsync/transport/file_descriptor.hpp>

namespace quicsync {

using detail::store_key;
using detail::store_seal;
using detail::store_tables;

result<void> pattern_store::impl::prepare_files() {
  if (!options.vfs.empty()) return {};
  namespace fs = std::filesystem;
  std::error_code problem;
  const fs::path path(options.path);
  if (!options.create && !fs::exists(path, problem))
    return fail(errc::no_file, fmt::format("store: there is no {}", options.path));
  if (const auto folder = path.parent_path(); !folder.empty() && !fs::exists(folder, problem)) {
    fs::create_directories(folder, problem);
    if (!problem) fs::permissions(folder, fs::perms::owner_all, problem);
    if (problem)
      return fail(errc::store_failed, fmt::format("store: cannot make {}: {}", folder.string(), problem.message()));
  }
  auto taken = detail::store_lock::own(options.path);
  if (!taken) return fail(std::move(taken.error()));
  lock = std::move(*taken);
  // SQLite gives the log beside it the same mode.
  const file_descriptor file(::open(options.path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!file)
    return fail(errc::store_failed, fmt::format("store: cannot open {}: {}", options.path, std::strerror(errno)));
  return {};
}

// After a sync that failed, what was to be written can be read and is not on the disk: a process that comes after it
// would take the log's end for durable. So all of the log is written once more.
result<void> pattern_store::impl::write_log_again() {
  const auto log_path = options.path + "-wal";
  const auto there = detail::vfs_file::exists(log_path, options.vfs);
  if (!there) return fail(there.error());
  if (!*there) return {};
  auto log = detail::vfs_file::open(log_path, options.vfs);
  if (!log) return fail(std::move(log.error()));
  constexpr std::size_t piece_bytes = 64u << 10;  // SQLite writes less than 128 KB at a time
  for (std::uint64_t offset = 0;; offset += piece_bytes) {
    const auto piece = log->read(offset, piece_bytes);
    if (!piece) return fail(piece.error());
    if (piece->empty()) return log->sync();
    if (auto done = log->write(offset, *piece); !done) return done;
  }
}

result<void> pattern_store::impl::open() {
  if (!options.clock) options.clock = [] { return std::chrono::steady_clock::now().time_since_epoch(); };
  if (!options.random) options.random = crypto::random_bytes;
  if (auto done = prepare_files(); !done) return done;
  if (auto done = finish_rescue(); !done) return done;
  if (auto done = write_log_again(); !done) return done;
  if (auto done = open_tables(); !done) {
    if (done.error().code != errc::store_corrupt) return done;
    if (auto saved = rescue(done.error()); !saved) return saved;
    if (auto again = open_tables(); !again) return again;
  }
  if (auto done = compare_with_witness(); !done) return done;
  if (!lost) return write_witness();
  // The witness goes on contradicting until somebody has heard of the loss: a process that ends before that tells it to
  // the next.
  witness_behind = true;
  witness_written = now();
  return start_anew_after_loss();
}

result<void> pattern_store::impl::open_tables() {
  auto opened = store_tables::open(options.path, options.vfs, options.create);
  if (!opened) return fail(std::move(opened.error()));
  tables = std::move(*opened);
  auto witness = detail::store_witness::open(options.path + "-witness", options.vfs);
  if (!witness) return fail(std::move(witness.error()));
  witness_file = std::move(*witness);
  return tables.is_new() ? make_new() : read_what_is_there();
}

std::uint64_t pattern_store::impl::random_number() const {
  std::uint64_t number = 0;
  while (number == 0) options.random(reinterpret_cast<std::uint8_t*>(&number), sizeof number);
  return number;
}

result<std::optional<store_key>> pattern_store::impl::read_key() const {
  if (options.key_file.empty()) return std::optional<store_key>();
  auto key = store_key::read(options.key_file);
  if (!key) return fail(std::move(key.error()));
  return std::optional<store_key>(*key);
}

result<void> pattern_store::impl::make_new() {
  const auto key = read_key();
  if (!key) return fail(key.error());
  return tables.make(random_number(), *key ? &**key : nullptr, *key ? store_seal::make(options.random) : store_seal());
}

result<void> pattern_store::impl::read_what_is_there() {
  const auto key = read_key();
  if (!key) return fail(key.error());
  if (auto done = tables.read(*key ? &**key : nullptr, options.random); !done) {
    auto problem = std::move(done.error());
    problem.context = fmt::format("{}: {}", options.path, problem.context);
    return fail(std::move(problem));
  }
  lock.hold_checkpoints(true);
  auto moved = tables.database().checkpoint(true);
  lock.release_checkpoints();
  if (!moved) return moved;
  if (auto done = tables.check_pages(); !done) return done;

  rows.clear();
  cleared.clear();
  worth_rewriting.clear();
  dead_lists.clear();
  dead_listed = dead = live = 0;
  std::vector<row_head> damaged;
  const auto cleared_to = tables.head().cleared;
  auto done = tables.each_row(true, [&](const row_head& row, bool whole) {
    if (!whole)
      damaged.push_back(row);
    else if (row.last <= cleared_to)
      cleared[row.first].head = row;
    else
      note_row(row);
  });
  if (!done) return done;
  std::vector<std::uint64_t> lists;
  done = tables.each_dead([&](std::uint64_t id, std::uint64_t, bool whole) {
    if (whole)
      lists.push_back(id);
    else
      lose(fmt::format("list {} of superseded records is damaged", id));
  });
  if (!done) return done;
  bool notes_whole = true;
  auto read = tables.read_notes(notes_whole);
  if (!read) return fail(std::move(read.error()));
  noted = std::move(*read);
  if (!notes_whole) lose("a note is damaged");
  if (tables.entries_seen() != tables.head().entries || tables.sum_seen() != tables.head().sum) {
    lose(
        fmt::format("{} entries are there, and its head vouches for {}", tables.entries_seen(), tables.head().entries));
    tables.accept_what_is_there();
  }
  for (const auto& row : damaged) {
    note_row(row);
    if (auto aside = set_aside(row.first, {errc::store_corrupt, "its checksum does not fit"}); !aside) return aside;
  }
  if (const auto count = tables.quarantined(); count) quarantined = *count;
  return read_dead(lists);
}

result<void> pattern_store::impl::read_dead(const std::vector<std::uint64_t>& ids) {
  for (const auto id : ids) {
    const auto body = tables.dead_body(id);
    if (!body) return fail(body.error());
    const auto positions = detail::read_positions(*body);
    if (!positions) return fail(positions.error());
    dead_lists[id] = positions->size();
    dead_listed += positions->size();
    for (const auto position : *positions) mark_dead(position);
  }
  return {};
}

result<void> pattern_store::impl::compare_with_witness() {
  const auto& head = tables.head();
  if (witness_file->unreadable()) {
    lose("its witness cannot be read");
  } else if (const auto& said = witness_file->said(); !said) {
    if (head.position != 0 && !options.may_be_copy) lose("its witness is missing: it is a copy, or an old one");
  } else if (said->incarnation != head.incarnation) {
    if (head.position != 0 || said->position != 0)
      lose("its witness belongs to another store: it is a copy, or a new one");
  } else if (said->position > head.position) {
    lose(fmt::format("it ends at position {}, and had come to {}", head.position, said->position));
  }
  return {};
}

void pattern_store::impl::lose(std::string what) {
  if (!lost) lost = error{errc::store_lost, fmt::format("store: {}: {}", options.path, what)};
}

// Nobody's memory of this log holds any more: not the neighbours' of how far they have read it, not the notes of how
// far they were heard.
result<void> pattern_store::impl::start_anew_after_loss() {
  auto done = commit([this] {
    tables.set_incarnation(random_number());
    return tables.remove_notes();
  });
  if (done) noted.clear();
  return done;
}

}  // namespace quicsync
