// Tokens back to JSON text, byte for byte as it was. Takes any bytes: what would not print as JSON is an error.
// Internal to codec/. One thread at a time.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include <quicsync/codec/bytes.hpp>
#include <quicsync/codec/small_copy.hpp>
#include <quicsync/codec/varint.hpp>

namespace quicsync::detail {

/// Text under construction, reused from pattern to pattern. Room is asked for once for several writes.
class text_buffer {
 public:
  void clear() noexcept { at_ = storage_.get(); }
  std::size_t size() const noexcept { return static_cast<std::size_t>(at_ - storage_.get()); }
  std::string_view text() const noexcept { return {storage_.get(), size()}; }
  std::string_view text_from(std::size_t offset) const noexcept { return text().substr(offset); }

  /// At least `count` bytes from here on; then say with `to` how far they were written.
  char* room(std::size_t count) {
    if (static_cast<std::size_t>(end_ - at_) < count) grow(count);
    return at_;
  }
  void written(char* to) noexcept { at_ = to; }

  void put(char c) {
    *room(1) = c;
    ++at_;
  }
  template <std::size_t Size>
  void put(const char (&text)[Size]) {
    char* to = room(Size - 1);
    std::memcpy(to, text, Size - 1);
    at_ = to + Size - 1;
  }
  void put(std::string_view text) {
    copy_short(room(text.size()), text.data(), text.size());
    at_ += text.size();
  }
  void put_integer(std::int64_t value);
  /// In quotes, as it is.
  void put_plain(std::string_view text) {
    char* to = room(text.size() + 2);
    *to++ = '"';
    copy_short(to, text.data(), text.size());
    to += text.size();
    *to++ = '"';
    at_ = to;
  }
  /// As a JSON string; false where it is not UTF-8.
  bool put_quoted(std::string_view text);

  /// The thread's own, empty.
  static text_buffer& for_this_thread();

 private:
  void grow(std::size_t count);
  std::unique_ptr<char[]> storage_;
  char* at_ = nullptr;
  char* end_ = nullptr;
};

/// Reads shape and values side by side.
class token_reader {
 public:
  token_reader(bytes_view shape, bytes_view values) noexcept : shape_(shape), values_(values) {}

  /// Appends the next value. False where the bytes are no tokens; then `out` holds part of it. `depth`: containers
  /// around it.
  bool value(text_buffer& out, unsigned depth);
  /// Appends `"key":value,...` up to the end mark.
  bool members(text_buffer& out, unsigned depth);
  /// The same for a pattern's unknown members: at least one, and none of the names in `own`.
  bool extra_members(text_buffer& out, unsigned depth, std::span<const std::string_view> own);
  /// Both strips were read to their end.
  bool at_end() const noexcept { return shape_.ok() && values_.ok() && shape_.at_end() && values_.at_end(); }

 private:
  bool key(text_buffer& out, std::uint8_t code, std::string_view& text);
  bool string(text_buffer& out, std::string_view inner, bool known);
  bool name(text_buffer& out);
  bool decimal(text_buffer& out, std::uint8_t code);
  bool packed(text_buffer& out, std::uint8_t code);
  bool array(text_buffer& out, unsigned depth);

  byte_reader shape_;
  byte_reader values_;
};

}  // namespace quicsync::detail
