// The static word lists of wire version 1: frequent names travel as one byte. docs/WIRE.md, "words". The lists never
// change within a wire version; a word that is not in them travels as text. Internal to codec/; pure functions.
#pragma once
#include <cstdint>
#include <string_view>

#include <quicsync/codec/bytes.hpp>
#include <quicsync/codec/varint.hpp>

namespace quicsync::detail {

inline constexpr int words_max = 126;
inline constexpr std::size_t word_bytes_max = 24;

enum class word_list : std::uint8_t {
  keys,   ///< keys of JSON objects
  names,  ///< type, agentId, source, tags, and strings in `data`
};

/// The word's place in its list, or -1.
int find_word(word_list list, std::string_view text) noexcept;
/// The lists, filled up with empty words to 128.
extern const std::string_view key_words[128];
extern const std::string_view name_words[128];

/// The word at a place below 128, with static lifetime; empty where the list has none.
inline std::string_view word_at(word_list list, unsigned index) noexcept {
  return list == word_list::keys ? key_words[index] : name_words[index];
}

/// A name: 0..127 is its length and the text follows; 128 is followed by a varint length of at least 128 and the text;
/// 129 and above is a word. Writes at `to`, which has room for text.size() + 12 bytes.
std::uint8_t* put_name(std::uint8_t* to, std::string_view text) noexcept;

/// Reads a name; the view is into the reader's bytes or static. Fails the reader on an unknown word.
template <class Reader>
std::string_view take_name(Reader& in) noexcept {
  const std::uint8_t first = in.u8();
  if (first < 0x80) return in.text(first);
  if (first > 0x80) {
    const auto word = word_at(word_list::names, first - 0x81u);
    if (word.empty()) in.fail();
    return word;
  }
  const auto size = in.varint();
  if (size < 0x80) in.fail();
  return in.text(size);
}

}  // namespace quicsync::detail
