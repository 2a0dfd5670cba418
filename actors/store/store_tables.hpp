// The tables of a store: rows, dead positions, notes, and the head that vouches for how many there are. It knows bytes
// and transactions, not patterns; pattern_store decides. One thread. docs/STORE.md, "tables".
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <quicsync/actors/log_cursor.hpp>
#include <quicsync/actors/store/sqlite_database.hpp>
#include <quicsync/actors/store/store_seal.hpp>
#include <quicsync/codec/error.hpp>

namespace quicsync::detail {

/// Changes with every commit; a body of its own in table `head`.
struct store_head {
  static constexpr std::uint64_t version_known = 1;
  static constexpr std::uint64_t version_oldest = 0;  ///< from which migration begins
  std::uint64_t version = version_known;
  std::uint64_t incarnation = 0;
  log_position_number position = 0;
  log_position_number cleared = 0;  ///< rows up to here are forgotten
  std::uint64_t entries = 0;        ///< of the tables rows, dead and notes
  std::uint64_t sum = 0;            ///< of their checksums, modulo 2^64
  bool operator==(const store_head&) const = default;
};

class store_tables {
 public:
  store_tables() = default;

  /// Errors: as sqlite_database::open(); store_corrupt where it is no store.
  static result<store_tables> open(const std::string& path, const std::string& vfs, bool create);

  bool is_new() const noexcept { return new_; }
  /// Makes the tables of a new store. `key` wraps the data key of `seal`, if it has one.
  result<void> make(std::uint64_t incarnation, const store_key* key, store_seal seal);
  /// Reads head and key of one that is there; one of an older format is brought to this one. Errors: store_newer,
  /// store_key, store_corrupt, store_failed.
  result<void> read(const store_key* key, store_seal::random_source random);
  /// Of a damaged store: what can be read of its head, and how it is sealed. Errors: store_key, store_corrupt where
  /// that is not known any more.
  result<void> read_damaged(const store_key* key, store_seal::random_source random);
  /// Of a damaged store: its rows and lists of dead positions, as many as can be read, into a new one that is made
  /// here. It has an incarnation, of this number, only once all is in. Errors: those of the new one.
  result<void> rescue_into(store_tables& fresh, const store_key* key, std::uint64_t incarnation);
  /// SQLite's own look at the file's pages. Errors: store_corrupt, store_failed.
  result<void> check_pages();

  const store_head& head() const noexcept { return head_; }

  /// One commit of what `change` does, or nothing of it. Errors: those of `change` and of SQLite.
  result<void> commit(const std::function<result<void>()>& change);
  std::uint64_t commits() const noexcept { return commits_; }

  // -- within commit()
  void set_position(log_position_number position) { head_.position = position; }
  void set_cleared(log_position_number position) { head_.cleared = position; }
  void set_incarnation(std::uint64_t incarnation) { head_.incarnation = incarnation; }

  struct row_head {
    log_position_number first = 0, last = 0;
    std::uint64_t count = 0;
    std::uint64_t sum = 0;
    std::uint64_t bytes = 0;
  };
  /// Seals and writes it; `row.sum` and `row.bytes` are set.
  result<void> add_row(row_head& row, bytes_view body);
  result<void> remove_row(const row_head& row);
  /// Moves the row as it stands, whatever can be read of it, to where nobody reads it.
  result<void> quarantine_row(const row_head& row, std::string_view why);
  /// The body, checked. Errors: store_corrupt, store_failed.
  result<byte_buffer> row_body(const row_head& row);

  /// Lists of positions that are dead.
  result<std::uint64_t> add_dead(bytes_view positions);
  result<void> remove_dead(std::uint64_t id);
  result<byte_buffer> dead_body(std::uint64_t id);

  result<void> set_note(const std::string& name, bytes_view value);
  result<void> remove_notes();

  // -- reading all
  /// In ascending order. With `bodies` each body's checksum is looked at; those that fail come with `whole` false.
  result<void> each_row(bool bodies, const std::function<void(const row_head&, bool whole)>& what);
  result<void> each_dead(const std::function<void(std::uint64_t id, std::uint64_t sum, bool whole)>& what);
  result<std::map<std::string, byte_buffer>> read_notes(bool& whole);

  /// What the head vouches for is there: as many entries, of these checksums. Kept by the calls above.
  std::uint64_t entries_seen() const noexcept { return entries_seen_; }
  std::uint64_t sum_seen() const noexcept { return sum_seen_; }
  result<std::uint64_t> quarantined();
  /// Makes the head vouch for what was seen, after a loss.
  void accept_what_is_there() {
    head_.entries = entries_seen_;
    head_.sum = sum_seen_;
  }

  /// Replaces how the data key is wrapped.
  result<void> rewrap(const store_key& key);

  result<std::uint64_t> pages_used();
  sqlite_database& database() noexcept { return db_; }
  const sqlite_database& database() const noexcept { return db_; }
  bool sealed() const noexcept { return seal_.sealed(); }

 private:
  result<void> prepare_all();
  result<void> put_head();
  result<void> migrate();
  result<void> put_key(const store_key& key);
  result<store_head> read_head();
  result<void> read_seal(const store_key* key, store_seal::random_source random);
  result<void> rescue_rows(store_tables& fresh);
  result<void> take_row(const row_head& row, bytes_view closed);
  result<void> take_dead(std::uint64_t id, std::uint64_t sum, bytes_view closed);
  void count_in(std::uint64_t sum) noexcept {
    ++head_.entries;
    head_.sum += sum;
  }
  void count_out(std::uint64_t sum) noexcept {
    --head_.entries;
    head_.sum -= sum;
  }
  void saw(std::uint64_t sum) noexcept {
    ++entries_seen_;
    sum_seen_ += sum;
  }

  sqlite_database db_;
  store_seal seal_;
  store_head head_;
  bool new_ = false;
  std::uint64_t commits_ = 0, entries_seen_ = 0, sum_seen_ = 0;
  std::uint64_t next_dead_ = 1, next_note_ = 1;
  struct note_place {
    std::uint64_t id = 0, sum = 0;
  };
  std::map<std::string, note_place> notes_;
  std::map<std::uint64_t, std::uint64_t> dead_sums_;
  sqlite_statement begin_, commit_, rollback_, put_head_, add_row_, remove_row_, get_row_, quarantine_row_, add_dead_,
      remove_dead_, get_dead_, put_note_, page_count_, free_count_;
};

}  // namespace quicsync::detail
