#include <atomic>

#include <quicsync/transport/receive_buffers.hpp>

namespace quicsync {

namespace {

constexpr std::size_t kept_max = 16;  // 4 MB of an endpoint: a lane's window at its largest

}  // namespace

std::shared_ptr<byte_buffer> receive_buffers::take() {
  for (const auto& each : kept_) {
    if (each.use_count() != 1) continue;
    // What the last reader did, on whatever thread, came before it let go.
    std::atomic_thread_fence(std::memory_order_acquire);
    each->clear();
    return each;
  }
  auto fresh = std::make_shared<byte_buffer>();
  fresh->reserve(buffer_bytes);
  if (kept_.size() < kept_max) kept_.push_back(fresh);
  return fresh;
}

}  // namespace quicsync
