#include <fmt/format.h>

#include <quicsync/actors/store/sqlite_database.hpp>

namespace quicsync::detail {
namespace {

errc code_of(int sqlite_code) noexcept {
  switch (sqlite_code & 0xff) {
    case SQLITE_FULL:
      return errc::store_full;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_ERROR:  // our statements are right: the tables that they name are not as they were made
      return errc::store_corrupt;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return errc::store_locked;
    default:
      return errc::store_failed;
  }
}

error error_of(sqlite3* db, std::string_view doing) {
  return sqlite_error(sqlite3_extended_errcode(db), doing, sqlite3_errmsg(db));
}

}  // namespace

error sqlite_error(int code, std::string_view doing, const char* words) {
  return {code_of(code),
          fmt::format("store: {}: {} ({})", doing, words != nullptr ? words : sqlite3_errstr(code), code)};
}

sqlite_statement& sqlite_statement::bind(int index, std::int64_t value) {
  sqlite3_bind_int64(handle_.get(), index, value);
  return *this;
}

sqlite_statement& sqlite_statement::bind(int index, bytes_view bytes) {
  sqlite3_bind_blob64(handle_.get(), index, bytes.data(), bytes.size(), SQLITE_STATIC);
  return *this;
}

sqlite_statement& sqlite_statement::bind(int index, std::string_view text) {
  sqlite3_bind_text64(handle_.get(), index, text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8);
  return *this;
}

result<bool> sqlite_statement::step() {
  const int code = sqlite3_step(handle_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) {
    reset();
    return false;
  }
  auto problem = error_of(sqlite3_db_handle(handle_.get()), sqlite3_sql(handle_.get()));
  reset();
  return fail(std::move(problem));
}

result<void> sqlite_statement::run() {
  for (;;) {
    auto more = step();
    if (!more) return fail(std::move(more.error()));
    if (!*more) return {};
  }
}

void sqlite_statement::reset() {
  sqlite3_reset(handle_.get());
  sqlite3_clear_bindings(handle_.get());
}

std::int64_t sqlite_statement::number(int column) const { return sqlite3_column_int64(handle_.get(), column); }

bytes_view sqlite_statement::bytes(int column) const {
  const auto* data = static_cast<const std::uint8_t*>(sqlite3_column_blob(handle_.get(), column));
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(handle_.get(), column))};
}

result<sqlite_database> sqlite_database::open(const std::string& path, const std::string& vfs, bool create) {
  sqlite_database db;
  sqlite3* handle = nullptr;
  const int flags =
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | (create ? SQLITE_OPEN_CREATE : 0);
  const int code = sqlite3_open_v2(path.c_str(), &handle, flags, vfs.empty() ? nullptr : vfs.c_str());
  db.handle_.reset(handle);
  if (code != SQLITE_OK) {
    if (!create && (code & 0xff) == SQLITE_CANTOPEN)
      return fail(errc::no_file, fmt::format("store: there is no {}, or it cannot be read", path));
    return fail(sqlite_error(code, fmt::format("opening {}", path), handle ? sqlite3_errmsg(handle) : nullptr));
  }
  db.wal_pages_ = std::make_unique<std::uint64_t>(0);
  // It takes the place of SQLite's own hook, which would checkpoint.
  sqlite3_wal_hook(
      handle,
      [](void* pages, sqlite3*, const char*, int count) {
        *static_cast<std::uint64_t*>(pages) = static_cast<std::uint64_t>(count);
        return SQLITE_OK;
      },
      db.wal_pages_.get());
  // The store checkpoints when it may, which closing does not know.
  sqlite3_db_config(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  return db;
}

result<void> sqlite_database::run(const char* sql) {
  if (sqlite3_exec(handle(), sql, nullptr, nullptr, nullptr) == SQLITE_OK) return {};
  return fail(error_of(handle(), sql));
}

result<sqlite_statement> sqlite_database::prepare(std::string_view sql) {
  sqlite_statement made;
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(handle(), sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                                      &statement, nullptr);
  if (code != SQLITE_OK) return fail(error_of(handle(), sql));
  made.handle_.reset(statement);
  return made;
}

result<std::int64_t> sqlite_database::number(std::string_view sql) {
  auto statement = prepare(sql);
  if (!statement) return fail(std::move(statement.error()));
  auto row = statement->step();
  if (!row) return fail(std::move(row.error()));
  return *row ? statement->number(0) : 0;
}

result<void> sqlite_database::checkpoint(bool truncate) {
  int in_log = 0, moved = 0;
  const int code = sqlite3_wal_checkpoint_v2(
      handle(), nullptr, truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE, &in_log, &moved);
  if (code != SQLITE_OK) return fail(error_of(handle(), "checkpoint"));
  *wal_pages_ = static_cast<std::uint64_t>(in_log - moved);
  return {};
}

}  // namespace quicsync::detail
