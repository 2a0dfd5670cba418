// The pattern store: what a node has accepted, on disk, in the order of its log. A plain class without actor or clock
// of its own; one thread owns it and makes every call, because writing waits for the disk. docs/STORE.md is its format.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <quicsync/actors/log_cursor.hpp>
#include <quicsync/actors/sharing.hpp>
#include <quicsync/codec/bytes.hpp>
#include <quicsync/codec/error.hpp>
#include <quicsync/codec/slab.hpp>

namespace quicsync {

/// Records of one slab, from one source, for one audience, as the cache took them.
struct stored_set {
  slab_ptr records;
  std::string source;  ///< name of the peer that brought them; empty: this node
  sharing access;
  std::int64_t arrived_ms = 0;  ///< since 1970

  struct place {
    log_position_number position = 0;
    std::uint16_t index = 0;  ///< in the slab
    lane on = lane::normal;
    std::optional<std::uint64_t> over_version = std::nullopt;  ///< what it replaced; none: the first of its id
    std::string over_source = {};                              ///< name of who had brought that; empty: this node
  };
  std::vector<place> places;                    ///< ascending
  std::vector<log_position_number> superseded;  ///< nothing stands there any more: replaced, widened or forgotten
};

struct store_options {
  std::string path;            ///< of the file; its directory is made (0700) where it is missing
  std::string key_file;        ///< 32 bytes, mode 0600; empty: not encrypted
  std::uint64_t size_max = 0;  ///< bytes on disk, 0: as the disk bears
  std::uint64_t key_seed = 0;  ///< of the slabs that are given out
  bool may_be_copy = false;    ///< without a witness nothing counts as lost
  bool create = true;          ///< false: no_file where there is no store
  std::string vfs =
      {};  ///< an SQLite VFS through which everything goes, for tests: no lock, no directory; empty: the system's
  std::function<std::chrono::nanoseconds()> clock = {};         ///< monotonic, for budgets and the witness
  std::function<void(std::uint8_t*, std::size_t)> random = {};  ///< fills with random bytes
};

/// What there is to say about a store; all of it since it was opened but for what it holds.
struct store_state {
  std::uint64_t bytes = 0;  ///< on disk, the write-ahead log included
  std::uint64_t live = 0;   ///< records
  std::uint64_t dead = 0;   ///< superseded records whose room is not yet used again
  std::uint64_t rows = 0;
  std::uint64_t commits = 0;      ///< each made durable by at least one sync before it was said to be
  std::uint64_t wal_pages = 0;    ///< not yet in the file
  std::uint64_t quarantined = 0;  ///< rows set aside because their checksum failed, of all times
  std::optional<error> failed;    ///< why it takes nothing any more
  std::optional<error>
      lost;  ///< store_lost: what was here once is missing: found when it was opened, or later in a row
};

/// Whatever the result of a call, nothing that write() has said to be durable is given up silently: what turns out to
/// be missing or damaged shows in state().lost. After an error of the disk the store is `failed`: each further write
/// returns that error, because nobody knows what of the file has reached the disk (fsync says so once only).
class pattern_store {
 public:
  /// Opens or makes the store, puts what its write-ahead log holds into the file, and compares it with its witness.
  /// A store that was cut short, or damaged beyond what rows can be set aside for, opens with what is left, a new
  /// incarnation, no notes and state().lost; the damaged files stay beside it as PATH-damaged. Errors: store_locked
  /// (with the other process's id), store_newer, store_key, no_file, store_failed.
  static result<std::unique_ptr<pattern_store>> open(store_options options);

  /// Wraps the store's data key under another key file's key; the records stay as they are. Whoever has the old key and
  /// an old copy can still read that copy. Errors: as open(), and store_key for a store that is not encrypted.
  static result<void> change_key(store_options options, const std::string& new_key_file);

  ~pattern_store();
  pattern_store(const pattern_store&) = delete;
  pattern_store& operator=(const pattern_store&) = delete;

  /// Names this log: other nodes remember (incarnation, position). A new one where something was lost.
  std::uint64_t incarnation() const noexcept;
  /// Everything up to here is on disk, or superseded by something that is.
  log_position_number durable_position() const noexcept;

  /// Gives all live records in ascending order of position, each checked; one slab may come in several sets. Rows that
  /// fail their check are set aside. Errors: store_failed; what `each` returns ends it.
  result<void> load(const std::function<result<void>(stored_set)>& each);

  /// One commit: all of it is durable when it returns without an error. Positions ascend within a call, and are above
  /// durable_position(). What is superseded within the same call is not written. `reached` makes durable_position() at
  /// least that, where the last records were not worth writing. Notes go into the same commit: a few bytes under a name
  /// (a peer's), such as how far it was heard. Errors: store_full by size_max (nothing was written, and it may be tried
  /// again after compact() or clear()); internal for positions that do not ascend; store_failed and store_full by the
  /// disk (the store is failed, and whether it was written shows when it is opened again).
  using notes = std::map<std::string, byte_buffer>;
  result<void> write(std::span<const stored_set> sets, const notes& changed = {}, log_position_number reached = 0);

  /// What was noted; empty after a loss or clear(), because it may be true no longer.
  const notes& noted() const noexcept;

  /// Records whose payload left the memory. Positions ascend. Superseded ones are left out; those in rows that fail
  /// their check are in `damaged`, and the row is set aside. Errors: store_failed.
  struct reading {
    std::vector<stored_set> sets;
    std::vector<log_position_number> damaged;
  };
  result<reading> read(std::span<const log_position_number> positions);

  /// Forgets all records and notes, at once for whoever asks; the room is given back by compact(). Positions go on.
  result<void> clear();

  /// Rewrites rows that are mostly dead or very small, a bounded step at a time, until `budget` is over. True: there is
  /// more to do. One step may go over the budget by the time of a commit.
  result<bool> compact(std::chrono::microseconds budget);
  /// Moves the write-ahead log's pages into the file where there are more than limits::store_wal_pages, or any with
  /// `all`. True: they were moved; false: not due, or a backup is being taken.
  result<bool> checkpoint(bool all = false);
  /// Writes the witness where it is behind and limits::store_witness_interval has passed, or at once with `now`.
  /// write() does so as well; the owner calls this by witness_due().
  result<void> witness(bool now = false);
  /// On options.clock; nullopt: the witness is up to date.
  std::optional<std::chrono::nanoseconds> witness_due() const noexcept;

  store_state state() const;

 private:
  struct impl;
  explicit pattern_store(std::unique_ptr<impl> inside);
  std::unique_ptr<impl> impl_;
};

}  // namespace quicsync
