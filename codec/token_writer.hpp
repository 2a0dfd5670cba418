// JSON text to tokens, in one walk over the token positions that json_index found; checks the grammar of RFC 8259 on
// the way. Internal to codec/. One thread at a time.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include <quicsync/codec/bytes.hpp>
#include <quicsync/codec/error.hpp>

namespace quicsync::detail {

/// Where tokens go: two strips of bytes with room made beforehand.
class token_sink {
 public:
  /// Empties both strips and makes room for the tokens of `text_bytes` of JSON.
  void reset(std::size_t text_bytes);

  bytes_view shape() const noexcept { return {storage_.get(), shape_}; }
  bytes_view values() const noexcept { return {storage_.get() + room_, values_}; }

  std::uint8_t* shape_ = nullptr;   ///< where the next byte of the shape goes
  std::uint8_t* values_ = nullptr;  ///< where the next byte of the values goes

 private:
  std::unique_ptr<std::uint8_t[]> storage_;
  std::size_t room_ = 0;
};

/// Walks one JSON text. Every call that returns false has set `failure()`.
class token_writer {
 public:
  /// `tokens`: of json_index over `text`; both must outlive the writer.
  token_writer(std::string_view text, std::span<const std::uint32_t> tokens) noexcept
      : text_(text), tokens_(tokens), has_escapes_(text.find('\\') != std::string_view::npos) {}

  const error& failure() const noexcept { return failure_; }

  /// The first byte of the next token, or 0 at the end.
  char peek() const noexcept { return next_ < tokens_.size() ? text_[tokens_[next_]] : '\0'; }
  std::size_t position() const noexcept { return next_ < tokens_.size() ? tokens_[next_] : text_.size(); }

  /// There is a backslash somewhere: strings need a second look. Without one, json_index has checked all there is.
  bool has_escapes() const noexcept { return has_escapes_; }

  /// Takes the token `c`.
  bool expect(char c) {
    if (peek() != c) return fail_expected(c);
    end_ = tokens_[next_++] + 1;
    return check_gap();
  }
  /// Takes a string; `inner` is what stands between its quotes. Checks its escapes.
  bool take_string(std::string_view& inner);
  /// The same, and the white space after it.
  bool take_text(std::string_view& inner) { return take_string(inner) && check_gap(); }
  /// Takes a string and the colon after it.
  bool take_key(std::string_view& inner) {
    // Almost always without white space and escapes: then three tokens tell all there is to know.
    if (!has_escapes_ && next_ + 2 < tokens_.size()) {
      const std::size_t open = tokens_[next_], colon = tokens_[next_ + 1];
      if (text_[open] == '"' && text_[colon] == ':' && text_[colon - 1] == '"' && colon - open >= 2 &&
          tokens_[next_ + 2] == colon + 1) {
        inner = {text_.data() + open + 1, colon - open - 2};
        next_ += 2;
        end_ = colon + 1;
        return true;
      }
    }
    return take_string(inner) && check_gap() && expect(':');
  }
  /// Takes a number as it is written. Checks nothing but that it looks like one.
  bool take_number(std::string_view& text);
  /// Takes any value and appends its tokens to `sink`: packed, or verbatim as a whole where it holds white space
  /// between its tokens. `text`, if wanted, is the value as written. `depth`: containers that surround it.
  bool take_value(token_sink& sink, unsigned depth, std::string_view* text = nullptr);
  /// Nothing may be left.
  bool expect_end();

  bool fail_at(std::size_t position, errc code, std::string_view why);

 private:
  bool value(unsigned depth);
  bool string_value();
  bool number_value();
  bool literal(std::string_view word, std::uint8_t code);
  bool object(unsigned depth);
  bool array(unsigned depth);
  bool try_integers();
  bool try_strings();
  bool fail_expected(char c);
  bool check_long_gap();
  /// Between the token taken last and the next one there may be white space and nothing else.
  bool check_gap() { return end_ == next_position(next_) || check_long_gap(); }
  std::size_t next_position(std::size_t index) const noexcept {
    return index < tokens_.size() ? tokens_[index] : text_.size();
  }

  std::string_view text_;
  std::span<const std::uint32_t> tokens_;
  std::size_t next_ = 0;
  std::size_t end_ = 0;  ///< of the token taken last
  token_sink* sink_ = nullptr;
  bool has_escapes_;
  bool spaced_ = false;  ///< white space was seen between tokens
  error failure_;
};

void put_key(std::uint8_t*& to, std::string_view inner) noexcept;

}  // namespace quicsync::detail
