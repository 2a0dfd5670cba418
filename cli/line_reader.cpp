#include "line_reader.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>
#include <unistd.h>

namespace quicsync::cli {
namespace {

constexpr std::size_t read_bytes = 256u << 10;

}  // namespace

std::optional<line_reader::line> line_reader::next() {
  for (;;) {
    auto end = buffer_.find('\n', std::max(scanned_, begin_));
    const bool whole = end != std::string::npos;
    if (!whole) end = buffer_.size();
    const auto length = end - begin_;
    const bool last = !whole && ended_ && length != 0;
    if (skipping_) {
      begin_ = scanned_ = whole ? end + 1 : end;
      skipping_ = !whole;
      if (!whole) return std::nullopt;
      continue;
    }
    if (length > line_bytes_max_) {
      skipping_ = !whole;
      begin_ = scanned_ = whole ? end + 1 : end;
      return line{++number_, {}, true};
    }
    if (!whole && !last) {
      scanned_ = end;
      return std::nullopt;
    }
    const line found{++number_, std::string_view(buffer_).substr(begin_, length)};
    begin_ = scanned_ = whole ? end + 1 : end;
    return found;
  }
}

result<void> line_reader::fill() {
  buffer_.erase(0, begin_);
  scanned_ -= std::min(scanned_, begin_);
  begin_ = 0;
  const auto before = buffer_.size();
  buffer_.resize(before + read_bytes);
  ssize_t count = 0;
  do count = ::read(descriptor_, buffer_.data() + before, read_bytes);
  while (count < 0 && errno == EINTR);
  const int problem = errno;
  buffer_.resize(before + static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
  if (count < 0 && problem != EAGAIN) return fail(errc::io_failed, std::strerror(problem));
  if (count == 0) ended_ = true;
  return {};
}

}  // namespace quicsync::cli
