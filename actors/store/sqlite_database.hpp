// SQLite with errors as values: a connection and its statements. Owned by the pattern store, on its thread. No other
// file of the store speaks SQLite's C interface, but for the witness, which is no database.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <sqlite3.h>

#include <quicsync/codec/bytes.hpp>
#include <quicsync/codec/error.hpp>

namespace quicsync::detail {

/// store_full, store_corrupt, store_locked or store_failed, with what was being done and SQLite's own words.
error sqlite_error(int code, std::string_view doing, const char* words = nullptr);

/// A prepared statement. Its connection outlives it.
class sqlite_statement {
 public:
  sqlite_statement() = default;

  sqlite_statement& bind(int index, std::int64_t value);
  sqlite_statement& bind(int index, std::uint64_t value) { return bind(index, static_cast<std::int64_t>(value)); }
  /// The bytes must stay until reset().
  sqlite_statement& bind(int index, bytes_view bytes);
  sqlite_statement& bind(int index, std::string_view text);

  /// The next row, if there is one. At the end, and on an error, the statement is reset.
  result<bool> step();
  /// For statements without rows.
  result<void> run();
  void reset();

  std::int64_t number(int column) const;
  std::uint64_t natural(int column) const { return static_cast<std::uint64_t>(number(column)); }
  /// Valid until the next step() or reset().
  bytes_view bytes(int column) const;

 private:
  friend class sqlite_database;
  struct finalize {
    void operator()(sqlite3_stmt* s) const noexcept { sqlite3_finalize(s); }
  };
  std::unique_ptr<sqlite3_stmt, finalize> handle_;
};

class sqlite_database {
 public:
  sqlite_database() = default;

  /// Errors: store_failed; no_file without `create` where there is none.
  static result<sqlite_database> open(const std::string& path, const std::string& vfs, bool create);

  result<void> run(const char* sql);
  result<sqlite_statement> prepare(std::string_view sql);
  /// The one number that the statement gives.
  result<std::int64_t> number(std::string_view sql);

  /// Moves all pages of the write-ahead log that it can into the file; with `truncate` waits for nothing less and
  /// empties the log.
  result<void> checkpoint(bool truncate);
  /// Pages in the write-ahead log after the last commit.
  std::uint64_t wal_pages() const noexcept { return *wal_pages_; }

  sqlite3* handle() const noexcept { return handle_.get(); }

 private:
  struct close {
    /// It ends with the last of its statements.
    void operator()(sqlite3* db) const noexcept { sqlite3_close_v2(db); }
  };
  std::unique_ptr<std::uint64_t> wal_pages_;  ///< the connection's hook knows where it is
  std::unique_ptr<sqlite3, close> handle_;
};

}  // namespace quicsync::detail
