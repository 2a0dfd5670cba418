// Counts what the program allocates with `new`: the meters of all threads together. Linking memory_meter.cpp replaces
// the global allocation functions.
#pragma once
#include <cstddef>

namespace quicsync::memory_meter {

/// Bytes that were allocated and not yet freed.
std::size_t live_bytes() noexcept;
/// The most that were live since reset_peak().
std::size_t peak_bytes() noexcept;
void reset_peak() noexcept;

/// The most that `work` had at once, beyond what was live before.
template <class Work>
std::size_t peak_of(Work&& work) {
  reset_peak();
  const auto before = live_bytes();
  work();
  return peak_bytes() - before;
}

}  // namespace quicsync::memory_meter
