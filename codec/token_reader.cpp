#include <algorithm>

#include <fmt/format.h>

#include <quicsync/codec/hex.hpp>
#include <quicsync/codec/json_index.hpp>
#include <quicsync/codec/json_text.hpp>
#include <quicsync/codec/limits.hpp>
#include <quicsync/codec/small_copy.hpp>
#include <quicsync/codec/symbols.hpp>
#include <quicsync/codec/token_reader.hpp>
#include <quicsync/codec/token_writer.hpp>
#include <quicsync/codec/tokens.hpp>

namespace quicsync::detail {
namespace {

constexpr std::size_t text_kept = 1u << 20;  // a thread does not keep what one huge pattern needed

bool is_json(std::string_view text, unsigned depth) {
  auto& index = json_index::for_this_thread();
  if (!index.build(text)) return false;
  token_writer walk(text, index.tokens());
  token_sink ignored;
  ignored.reset(text.size());
  std::string_view value;
  return walk.take_value(ignored, depth, &value) && walk.expect_end() && value.size() == text.size();
}

}  // namespace

text_buffer& text_buffer::for_this_thread() {
  static thread_local text_buffer instance;
  if (static_cast<std::size_t>(instance.end_ - instance.storage_.get()) > text_kept) instance = text_buffer();
  instance.clear();
  return instance;
}

void text_buffer::grow(std::size_t count) {
  const auto used = size();
  const auto wanted = std::max<std::size_t>(4096, 2 * (used + count));
  std::unique_ptr<char[]> larger(new char[wanted]);
  if (used > 0) std::memcpy(larger.get(), storage_.get(), used);
  storage_ = std::move(larger);
  at_ = storage_.get() + used;
  end_ = storage_.get() + wanted;
}

void text_buffer::put_integer(std::int64_t value) {
  const fmt::format_int digits(value);
  put(std::string_view(digits.data(), digits.size()));
}

bool text_buffer::put_quoted(std::string_view text) {
  if (is_plain(text)) {
    put_plain(text);
    return true;
  }
  if (find_bad_utf8(text) != no_position) return false;
  std::string escaped;
  append_quoted(escaped, text);
  put(escaped);
  return true;
}

bool token_reader::string(text_buffer& out, std::string_view inner, bool known) {
  if (!known && find_bad_string(inner) != no_position) return false;
  out.put_plain(inner);
  return true;
}

bool token_reader::name(text_buffer& out) {
  const bool known = values_.left() > 0 && *values_.position() > 0x80;
  const auto inner = take_name(values_);
  return values_.ok() && string(out, inner, known);
}

bool token_reader::decimal(text_buffer& out, std::uint8_t code) {
  const unsigned scale = code & 0x0f;
  const fmt::format_int digits(values_.varint());
  if (!values_.ok()) return false;
  char* to = out.room(48);
  if ((code & 0xf0) == token::negative) *to++ = '-';
  const char* from = digits.data();
  std::size_t count = digits.size();
  if (scale == 0) {
    copy_short(to, from, count);
    out.written(to + count);
    return true;
  }
  if (count > scale) {
    copy_short(to, from, count - scale);
    to += count - scale;
    from += count - scale;
    count = scale;
  } else {
    *to++ = '0';
  }
  *to++ = '.';
  for (auto i = count; i < scale; ++i) *to++ = '0';
  copy_short(to, from, count);
  out.written(to + count);
  return true;
}

bool token_reader::packed(text_buffer& out, std::uint8_t code) {
  if (code == token::integers) {
    const auto count = values_.varint();
    if (count == 0 || count > values_.left()) return false;
    std::uint64_t number = 0;
    for (std::uint64_t i = 0; i < count; ++i) {
      number += static_cast<std::uint64_t>(unzigzag(values_.varint()));
      const fmt::format_int digits(static_cast<std::int64_t>(number));
      char* to = out.room(24);
      *to++ = i == 0 ? '[' : ',';
      copy_short(to, digits.data(), digits.size());
      out.written(to + digits.size());
    }
    out.put(']');
    return values_.ok();
  }
  if (code == token::strings) {
    const auto count = values_.varint();
    if (count == 0 || count > values_.left()) return false;
    for (std::uint64_t i = 0; i < count; ++i) {
      out.put(i == 0 ? '[' : ',');
      if (!name(out)) return false;
    }
    out.put(']');
    return true;
  }
  const auto size = values_.varint();
  if (code == token::hex) {
    const auto bytes = values_.take(size);
    if (bytes.size() < token::hex_bytes_min) return false;
    char* to = out.room(2 * bytes.size() + 2);
    *to++ = '"';
    to = unpack_hex(to, bytes.data(), bytes.size());
    *to++ = '"';
    out.written(to);
    return true;
  }
  const auto text = values_.text(size);
  if (!values_.ok()) return false;
  out.put(text);
  return code == token::number ? is_number(text) : true;
}

bool token_reader::array(text_buffer& out, unsigned depth) {
  if (depth >= limits::json_depth) return false;
  out.put('[');
  bool first = true;
  while (shape_.left() > 0 && *shape_.position() != token::array_end) {
    if (!first) out.put(',');
    first = false;
    if (!value(out, depth + 1)) return false;
  }
  out.put(']');
  return shape_.u8() == token::array_end && shape_.ok();
}

bool token_reader::value(text_buffer& out, unsigned depth) {
  // Tokens can grow to many times their size; a pattern cannot.
  if (out.size() > limits::pattern_bytes) return false;
  const auto code = shape_.u8();
  if (!shape_.ok()) return false;
  switch (code) {
    case token::null:
      out.put("null");
      return true;
    case token::true_:
      out.put("true");
      return true;
    case token::false_:
      out.put("false");
      return true;
    case token::object: {
      if (depth >= limits::json_depth) return false;
      out.put('{');
      if (!members(out, depth + 1)) return false;
      out.put('}');
      return true;
    }
    case token::array:
      return array(out, depth);
    case token::string:
      return name(out);
    case token::uuid: {
      const auto bytes = values_.take(16);
      if (!values_.ok()) return false;
      char* to = out.room(uuid_text_bytes + 2);
      *to++ = '"';
      to = unpack_uuid(to, bytes.data());
      *to++ = '"';
      out.written(to);
      return true;
    }
    case token::verbatim: {
      const auto from = out.size();
      return packed(out, code) && is_json(out.text_from(from), depth);
    }
    case token::hex:
    case token::number:
    case token::integers:
    case token::strings:
      return packed(out, code);
    default:
      return code >= token::positive && code < token::negative + 0x10 && decimal(out, code);
  }
}

/// The key that begins with `code`, and the colon.
bool token_reader::key(text_buffer& out, std::uint8_t code, std::string_view& text) {
  if (code > 0x80) {
    text = word_at(word_list::keys, code - 0x81u);
    if (text.empty()) return false;
  } else {
    const auto size = code < 0x80 ? code - 1u : shape_.varint();
    if (code == 0x80 && size < 0x7f) return false;
    text = shape_.text(size);
    if (!shape_.ok()) return false;
  }
  if (!string(out, text, code > 0x80)) return false;
  out.put(':');
  return true;
}

bool token_reader::members(text_buffer& out, unsigned depth) {
  for (bool first = true;; first = false) {
    const auto code = shape_.u8();
    if (!shape_.ok()) return false;
    if (code == token::key_end) return true;
    if (!first) out.put(',');
    std::string_view text;
    if (!key(out, code, text) || !value(out, depth)) return false;
  }
}

bool token_reader::extra_members(text_buffer& out, unsigned depth, std::span<const std::string_view> own) {
  for (bool first = true;; first = false) {
    const auto code = shape_.u8();
    if (!shape_.ok()) return false;
    if (code == token::key_end) return !first;
    if (!first) out.put(',');
    std::string_view text;
    if (!key(out, code, text)) return false;
    std::string plain;
    if (text.find('\\') != std::string_view::npos) {
      append_unescaped(plain, text);
      text = plain;
    }
    if (std::find(own.begin(), own.end(), text) != own.end() || !value(out, depth)) return false;
  }
}

}  // namespace quicsync::detail
