#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <quicsync/actors/store/store_lock.hpp>

namespace quicsync::detail {
namespace {

constexpr off_t owner_byte = 0, checkpoint_byte = 1;

// Locks of the open file, not of the process: two stores in one process keep each other out as well.
bool set_lock(int descriptor, short type, off_t byte, bool wait) {
  struct flock what = {};
  what.l_type = type;
  what.l_whence = SEEK_SET;
  what.l_start = byte;
  what.l_len = 1;
  int done = 0;
  do {
    done = ::fcntl(descriptor, wait ? F_OFD_SETLKW : F_OFD_SETLK, &what);
  } while (done != 0 && errno == EINTR);
  return done == 0;
}

std::string read_owner(int descriptor) {
  char text[32] = {};
  const auto got = ::pread(descriptor, text, sizeof text - 1, 0);
  if (got <= 0) return "?";
  std::string owner(text, static_cast<std::size_t>(got));
  return owner.substr(0, owner.find('\n'));
}

}  // namespace

store_lock::store_lock(store_lock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
store_lock& store_lock::operator=(store_lock&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}
store_lock::~store_lock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

result<store_lock> store_lock::open(const std::string& path) {
  store_lock made;
  made.descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (made.descriptor_ < 0)
    return fail(errc::store_failed, fmt::format("store: cannot open {}: {}", path, std::strerror(errno)));
  return made;
}

result<store_lock> store_lock::visit(const std::string& store_path) { return open(store_path + "-lock"); }

result<store_lock> store_lock::own(const std::string& store_path) {
  auto made = open(store_path + "-lock");
  if (!made) return made;
  const int descriptor = made->descriptor_;
  if (!set_lock(descriptor, F_WRLCK, owner_byte, false)) {
    return fail(errc::store_locked,
                fmt::format("store: {} is in use by process {}", store_path, read_owner(descriptor)));
  }
  // For people only: the lock itself is the kernel's.
  const auto text = fmt::format("{}\n", ::getpid());
  if (::ftruncate(descriptor, 0) != 0 ||
      ::pwrite(descriptor, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
    return fail(errc::store_failed, fmt::format("store: cannot write {}-lock: {}", store_path, std::strerror(errno)));
  }
  return made;
}

bool store_lock::hold_checkpoints(bool wait) {
  return descriptor_ < 0 || set_lock(descriptor_, F_WRLCK, checkpoint_byte, wait);
}

void store_lock::release_checkpoints() {
  if (descriptor_ >= 0) set_lock(descriptor_, F_UNLCK, checkpoint_byte, false);
}

}  // namespace quicsync::detail
