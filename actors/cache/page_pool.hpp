// Memory for tables of millions: zeroed pages of one size, the first ones each by itself, then cut from memory_blocks,
// huge ones, since what is looked up at random costs a walk through the page tables otherwise. Given back all at once.
// Owned by the pattern table; one thread.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace quicsync {

class page_pool {
 public:
  static constexpr std::size_t page_bytes = 32u << 10;

  page_pool() = default;
  page_pool(const page_pool&) = delete;
  page_pool& operator=(const page_pool&) = delete;
  ~page_pool() { clear(); }

  /// A page of zeros that begins with a line of the processor's caches; it stays until clear(). Throws std::bad_alloc.
  void* take();
  void clear() noexcept;

 private:
  std::vector<void*> single_;  ///< of a page each
  std::vector<std::uint8_t*> blocks_;
  std::size_t left_of_block_ = 0;  ///< bytes of the last one
};

}  // namespace quicsync
