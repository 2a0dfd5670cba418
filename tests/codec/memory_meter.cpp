#include "tests/codec/memory_meter.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

#include <malloc.h>

namespace quicsync::memory_meter {
namespace {

std::atomic<std::size_t> live{0}, peak{0};

void* allocate(std::size_t bytes) {
  void* const at = std::malloc(bytes == 0 ? 1 : bytes);
  if (at == nullptr) throw std::bad_alloc();
  const auto now = live.fetch_add(malloc_usable_size(at)) + malloc_usable_size(at);
  for (auto most = peak.load(); now > most && !peak.compare_exchange_weak(most, now);) continue;
  return at;
}

void release(void* at) noexcept {
  if (at == nullptr) return;
  live.fetch_sub(malloc_usable_size(at));
  std::free(at);
}

}  // namespace

std::size_t live_bytes() noexcept { return live; }
std::size_t peak_bytes() noexcept { return peak; }
void reset_peak() noexcept { peak = live.load(); }

}  // namespace quicsync::memory_meter

// The other forms of the standard library end in these.
void* operator new(std::size_t bytes) { return quicsync::memory_meter::allocate(bytes); }
void operator delete(void* at) noexcept { quicsync::memory_meter::release(at); }
void operator delete(void* at, std::size_t) noexcept { quicsync::memory_meter::release(at); }
