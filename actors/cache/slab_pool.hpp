// Memory for slabs, which are most of what a cache holds: pieces cut from memory_blocks, so that what was reserved or
// used before serves again. Small pieces and huge ones are left to the heap. Threads share it.
#pragma once
#include <cstddef>

#include <quicsync/codec/slab_memory.hpp>

namespace quicsync::slab_pool {

inline constexpr std::size_t page_bytes = 4096;

/// The one of this process. Under the address sanitizer, which watches the heap, it gives nothing.
slab_memory_source& instance() noexcept;

struct use {
  std::size_t bytes = 0;           ///< in pieces
  std::size_t reserved_bytes = 0;  ///< of blocks
};
use look() noexcept;

}  // namespace quicsync::slab_pool
