// The token codes of JSON inside a record: what stands in the shape (structure, keys, kinds) while strings and numbers
// stand in the values. Shapes repeat from pattern to pattern, so lz4 finds them whole. docs/WIRE.md, "tokens". Internal
// to codec/.
#pragma once
#include <cstdint>

namespace quicsync::detail::token {

inline constexpr std::uint8_t null = 0x00;
inline constexpr std::uint8_t true_ = 0x01;
inline constexpr std::uint8_t false_ = 0x02;
inline constexpr std::uint8_t object = 0x03;  ///< then keys and values, ended by key_end
inline constexpr std::uint8_t array = 0x04;   ///< then values, ended by array_end
inline constexpr std::uint8_t array_end = 0x05;
inline constexpr std::uint8_t string = 0x06;  ///< value: a name, the text between the quotes as it was written
inline constexpr std::uint8_t uuid = 0x07;    ///< value: 16 bytes; a string of lower-case hex grouped 8-4-4-4-12
inline constexpr std::uint8_t hex = 0x08;  ///< value: varint byte count from 8, then bytes; a string of lower-case hex
inline constexpr std::uint8_t number = 0x09;    ///< value: varint size, then the number as it was written
inline constexpr std::uint8_t verbatim = 0x0a;  ///< value: varint size, then any JSON value as it was written
inline constexpr std::uint8_t integers = 0x0b;  ///< value: varint count from 1, zigzag first, zigzag differences
inline constexpr std::uint8_t strings = 0x0c;   ///< value: varint count from 1, then names; an array of strings
inline constexpr std::uint8_t positive = 0x10;  ///< | digits after the point; value: varint of all digits
inline constexpr std::uint8_t negative = 0x20;  ///< the same after a minus sign
inline constexpr std::uint8_t key_end = 0x00;   ///< where a key could stand

inline constexpr int scale_max = 15;            ///< digits after the point of a packed number
inline constexpr int digits_max = 18;           ///< all its digits: fits 64 bits
inline constexpr int integers_digits_max = 15;  ///< of an element of `integers`: differences stay within 64 bits
inline constexpr std::size_t hex_bytes_min = 8;

}  // namespace quicsync::detail::token
