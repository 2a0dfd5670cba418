// Memory for what arrives in large bursts, used again once its last reader has let go of it: fresh memory costs a page
// fault for each 4 KB, which was half of a receiver's time. Owned by the event queue, one thread; readers may be on
// others.
#pragma once
#include <memory>
#include <vector>

#include <quicsync/codec/bytes.hpp>

namespace quicsync {

class receive_buffers {
 public:
  /// A burst, up to 512 KB, in few pieces.
  static constexpr std::size_t buffer_bytes = 256u << 10;

  /// Empty, with room for `buffer_bytes`.
  std::shared_ptr<byte_buffer> take();

 private:
  std::vector<std::shared_ptr<byte_buffer>> kept_;
};

}  // namespace quicsync
