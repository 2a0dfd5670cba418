// Small facts about JSON text: escapes, numbers, UTF-8 (RFC 8259, RFC 3629). Internal to codec/; pure functions.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace quicsync::detail {

inline constexpr std::size_t no_position = static_cast<std::size_t>(-1);

/// Offset of the first byte that is not part of well-formed UTF-8, or no_position.
std::size_t find_bad_utf8(std::string_view text) noexcept;

/// Offset of the first byte of `inner` (between the quotes) at which it stops being the inside of a JSON string: an
/// unescaped quote, a control character, a wrong escape, bytes that are not UTF-8; or no_position.
std::size_t find_bad_string(std::string_view inner) noexcept;

/// True if every byte is ASCII from 0x20 and neither a quote nor a backslash: what needs no second look.
bool is_plain(std::string_view text) noexcept;

/// RFC 8259 section 6.
bool is_number(std::string_view text) noexcept;

/// Appends `inner` with its escapes resolved. False where an escape is wrong or a surrogate stands alone.
bool append_unescaped(std::string& out, std::string_view inner);

/// Appends `text` in quotes, escaping what RFC 8259 section 7 demands and nothing else.
void append_quoted(std::string& out, std::string_view text);

}  // namespace quicsync::detail
