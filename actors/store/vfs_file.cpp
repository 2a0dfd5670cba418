#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>
#include <sqlite3.h>

#include <quicsync/actors/store/sqlite_database.hpp>
#include <quicsync/actors/store/vfs_file.hpp>

namespace quicsync::detail {
namespace {

constexpr std::size_t piece_bytes = 64u << 10;  // SQLite writes less than 128 KB at a time

result<sqlite3_vfs*> find_vfs(const std::string& name) {
  auto* const found = sqlite3_vfs_find(name.empty() ? nullptr : name.c_str());
  if (found == nullptr) return fail(errc::store_failed, fmt::format("store: no VFS is named {}", name));
  return found;
}

}  // namespace

void vfs_file::close::operator()(sqlite3_file* file) const noexcept {
  if (file->pMethods != nullptr) file->pMethods->xClose(file);
  std::free(file);
}

result<void> vfs_file::check(int code, const char* doing) const {
  if (code == SQLITE_OK) return {};
  return fail(sqlite_error(code, fmt::format("{} {}", doing, path_.c_str())));
}

result<vfs_file> vfs_file::open(const std::string& path, const std::string& vfs) {
  const auto system = find_vfs(vfs);
  if (!system) return fail(system.error());
  vfs_file made;
  made.path_ = path + std::string(2, '\0');  // SQLite looks for parameters behind a name
  auto* const memory = static_cast<sqlite3_file*>(std::calloc(1, static_cast<std::size_t>((*system)->szOsFile)));
  if (memory == nullptr) return fail(errc::store_failed, "store: no memory");
  made.file_.reset(memory);
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MAIN_JOURNAL;
  int got = 0;
  if (auto done = made.check((*system)->xOpen(*system, made.path_.c_str(), memory, flags, &got), "opening"); !done)
    return fail(std::move(done.error()));
  return made;
}

result<bool> vfs_file::exists(const std::string& path, const std::string& vfs) {
  const auto system = find_vfs(vfs);
  if (!system) return fail(system.error());
  int there = 0;
  if (const int code = (*system)->xAccess(*system, path.c_str(), SQLITE_ACCESS_EXISTS, &there); code != SQLITE_OK)
    return fail(sqlite_error(code, fmt::format("looking for {}", path)));
  return there != 0;
}

result<void> vfs_file::remove(const std::string& path, const std::string& vfs) {
  const auto system = find_vfs(vfs);
  if (!system) return fail(system.error());
  const int code = (*system)->xDelete(*system, path.c_str(), 1);
  if (code == SQLITE_OK || code == SQLITE_IOERR_DELETE_NOENT) return {};
  return fail(sqlite_error(code, fmt::format("removing {}", path)));
}

result<void> vfs_file::copy(const std::string& from, const std::string& to, const std::string& vfs) {
  auto target = open(to, vfs);
  if (!target) return fail(std::move(target.error()));
  if (auto done = target->truncate(0); !done) return done;
  const auto there = exists(from, vfs);
  if (!there) return fail(there.error());
  if (!*there) return target->sync();
  const auto source = open(from, vfs);
  if (!source) return fail(source.error());
  for (std::uint64_t offset = 0;; offset += piece_bytes) {
    const auto piece = source->read(offset, piece_bytes);
    if (!piece) return fail(piece.error());
    if (piece->empty()) return target->sync();
    if (auto done = target->write(offset, *piece); !done) return done;
  }
}

result<std::uint64_t> vfs_file::size() const {
  sqlite3_int64 bytes = 0;
  if (auto done = check(file_->pMethods->xFileSize(file_.get(), &bytes), "reading"); !done)
    return fail(std::move(done.error()));
  return static_cast<std::uint64_t>(bytes);
}

result<byte_buffer> vfs_file::read(std::uint64_t offset, std::size_t count) const {
  const auto end = size();
  if (!end) return fail(end.error());
  byte_buffer bytes(offset >= *end ? 0 : static_cast<std::size_t>(std::min<std::uint64_t>(count, *end - offset)));
  if (bytes.empty()) return bytes;
  const int code = file_->pMethods->xRead(file_.get(), bytes.data(), static_cast<int>(bytes.size()),
                                          static_cast<sqlite3_int64>(offset));
  if (auto done = check(code, "reading"); !done) return fail(std::move(done.error()));
  return bytes;
}

result<void> vfs_file::write(std::uint64_t offset, bytes_view bytes) {
  return check(file_->pMethods->xWrite(file_.get(), bytes.data(), static_cast<int>(bytes.size()),
                                       static_cast<sqlite3_int64>(offset)),
               "writing");
}

result<void> vfs_file::truncate(std::uint64_t bytes) {
  return check(file_->pMethods->xTruncate(file_.get(), static_cast<sqlite3_int64>(bytes)), "truncating");
}

result<void> vfs_file::sync() { return check(file_->pMethods->xSync(file_.get(), SQLITE_SYNC_NORMAL), "syncing"); }

}  // namespace quicsync::detail
