#include <algorithm>
#include <bit>
#include <cstring>

#include <quicsync/codec/delta.hpp>
#include <quicsync/codec/record_parts.hpp>
#include <quicsync/codec/small_copy.hpp>

namespace quicsync {
namespace {

static_assert(std::endian::native == std::endian::little);

std::size_t common_prefix(const std::uint8_t* a, const std::uint8_t* b, std::size_t most) noexcept {
  std::size_t same = 0;
  for (; same + 8 <= most; same += 8)
    if (const auto differs = detail::load<std::uint64_t>(reinterpret_cast<const char*>(a + same)) ^
                             detail::load<std::uint64_t>(reinterpret_cast<const char*>(b + same));
        differs != 0)
      return same + static_cast<std::size_t>(std::countr_zero(differs)) / 8;
  while (same < most && a[same] == b[same]) ++same;
  return same;
}

/// `a` and `b` are ends.
std::size_t common_suffix(const std::uint8_t* a, const std::uint8_t* b, std::size_t most) noexcept {
  std::size_t same = 0;
  for (; same + 8 <= most; same += 8)
    if (const auto differs = detail::load<std::uint64_t>(reinterpret_cast<const char*>(a - same - 8)) ^
                             detail::load<std::uint64_t>(reinterpret_cast<const char*>(b - same - 8));
        differs != 0)
      return same + static_cast<std::size_t>(std::countl_zero(differs)) / 8;
  while (same < most && *(a - same - 1) == *(b - same - 1)) ++same;
  return same;
}

}  // namespace

common_ends common_ends_of(bytes_view base, bytes_view next) noexcept {
  const auto from = detail::head_of(base).body;
  const auto to = detail::head_of(next).body;
  const auto shorter = std::min(from.size(), to.size());
  const auto prefix = common_prefix(from.data(), to.data(), shorter);
  const auto suffix = common_suffix(from.data() + from.size(), to.data() + to.size(), shorter - prefix);
  return {static_cast<std::uint16_t>(prefix), static_cast<std::uint16_t>(suffix)};
}

common_ends joined(common_ends first, common_ends second) noexcept {
  return {std::min(first.prefix_bytes, second.prefix_bytes), std::min(first.suffix_bytes, second.suffix_bytes)};
}

}  // namespace quicsync
