// Large blocks of memory, for what a node holds most of: slabs and tables. What was given back is kept, within bounds,
// to be taken again: memory that the kernel has to clear first costs more than what is written there. Threads share it.
#pragma once
#include <cstddef>
#include <cstdint>

namespace quicsync::memory_blocks {

inline constexpr std::size_t block_bytes = 2u << 20;  ///< as a huge page has

/// A block, aligned to its size; zeros or what was left there. `huge`: where it is new, the kernel may back it by one
/// huge page, which is quicker to find things in and costs that it is cleared at once. Throws std::bad_alloc.
std::uint8_t* take(bool huge);
void give_back(std::uint8_t* block) noexcept;

/// Takes so many bytes of memory from the kernel, and as long as it is there so many more are kept for this process's
/// blocks.
class reserve {
 public:
  explicit reserve(std::size_t bytes);
  ~reserve();
  reserve(const reserve&) = delete;
  reserve& operator=(const reserve&) = delete;
  /// False: the kernel did not give all of them.
  bool complete() const noexcept { return complete_; }

 private:
  const std::size_t count_;  ///< blocks
  bool complete_ = true;
};

/// What the machine has, and what of it is not in use now; the largest number where that is not known. A container's
/// own limit is not looked at.
std::size_t physical_bytes() noexcept;
std::size_t available_bytes();

}  // namespace quicsync::memory_blocks
