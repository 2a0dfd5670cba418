#include <algorithm>

#include <fmt/format.h>

#include <quicsync/codec/hex.hpp>
#include <quicsync/codec/json_text.hpp>
#include <quicsync/codec/limits.hpp>
#include <quicsync/codec/small_copy.hpp>
#include <quicsync/codec/symbols.hpp>
#include <quicsync/codec/token_writer.hpp>
#include <quicsync/codec/tokens.hpp>
#include <quicsync/codec/varint.hpp>

namespace quicsync::detail {
namespace {

constexpr std::size_t room_min = 8u << 10;
constexpr std::size_t room_kept = 1u << 20;  // a thread does not keep what one huge pattern needed

bool is_space(char c) noexcept { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
bool is_number_byte(char c) noexcept { return is_digit(c) || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E'; }

}  // namespace

void put_key(std::uint8_t*& to, std::string_view inner) noexcept {
  if (const int word = find_word(word_list::keys, inner); word >= 0) {
    *to++ = static_cast<std::uint8_t>(0x81 + word);
    return;
  }
  if (inner.size() < 0x7f) {
    *to++ = static_cast<std::uint8_t>(inner.size() + 1);
  } else {
    *to++ = 0x80;
    to = put_varint(to, inner.size());
  }
  copy_short(to, inner.data(), inner.size());
  to += inner.size();
}

void token_sink::reset(std::size_t text_bytes) {
  // Each token takes at most two bytes in a strip for each byte of its text, and a verbatim copy a few more than its
  // text.
  const auto wanted = std::max(room_min, 2 * text_bytes + 64);
  if (wanted > room_ || (room_ > room_kept && wanted <= room_kept)) {
    storage_.reset();
    storage_.reset(new std::uint8_t[2 * wanted]);
    room_ = wanted;
  }
  shape_ = storage_.get();
  values_ = storage_.get() + room_;
}

bool token_writer::fail_at(std::size_t position, errc code, std::string_view why) {
  failure_ = {code, fmt::format("byte {}: {}", position, why)};
  return false;
}

bool token_writer::check_long_gap() {
  const auto next = next_position(next_);
  for (auto i = end_; i < next; ++i) {
    if (!is_space(text_[i])) return fail_at(i, errc::bad_json, "unexpected character");
  }
  spaced_ = true;
  return true;
}

bool token_writer::fail_expected(char c) {
  return fail_at(position(), errc::bad_json, fmt::format("expected '{}'", c));
}

bool token_writer::expect_end() {
  return next_ == tokens_.size() || fail_at(position(), errc::bad_json, "more after the value's end");
}

bool token_writer::take_string(std::string_view& inner) {
  if (peek() != '"') return fail_at(position(), errc::bad_json, "expected a string");
  const std::size_t begin = tokens_[next_] + 1;
  auto close = next_position(next_ + 1) - 1;
  if (text_[close] != '"') [[unlikely]] {
    while (close >= begin && is_space(text_[close])) --close;
  }
  if (close < begin || text_[close] != '"') return fail_at(begin, errc::bad_json, "a string that is not closed");
  inner = {text_.data() + begin, close - begin};
  if (has_escapes_) {
    if (const auto bad = find_bad_string(inner); bad != no_position) {
      return fail_at(begin + bad, errc::bad_json, "wrong escape in a string");
    }
  }
  ++next_;
  end_ = close + 1;
  return true;
}

bool token_writer::take_number(std::string_view& text) {
  const auto begin = position();
  auto at = begin;
  while (at < text_.size() && is_number_byte(text_[at])) ++at;
  if (at == begin) return fail_at(begin, errc::bad_json, "expected a number");
  text = text_.substr(begin, at - begin);
  end_ = at;
  ++next_;
  return check_gap();
}

bool token_writer::take_value(token_sink& sink, unsigned depth, std::string_view* text) {
  sink_ = &sink;
  auto* const shape = sink.shape_;
  auto* const values = sink.values_;
  const auto begin = position();
  spaced_ = false;
  if (!value(depth)) return false;
  const auto whole = text_.substr(begin, end_ - begin);
  if (text != nullptr) *text = whole;
  if (spaced_) {
    sink.shape_ = shape;
    sink.values_ = values;
    *sink.shape_++ = token::verbatim;
    sink.values_ = put_varint(sink.values_, whole.size());
    std::memcpy(sink.values_, whole.data(), whole.size());
    sink.values_ += whole.size();
  }
  return check_gap();
}

/// Leaves `end_` behind the value; what follows it is the caller's to check.
bool token_writer::value(unsigned depth) {
  switch (peek()) {
    case '"':
      return string_value();
    case '{':
      return object(depth);
    case '[':
      return array(depth);
    case 't':
      return literal("true", token::true_);
    case 'f':
      return literal("false", token::false_);
    case 'n':
      return literal("null", token::null);
    default:
      return number_value();
  }
}

bool token_writer::literal(std::string_view word, std::uint8_t code) {
  const std::size_t begin = tokens_[next_];
  if (text_.substr(begin, word.size()) != word) return fail_at(begin, errc::bad_json, "expected a value");
  *sink_->shape_++ = code;
  end_ = begin + word.size();
  ++next_;
  return true;
}

bool token_writer::string_value() {
  std::string_view inner;
  if (!take_string(inner)) return false;
  if (inner.size() >= 2 * token::hex_bytes_min && hex_values[static_cast<unsigned char>(inner[0])] >= 0) {
    if (pack_uuid(sink_->values_, inner)) {
      *sink_->shape_++ = token::uuid;
      sink_->values_ += 16;
      return true;
    }
    if (inner.size() % 2 == 0) {
      auto* const bytes = put_varint(sink_->values_, inner.size() / 2);
      if (pack_hex(bytes, inner)) {
        *sink_->shape_++ = token::hex;
        sink_->values_ = bytes + inner.size() / 2;
        return true;
      }
    }
  }
  *sink_->shape_++ = token::string;
  sink_->values_ = put_name(sink_->values_, inner);
  return true;
}

bool token_writer::number_value() {
  const auto begin = position();
  auto at = begin;
  const bool minus = at < text_.size() && text_[at] == '-';
  if (minus) ++at;
  std::uint64_t digits = 0;
  const auto whole = at;
  while (at < text_.size() && is_digit(text_[at])) digits = digits * 10 + static_cast<std::uint64_t>(text_[at++] - '0');
  auto count = at - whole;
  if (count == 0 || (count > 1 && text_[whole] == '0')) return fail_at(begin, errc::bad_json, "expected a value");
  std::size_t scale = 0;
  if (at < text_.size() && text_[at] == '.') {
    const auto fraction = ++at;
    while (at < text_.size() && is_digit(text_[at]))
      digits = digits * 10 + static_cast<std::uint64_t>(text_[at++] - '0');
    scale = at - fraction;
    count += scale;
    if (scale == 0) return fail_at(begin, errc::bad_json, "a number without digits after its point");
  }
  const bool exponent = at < text_.size() && (text_[at] == 'e' || text_[at] == 'E');
  if (!exponent && count <= token::digits_max && scale <= token::scale_max) {
    *sink_->shape_++ = static_cast<std::uint8_t>((minus ? token::negative : token::positive) | scale);
    sink_->values_ = put_varint(sink_->values_, digits);
  } else {
    while (at < text_.size() && is_number_byte(text_[at])) ++at;
    const auto text = text_.substr(begin, at - begin);
    if (!is_number(text)) return fail_at(begin, errc::bad_json, "not a number");
    *sink_->shape_++ = token::number;
    sink_->values_ = put_varint(sink_->values_, text.size());
    std::memcpy(sink_->values_, text.data(), text.size());
    sink_->values_ += text.size();
  }
  end_ = at;
  ++next_;
  return true;
}

bool token_writer::object(unsigned depth) {
  if (depth >= limits::json_depth) return fail_at(position(), errc::too_deep, "nested too deep");
  *sink_->shape_++ = token::object;
  if (!expect('{')) return false;
  if (peek() != '}') {
    while (true) {
      std::string_view key;
      if (!take_key(key)) return false;
      put_key(sink_->shape_, key);
      if (!value(depth + 1) || !check_gap()) return false;
      if (peek() == '}') break;
      if (!expect(',')) return false;
    }
  }
  *sink_->shape_++ = token::key_end;
  end_ = tokens_[next_++] + 1;
  return true;
}

bool token_writer::array(unsigned depth) {
  if (depth >= limits::json_depth) return fail_at(position(), errc::too_deep, "nested too deep");
  auto* const shape = sink_->shape_;
  auto* const values = sink_->values_;
  const auto first = next_;
  const auto spaced = spaced_;
  if (!expect('[')) return false;
  const char opening = peek();
  if ((opening == '"' && try_strings()) || ((opening == '-' || is_digit(opening)) && try_integers())) return true;
  sink_->shape_ = shape;
  sink_->values_ = values;
  spaced_ = spaced;
  next_ = first;
  *sink_->shape_++ = token::array;
  if (!expect('[')) return false;
  if (peek() != ']') {
    while (true) {
      if (!value(depth + 1) || !check_gap()) return false;
      if (peek() == ']') break;
      if (!expect(',')) return false;
    }
  }
  *sink_->shape_++ = token::array_end;
  end_ = tokens_[next_++] + 1;
  return true;
}

/// An array of integers of up to 15 digits without white space, the opening bracket taken; false, with nothing said,
/// where it is anything else.
bool token_writer::try_integers() {
  auto* const values = sink_->values_;
  std::uint64_t count = 0;
  std::int64_t before = 0;
  auto* to = values + varint_bytes_max;  // the count goes before, once it is known
  for (auto index = next_;; index += 2) {
    std::size_t at = next_position(index);
    const auto stop = next_position(index + 1);
    if (stop >= text_.size()) return false;
    const bool minus = text_[at] == '-';
    if (minus) ++at;
    if (at >= stop || stop - at > token::integers_digits_max || (text_[at] == '0' && (minus || stop - at > 1)))
      return false;
    std::int64_t number = 0;
    for (; at < stop; ++at) {
      if (!is_digit(text_[at])) return false;
      number = number * 10 + (text_[at] - '0');
    }
    if (minus) number = -number;
    to = put_varint(to, zigzag(number - before));
    before = number;
    ++count;
    if (text_[stop] == ']') {
      next_ = index + 2;
      end_ = stop + 1;
      break;
    }
    if (text_[stop] != ',' || next_position(index + 2) != stop + 1) return false;
  }
  const auto size = static_cast<std::size_t>(to - values) - varint_bytes_max;
  auto* const begin = put_varint(values, count);
  std::memmove(begin, values + varint_bytes_max, size);
  sink_->values_ = begin + size;
  *sink_->shape_++ = token::integers;
  return true;
}

/// The same for strings; hex and uuids in them stay text.
bool token_writer::try_strings() {
  auto* const values = sink_->values_;
  std::uint64_t count = 0;
  auto* to = values + varint_bytes_max;
  while (true) {
    std::string_view inner;
    if (peek() != '"') return false;
    if (!take_string(inner)) return false;
    if (next_position(next_) != end_) return false;
    to = put_name(to, inner);
    ++count;
    if (peek() == ']') break;
    if (peek() != ',' || next_position(next_ + 1) != tokens_[next_] + 1u) return false;
    ++next_;
  }
  end_ = tokens_[next_++] + 1;
  const auto size = static_cast<std::size_t>(to - values) - varint_bytes_max;
  auto* const begin = put_varint(values, count);
  std::memmove(begin, values + varint_bytes_max, size);
  sink_->values_ = begin + size;
  *sink_->shape_++ = token::strings;
  return true;
}

}  // namespace quicsync::detail
