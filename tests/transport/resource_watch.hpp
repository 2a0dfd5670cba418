// What a test process has more than before: heap and descriptors. Under
// AddressSanitizer, which keeps what was freed, the heap is not looked at.
#pragma once
#include <algorithm>
#include <cstddef>
#include <filesystem>

#include <malloc.h>

namespace quicsync::tests {

#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool is_sanitized = true;
#elif defined(__has_feature)
inline constexpr bool is_sanitized = __has_feature(address_sanitizer);
#else
inline constexpr bool is_sanitized = false;
#endif

class resource_watch {
 public:
  resource_watch() : heap_(heap_bytes()), descriptors_(descriptor_count()) {}

  /// To be called while things happen: remembers the most.
  void look() {
    const auto now = heap_bytes();
    most_ = std::max(most_, now > heap_ ? now - heap_ : 0);
  }
  std::size_t most_heap_growth_bytes() {
    look();
    return most_;
  }
  std::size_t descriptor_growth() const {
    const auto now = descriptor_count();
    return now > descriptors_ ? now - descriptors_ : 0;
  }

 private:
  static std::size_t heap_bytes() {
    if (is_sanitized) return 0;
    const auto heap = mallinfo2();
    return heap.uordblks + heap.hblkhd;
  }
  static std::size_t descriptor_count() {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
  }

  std::size_t heap_, descriptors_, most_ = 0;
};

}  // namespace quicsync::tests
