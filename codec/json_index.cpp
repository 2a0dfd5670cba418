#include <algorithm>
#include <bit>

#include <fmt/format.h>
#include <simdjson.h>

#include <quicsync/codec/json_index.hpp>
#include <quicsync/codec/json_text.hpp>
#include <quicsync/codec/limits.hpp>

namespace quicsync::detail {

struct json_index::parser {
  std::unique_ptr<simdjson::internal::dom_parser_implementation> stage;
  std::size_t capacity = 0;
};

json_index::json_index() : parser_(std::make_unique<parser>()) {}
json_index::~json_index() = default;

json_index& json_index::for_this_thread() {
  static thread_local json_index instance;
  return instance;
}

namespace {

constexpr std::size_t capacity_min = 16u << 10;
constexpr std::size_t capacity_kept = 1u << 20;  // a thread does not keep what one huge pattern needed

error explain(std::string_view json, simdjson::error_code code) {
  if (code == simdjson::UTF8_ERROR) {
    return {errc::bad_utf8, fmt::format("byte {}: not UTF-8", find_bad_utf8(json))};
  }
  if (code == simdjson::EMPTY) return {errc::bad_json, "byte 0: empty"};
  bool in_string = false;
  std::size_t opened = 0;
  for (std::size_t i = 0; i < json.size(); ++i) {
    if (!in_string) {
      if (json[i] == '"') in_string = true, opened = i;
      continue;
    }
    if (static_cast<unsigned char>(json[i]) < 0x20) {
      return {errc::bad_json, fmt::format("byte {}: control character in a string", i)};
    }
    if (json[i] == '\\')
      ++i;
    else if (json[i] == '"')
      in_string = false;
  }
  return {errc::bad_json, fmt::format("byte {}: a string that is not closed", opened)};
}

}  // namespace

result<void> json_index::build(std::string_view json) {
  tokens_ = {};
  if (json.size() > limits::pattern_bytes) {
    return fail(errc::too_large,
                fmt::format("{} bytes of JSON, at most {} are taken", json.size(), limits::pattern_bytes));
  }
  if (json.empty()) return fail(errc::bad_json, "byte 0: empty");
  const bool shrink = parser_->capacity > capacity_kept && json.size() <= capacity_min;
  if (json.size() > parser_->capacity || shrink) {
    const auto wanted = std::bit_ceil(std::max(json.size(), capacity_min));
    parser_->capacity = 0;
    const auto made = simdjson::get_active_implementation()->create_dom_parser_implementation(
        wanted, limits::json_depth, parser_->stage);
    if (made != simdjson::SUCCESS) return fail(errc::overloaded, "no memory for the JSON parser");
    parser_->capacity = wanted;
  }
  const auto code = parser_->stage->stage1(reinterpret_cast<const std::uint8_t*>(json.data()), json.size(),
                                           simdjson::stage1_mode::regular);
  if (code != simdjson::SUCCESS) return fail(explain(json, code));
  tokens_ = {parser_->stage->structural_indexes.get(), parser_->stage->n_structural_indexes};
  return {};
}

}  // namespace quicsync::detail
