// What the fuzz targets share: a property that does not hold ends the run, as a crash does.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include <quicsync/codec/bytes.hpp>

namespace quicsync::fuzz {

inline void require(bool holds) {
  if (!holds) std::abort();
}

inline std::string_view text_of(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

/// Takes pieces off the input: each is led by its size in two bytes.
inline bytes_view take_piece(bytes_view& rest) {
  if (rest.size() < 2) return {};
  const auto size = std::min<std::size_t>(rest[0] | rest[1] << 8, rest.size() - 2);
  const auto piece = rest.subspan(2, size);
  rest = rest.subspan(2 + size);
  return piece;
}

}  // namespace quicsync::fuzz
