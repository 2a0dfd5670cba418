// Lower-case hexadecimal text to bytes and back, and uuids. Internal to codec/; pure functions.
#pragma once
#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace quicsync::detail {

inline constexpr std::array<std::int8_t, 256> hex_values = [] {
  std::array<std::int8_t, 256> table{};
  table.fill(-1);
  for (int i = 0; i < 10; ++i) table[static_cast<std::size_t>('0' + i)] = static_cast<std::int8_t>(i);
  for (int i = 0; i < 6; ++i) table[static_cast<std::size_t>('a' + i)] = static_cast<std::int8_t>(10 + i);
  return table;
}();

/// Both digits of each byte, one after the other.
inline constexpr std::array<char, 512> hex_pairs = [] {
  constexpr char digits[] = "0123456789abcdef";
  std::array<char, 512> table{};
  for (std::size_t i = 0; i < 256; ++i) {
    table[2 * i] = digits[i >> 4];
    table[2 * i + 1] = digits[i & 15];
  }
  return table;
}();

inline constexpr std::size_t uuid_text_bytes = 36;

/// Two digits for each byte. False, with unspecified bytes in `to`, where `text` holds anything but lower-case digits.
/// Precondition: an even size; `to` has room for half of it.
inline bool pack_hex(std::uint8_t* to, std::string_view text) noexcept {
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = hex_values[static_cast<unsigned char>(text[i])];
    const int low = hex_values[static_cast<unsigned char>(text[i + 1])];
    if ((high | low) < 0) return false;
    *to++ = static_cast<std::uint8_t>(high << 4 | low);
  }
  return true;
}

inline char* unpack_hex(char* to, const std::uint8_t* bytes, std::size_t count) noexcept {
  for (std::size_t i = 0; i < count; ++i) std::memcpy(to + 2 * i, hex_pairs.data() + 2 * bytes[i], 2);
  return to + 2 * count;
}

/// Groups of 8-4-4-4-12 digits (RFC 9562 section 4) to 16 bytes at `to`; false for any other text.
inline bool pack_uuid(std::uint8_t* to, std::string_view text) noexcept {
  if (text.size() != uuid_text_bytes || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-')
    return false;
  return pack_hex(to, text.substr(0, 8)) && pack_hex(to + 4, text.substr(9, 4)) &&
         pack_hex(to + 6, text.substr(14, 4)) && pack_hex(to + 8, text.substr(19, 4)) &&
         pack_hex(to + 10, text.substr(24, 12));
}

/// Writes uuid_text_bytes characters.
inline char* unpack_uuid(char* to, const std::uint8_t* bytes) noexcept {
  to = unpack_hex(to, bytes, 4);
  *to++ = '-';
  for (int group = 0; group < 3; ++group) {
    to = unpack_hex(to, bytes + 4 + 2 * group, 2);
    *to++ = '-';
  }
  return unpack_hex(to, bytes + 10, 6);
}

}  // namespace quicsync::detail
