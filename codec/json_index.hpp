// Where the tokens of a JSON text begin, found by the first stage of simdjson (Langdale and Lemire, "Parsing Gigabytes
// of JSON per Second", 2019). Its later stages are not used: they give up numbers beyond 64 bits and the text as it was
// written. Internal to codec/. One thread at a time; one instance a thread is kept by `for_this_thread`.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include <quicsync/codec/error.hpp>

namespace quicsync::detail {

class json_index {
 public:
  json_index();
  ~json_index();

  /// Finds the tokens of `json` and checks that it is UTF-8, that every string is closed and holds no control
  /// character. Errors: bad_json, bad_utf8 (with the byte), too_large (over limits::pattern_bytes).
  result<void> build(std::string_view json);

  /// Offsets of each `{ } [ ] : ,` and of the first byte of each string and scalar, ascending. Valid until the next
  /// build().
  std::span<const std::uint32_t> tokens() const noexcept { return tokens_; }

  static json_index& for_this_thread();

 private:
  struct parser;
  std::unique_ptr<parser> parser_;
  std::span<const std::uint32_t> tokens_;
};

}  // namespace quicsync::detail
