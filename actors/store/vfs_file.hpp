// A file by way of an SQLite VFS, for what stands beside a store's database: so that a test's disk has it too. Owned by
// whoever opened it.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include <quicsync/codec/bytes.hpp>
#include <quicsync/codec/error.hpp>

struct sqlite3_file;

namespace quicsync::detail {

class vfs_file {
 public:
  vfs_file() = default;

  /// By the VFS of this name; empty: the system's. Made where it is missing, as private as the file whose name it goes
  /// on from (NAME-something). Errors: store_failed.
  static result<vfs_file> open(const std::string& path, const std::string& vfs);
  /// No error where there is none. Errors: store_failed.
  static result<void> remove(const std::string& path, const std::string& vfs);
  /// The bytes of one file, and nothing else, into another; on disk when it returns. A source that is not there is
  /// empty. Errors: store_failed, store_full.
  static result<void> copy(const std::string& from, const std::string& to, const std::string& vfs);
  /// Errors: store_failed.
  static result<bool> exists(const std::string& path, const std::string& vfs);

  result<std::uint64_t> size() const;
  /// Reads up to `count` bytes from `offset`; fewer at the end.
  result<byte_buffer> read(std::uint64_t offset, std::size_t count) const;
  result<void> write(std::uint64_t offset, bytes_view bytes);
  result<void> truncate(std::uint64_t bytes);
  result<void> sync();

 private:
  struct close {
    void operator()(sqlite3_file* file) const noexcept;
  };
  result<void> check(int code, const char* doing) const;

  std::string path_;
  std::unique_ptr<sqlite3_file, close> file_;
};

}  // namespace quicsync::detail
