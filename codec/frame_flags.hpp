// Bits of the flag bytes in frames. docs/WIRE.md, "frames". Internal to codec/.
#pragma once
#include <cstdint>

namespace quicsync::detail {

inline constexpr std::uint8_t hello_remembered = 0x01, hello_partial = 0x02;
inline constexpr std::uint8_t marks_no_relay = 0x01;
inline constexpr std::uint8_t reply_last = 0x01, reply_failure = 0x02;
inline constexpr std::uint8_t offer_last = 0x01;

}  // namespace quicsync::detail
