// Counts what the program allocates with `new` (under the address sanitizer with `malloc` too): the meters of all
// threads together. Linking memory_meter.cpp replaces the global allocation functions where no sanitizer has its own.
#pragma once
#include <cstddef>

namespace quicsync::memory_meter {

/// Bytes that were allocated and not yet freed.
std::ptrdiff_t live_bytes() noexcept;
/// The most that were live since reset_peak().
std::ptrdiff_t peak_bytes() noexcept;
void reset_peak() noexcept;

/// The most that `work` had at once, beyond what was live before.
template <class Work>
std::size_t peak_of(Work&& work) {
  reset_peak();
  const auto before = live_bytes();
  work();
  return static_cast<std::size_t>(peak_bytes() - before);
}

}  // namespace quicsync::memory_meter
