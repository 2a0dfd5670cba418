// Any bytes as a lane, in pieces: what is read is written and read again as the same, and pieces make no difference.
#include <algorithm>

#include <quicsync/codec/frame.hpp>
#include <quicsync/codec/limits.hpp>

#include "tests/fuzz/fuzz.hpp"

using namespace quicsync;

namespace {

/// The frames as they are written again, and whether the lane ended in an error.
std::pair<byte_buffer, bool> read_all(bytes_view lane, std::size_t piece) {
  frame_reader reader(limits::control_frame_bytes);
  byte_buffer out;
  for (std::size_t at = 0; at < lane.size(); at += piece) {
    reader.feed(shared_bytes::copy_of(lane.subspan(at, std::min(piece, lane.size() - at))));
    while (true) {
      const auto next = reader.next();
      if (!next) return {out, true};
      if (!*next) break;
      append_frame(out, **next);
    }
  }
  return {out, false};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size == 0) return 0;
  const bytes_view lane(bytes + 1, size - 1);
  const auto whole = read_all(lane, std::max<std::size_t>(1, lane.size()));
  fuzz::require(read_all(lane, 1u + bytes[0]) == whole);
  const auto again = read_all(whole.first, std::max<std::size_t>(1, whole.first.size()));
  fuzz::require(!again.second && again.first == whole.first);
  return 0;
}
