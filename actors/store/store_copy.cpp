#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <quicsync/actors/store/store_copy.hpp>
#include <quicsync/actors/store/store_lock.hpp>
#include <quicsync/codec/bytes.hpp>
#include <quicsync/transport/file_descriptor.hpp>

namespace quicsync {
namespace {

constexpr std::size_t piece_bytes = 1u << 20;
constexpr std::size_t log_header_bytes = 32;
constexpr int tries_max = 5;  // the log begins anew once at most while the lock is held

tl::unexpected<error> fail_of_system(const char* doing, const std::string& path) {
  return fail(errc::io_failed, fmt::format("cannot {} {}: {}", doing, path, std::strerror(errno)));
}

/// What the file holds; nothing where it is not there.
result<byte_buffer> read_start(const std::string& path, std::size_t count) {
  const file_descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  byte_buffer bytes(count);
  if (!file) {
    if (errno == ENOENT) return byte_buffer();
    return fail_of_system("read", path);
  }
  const auto got = ::pread(file.get(), bytes.data(), count, 0);
  if (got < 0) return fail_of_system("read", path);
  bytes.resize(static_cast<std::size_t>(got));
  return bytes;
}

/// A source that is not there gives an empty file.
result<void> copy_file(const std::string& from, const std::string& to, int how_to_make) {
  const file_descriptor source(::open(from.c_str(), O_RDONLY | O_CLOEXEC));
  if (!source && errno != ENOENT) return fail_of_system("read", from);
  const file_descriptor target(::open(to.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | how_to_make, 0600));
  if (!target) return fail_of_system("make", to);
  byte_buffer piece(piece_bytes);
  while (source) {
    const auto got = ::read(source.get(), piece.data(), piece.size());
    if (got < 0) return fail_of_system("read", from);
    if (got == 0) break;
    for (ssize_t done = 0; done < got;) {
      const auto written = ::write(target.get(), piece.data() + done, static_cast<std::size_t>(got - done));
      if (written < 0) return fail_of_system("write", to);
      done += written;
    }
  }
  if (::fsync(target.get()) != 0) return fail_of_system("write", to);
  return {};
}

}  // namespace

result<void> copy_store(const std::string& from, const std::string& to) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(from, ignored))
    return fail(errc::no_file, fmt::format("store: there is no {}", from));
  auto lock = detail::store_lock::visit(from);
  if (!lock) return fail(std::move(lock.error()));
  lock->hold_checkpoints(true);
  // The witness first: it may be behind the copy, and never before it.
  if (auto done = copy_file(from + "-witness", to + "-witness", O_TRUNC); !done) return done;
  if (auto done = copy_file(from, to, O_EXCL); !done) return done;
  // Nothing moves into the file now. The log may begin anew once more, over what is in the file already: then again.
  for (int i = 0; i < tries_max; ++i) {
    const auto before = read_start(from + "-wal", log_header_bytes);
    if (!before) return fail(before.error());
    if (auto done = copy_file(from + "-wal", to + "-wal", O_TRUNC); !done) return done;
    const auto after = read_start(from + "-wal", log_header_bytes);
    if (!after) return fail(after.error());
    if (*before == *after) return {};
  }
  return fail(errc::io_failed, fmt::format("cannot copy {}: its log changed all the time", from));
}

void remove_companions(const std::string& path) {
  for (const char* what : {"-wal", "-witness", "-lock"}) std::remove((path + what).c_str());
}

}  // namespace quicsync
