#include "freed_memory.hpp"

#include <malloc.h>

namespace quicsync::cli {
namespace {

constexpr int kept_bytes = 32 << 20;   // at the end of each of the allocator's arenas
constexpr int mapped_bytes = 4 << 20;  // larger ones are mapped by themselves and always go back

}  // namespace

void keep_freed_memory() noexcept {
  mallopt(M_TRIM_THRESHOLD, kept_bytes);
  mallopt(M_MMAP_THRESHOLD, mapped_bytes);
}

}  // namespace quicsync::cli
