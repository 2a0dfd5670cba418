// Copying and comparing short texts without a call: most names and strings of a pattern are shorter than 32 bytes.
// Internal to codec/; pure functions.
#pragma once
#include <cstdint>
#include <cstring>
#include <string_view>

namespace quicsync::detail {

/// memcpy for counts that are mostly small; either pointer may be null when `count` is 0.
[[gnu::always_inline]] inline void copy_short(void* to, const void* from, std::size_t count) noexcept {
  auto* const target = static_cast<char*>(to);
  const auto* const source = static_cast<const char*>(from);
  // Two copies of a fixed size, overlapping in the middle, cover every count in between.
  const auto twice = [&]<std::size_t Size>() {
    char first[Size], last[Size];
    std::memcpy(first, source, Size);
    std::memcpy(last, source + count - Size, Size);
    std::memcpy(target, first, Size);
    std::memcpy(target + count - Size, last, Size);
  };
  if (count > 32) {
    std::memcpy(to, from, count);
  } else if (count >= 16) {
    twice.template operator()<16>();
  } else if (count >= 8) {
    twice.template operator()<8>();
  } else if (count >= 4) {
    twice.template operator()<4>();
  } else if (count > 0) {
    target[0] = source[0];
    target[count / 2] = source[count / 2];
    target[count - 1] = source[count - 1];
  }
}

template <class Word>
Word load(const char* from) noexcept {
  Word word;
  std::memcpy(&word, from, sizeof(word));
  return word;
}

}  // namespace quicsync::detail
