#include <cstring>

#include <quicsync/codec/json_text.hpp>
#include <quicsync/codec/small_copy.hpp>

namespace quicsync::detail {
namespace {

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

int hex_digit(char c) noexcept {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// Four hex digits at `at`, or -1.
int hex_unit(std::string_view text, std::size_t at) noexcept {
  if (text.size() < at + 4) return -1;
  int unit = 0;
  for (std::size_t i = at; i < at + 4; ++i) {
    const int digit = hex_digit(text[i]);
    if (digit < 0) return -1;
    unit = unit * 16 + digit;
  }
  return unit;
}

/// Length of the escape that begins with the backslash at `at`; 0 where it is none.
std::size_t escape_size(std::string_view inner, std::size_t at) noexcept {
  if (at + 1 >= inner.size()) return 0;
  if (inner[at + 1] == 'u') return hex_unit(inner, at + 2) < 0 ? 0 : 6;
  return std::strchr("\"\\/bfnrt", inner[at + 1]) != nullptr && inner[at + 1] != '\0' ? 2 : 0;
}

void append_utf8(std::string& out, std::uint32_t point) {
  const auto put = [&](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (point < 0x80) {
    put(point);
  } else if (point < 0x800) {
    put(0xc0 | point >> 6), put(0x80 | (point & 0x3f));
  } else if (point < 0x10000) {
    put(0xe0 | point >> 12), put(0x80 | (point >> 6 & 0x3f)), put(0x80 | (point & 0x3f));
  } else {
    put(0xf0 | point >> 18), put(0x80 | (point >> 12 & 0x3f)), put(0x80 | (point >> 6 & 0x3f)),
        put(0x80 | (point & 0x3f));
  }
}

/// Length of the well-formed UTF-8 sequence at `at`, which is not ASCII; 0 where it is none. RFC 3629 section 4.
std::size_t utf8_size(std::string_view text, std::size_t at) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned>(static_cast<unsigned char>(text[i])); };
  const unsigned first = byte(at);
  const std::size_t size = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  if (size == 0 || text.size() - at < size) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(at + i) & 0xc0) != 0x80) return 0;
  }
  const unsigned second = byte(at + 1);
  if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f)) return 0;
  if ((first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f)) return 0;
  return size;
}

/// Flags of the bytes of a word: any of them non-ASCII, below 0x20, a quote or a backslash. May report a byte beside
/// one.
bool word_is_plain(std::uint64_t word) noexcept {
  constexpr std::uint64_t ones = 0x0101010101010101ull;
  constexpr std::uint64_t tops = 0x8080808080808080ull;
  const auto has_zero = [](std::uint64_t v) { return (v - ones) & ~v & tops; };
  const std::uint64_t low = (word - ones * 0x20) & ~word & tops;
  return ((word & tops) | low | has_zero(word ^ ones * '"') | has_zero(word ^ ones * '\\')) == 0;
}

}  // namespace

std::size_t find_bad_utf8(std::string_view text) noexcept {
  for (std::size_t i = 0; i < text.size();) {
    if (static_cast<unsigned char>(text[i]) < 0x80) {
      ++i;
      continue;
    }
    const auto size = utf8_size(text, i);
    if (size == 0) return i;
    i += size;
  }
  return no_position;
}

bool is_plain(std::string_view text) noexcept {
  const auto* const begin = text.data();
  const auto size = text.size();
  if (size >= 8) {
    for (std::size_t i = 0; i + 8 < size; i += 8) {
      if (!word_is_plain(load<std::uint64_t>(begin + i))) return false;
    }
    return word_is_plain(load<std::uint64_t>(begin + size - 8));
  }
  if (size >= 4) {
    const std::uint64_t first = load<std::uint32_t>(begin), last = load<std::uint32_t>(begin + size - 4);
    return word_is_plain(first | last << 32);
  }
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte >= 0x80 || c == '"' || c == '\\') return false;
  }
  return true;
}

std::size_t find_bad_string(std::string_view inner) noexcept {
  if (is_plain(inner)) return no_position;
  for (std::size_t i = 0; i < inner.size();) {
    const auto c = static_cast<unsigned char>(inner[i]);
    std::size_t size = 1;
    if (c < 0x20 || c == '"') return i;
    if (c == '\\')
      size = escape_size(inner, i);
    else if (c >= 0x80)
      size = utf8_size(inner, i);
    if (size == 0) return i;
    i += size;
  }
  return no_position;
}

bool is_number(std::string_view text) noexcept {
  std::size_t i = 0;
  const auto digits = [&] {
    const auto begin = i;
    while (i < text.size() && is_digit(text[i])) ++i;
    return i - begin;
  };
  if (i < text.size() && text[i] == '-') ++i;
  const bool zero = i < text.size() && text[i] == '0';
  const auto whole = digits();
  if (whole == 0 || (zero && whole > 1)) return false;
  if (i < text.size() && text[i] == '.') {
    ++i;
    if (digits() == 0) return false;
  }
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    if (i < text.size() && (text[i] == '+' || text[i] == '-')) ++i;
    if (digits() == 0) return false;
  }
  return i == text.size();
}

bool append_unescaped(std::string& out, std::string_view inner) {
  for (std::size_t i = 0; i < inner.size();) {
    if (inner[i] != '\\') {
      out.push_back(inner[i++]);
      continue;
    }
    const auto size = escape_size(inner, i);
    if (size == 0) return false;
    if (size == 2) {
      constexpr std::string_view letters = "bfnrt", meanings = "\b\f\n\r\t";
      const auto letter = letters.find(inner[i + 1]);
      out.push_back(letter == std::string_view::npos ? inner[i + 1] : meanings[letter]);
      i += 2;
      continue;
    }
    auto point = static_cast<std::uint32_t>(hex_unit(inner, i + 2));
    i += 6;
    if (point >= 0xdc00 && point < 0xe000) return false;
    if (point >= 0xd800 && point < 0xdc00) {
      if (inner.size() < i + 6 || inner[i] != '\\' || inner[i + 1] != 'u') return false;
      const int second = hex_unit(inner, i + 2);
      if (second < 0xdc00 || second >= 0xe000) return false;
      point = 0x10000 + ((point - 0xd800) << 10) + (static_cast<std::uint32_t>(second) - 0xdc00);
      i += 6;
    }
    append_utf8(out, point);
  }
  return true;
}

void append_quoted(std::string& out, std::string_view text) {
  out.push_back('"');
  if (is_plain(text)) {
    out.append(text);
  } else {
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      if (c == '"' || c == '\\') {
        out.push_back('\\');
        out.push_back(c);
      } else if (byte >= 0x20) {
        out.push_back(c);
      } else {
        constexpr std::string_view meanings = "\b\f\n\r\t", letters = "bfnrt";
        const auto found = meanings.find(c);
        out.push_back('\\');
        if (found != std::string_view::npos) {
          out.push_back(letters[found]);
        } else {
          constexpr std::string_view hex = "0123456789abcdef";
          out.append("u00");
          out.push_back(hex[byte >> 4]);
          out.push_back(hex[byte & 15]);
        }
      }
    }
  }
  out.push_back('"');
}

}  // namespace quicsync::detail
