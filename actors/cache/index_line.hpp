// One line of the processor's caches in the key index, and a look at all of its slots at once. A value.
#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace quicsync {

struct index_slot {
  std::uint32_t tag = 0;     ///< the key's upper half
  std::uint32_t number = 0;  ///< of the entry, and one; 0: free
};

/// Which slots of a line have a tag, and which are free. A line is filled from its front.
class index_line {
 public:
  static constexpr std::size_t bytes = 64;
  static constexpr std::uint32_t slots = bytes / sizeof(index_slot);

  /// `line` is aligned to `bytes`.
  index_line(const index_slot* line, std::uint32_t tag) noexcept : bits_(look(line, tag)) {}

  /// Those of the tag that are not free; bits for first_of().
  std::uint32_t of_tag() const noexcept { return bits_ & tags & (((free() & -free()) >> 1) - 1); }
  /// Bits for first_of(); 0: the line is full.
  std::uint32_t free() const noexcept { return bits_ & ~tags; }
  static std::uint32_t first_of(std::uint32_t bits) noexcept {
    return static_cast<std::uint32_t>(std::countr_zero(bits)) / 2;
  }

  /// Two bits a slot: the lower one says that it has the tag, the upper one that it is free.
  static std::uint32_t look(const index_slot* line, std::uint32_t tag) noexcept {
#ifdef __SSE2__
    // A slot is a pair of numbers: one is compared with the tag, the other one with 0.
    const auto wanted = _mm_set_epi32(0, static_cast<int>(tag), 0, static_cast<int>(tag));
    const auto* const pairs = reinterpret_cast<const __m128i*>(line);
    const auto equal = [&](int at) { return _mm_cmpeq_epi32(_mm_load_si128(pairs + at), wanted); };
    const auto first = _mm_packs_epi32(equal(0), equal(1)), second = _mm_packs_epi32(equal(2), equal(3));
    return static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_packs_epi16(first, second)));
#else
    return look_at_each(line, tag);
#endif
  }
  /// The same where the processor has no such instructions.
  static std::uint32_t look_at_each(const index_slot* line, std::uint32_t tag) noexcept {
    std::uint32_t bits = 0;
    for (std::uint32_t i = 0; i < slots; ++i)
      bits |= ((line[i].tag == tag ? 1u : 0u) | (line[i].number == 0 ? 2u : 0u)) << (2 * i);
    return bits;
  }

 private:
  static constexpr std::uint32_t tags = 0x5555;
  std::uint32_t bits_;
};

}  // namespace quicsync
