#include "tests/codec/memory_meter.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

#if defined(__SANITIZE_ADDRESS__)
// As in sanitizer/allocator_interface.h, which is not everywhere.
extern "C" {
int __sanitizer_install_malloc_and_free_hooks(void (*)(const volatile void*, std::size_t),
                                              void (*)(const volatile void*));
std::size_t __sanitizer_get_allocated_size(const volatile void*);
}
#else
#include <malloc.h>
#endif

namespace quicsync::memory_meter {
namespace {

// Signed: what was allocated before the meter began may be freed after.
std::atomic<std::ptrdiff_t> live{0}, peak{0};

void add(std::size_t bytes) noexcept {
  const auto now = live.fetch_add(static_cast<std::ptrdiff_t>(bytes)) + static_cast<std::ptrdiff_t>(bytes);
  for (auto most = peak.load(); now > most && !peak.compare_exchange_weak(most, now);) continue;
}

void remove(std::size_t bytes) noexcept { live.fetch_sub(static_cast<std::ptrdiff_t>(bytes)); }

}  // namespace

std::ptrdiff_t live_bytes() noexcept { return live; }
std::ptrdiff_t peak_bytes() noexcept { return peak; }
void reset_peak() noexcept { peak = live.load(); }

#if defined(__SANITIZE_ADDRESS__)
namespace {

// The sanitizer keeps its own allocation functions, which tell `new` from `malloc`: it is asked instead of replaced.
[[maybe_unused]] const int hooked =
    __sanitizer_install_malloc_and_free_hooks([](const volatile void*, std::size_t bytes) { add(bytes); },
                                              [](const volatile void* at) {
                                                if (at != nullptr) remove(__sanitizer_get_allocated_size(at));
                                              });

}  // namespace
#endif

}  // namespace quicsync::memory_meter

#if !defined(__SANITIZE_ADDRESS__)
// The other forms of the standard library end in these.
void* operator new(std::size_t bytes) {
  void* const at = std::malloc(bytes == 0 ? 1 : bytes);
  if (at == nullptr) throw std::bad_alloc();
  quicsync::memory_meter::add(malloc_usable_size(at));
  return at;
}
void operator delete(void* at) noexcept {
  if (at != nullptr) quicsync::memory_meter::remove(malloc_usable_size(at));
  std::free(at);
}
void operator delete(void* at, std::size_t) noexcept { operator delete(at); }
#endif
