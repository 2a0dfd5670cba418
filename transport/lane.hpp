// Lanes: the priority classes that a connection carries side by side, one QUIC stream each and direction.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace quicsync {

/// In order of urgency. Each side opens one unidirectional stream (RFC 9000 section 2.1) per lane when it first uses
/// it; the stream's first byte is the lane's number (docs/WIRE.md, "lanes").
enum class lane : std::uint8_t { control = 0, high = 1, normal = 2, low = 3 };

inline constexpr std::size_t lane_count = 4;
inline constexpr std::array<lane, lane_count> all_lanes{lane::control, lane::high, lane::normal, lane::low};

constexpr std::size_t index_of(lane l) noexcept { return static_cast<std::size_t>(l); }

constexpr std::string_view to_string(lane l) noexcept {
  constexpr std::array<std::string_view, lane_count> names{"control", "high", "normal", "low"};
  return names[index_of(l)];
}

}  // namespace quicsync
