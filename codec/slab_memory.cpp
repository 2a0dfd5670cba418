#include <atomic>
#include <new>

#include <quicsync/codec/slab_memory.hpp>

namespace quicsync {
namespace {

std::atomic<slab_memory_source*> current_source{nullptr};

}  // namespace

void use_slab_memory(slab_memory_source& source) noexcept { current_source = &source; }

namespace detail {

slab_memory::slab_memory(std::size_t bytes) {
  if (auto* const source = current_source.load(std::memory_order_acquire))
    if (piece_ = source->take(bytes); piece_.bytes != nullptr) source_ = source;
  if (source_ == nullptr) piece_ = {static_cast<std::uint8_t*>(operator new(bytes)), bytes};
}

slab_memory::~slab_memory() {
  if (source_ != nullptr)
    source_->give_back(piece_, 0);
  else
    operator delete(piece_.bytes);
}

void slab_memory::shrink(std::size_t bytes) noexcept {
  if (source_ != nullptr && bytes < piece_.size) piece_.size = source_->give_back(piece_, bytes);
}

}  // namespace detail
}  // namespace quicsync
