// Any bytes as a record: what can be read can be encoded again and read as the same pattern, and prints as JSON that
// parses to it.
#include <quicsync/codec/json.hpp>
#include <quicsync/codec/record.hpp>

#include "tests/fuzz/fuzz.hpp"

using namespace quicsync;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const auto view = record_view::parse({bytes, size});
  if (!view) return 0;
  (void)view->has_tag("auth");
  (void)view->has_tag_prefix("a");
  const auto value = view->to_pattern();
  std::string text;
  const auto printed = append_json(text, *view);
  fuzz::require(value.has_value() == printed.has_value());
  if (!value) return 0;
  std::string from_value;
  append_json(from_value, *value);
  fuzz::require(text == from_value);
  byte_buffer again;
  if (!append_record(again, *value)) return 0;
  fuzz::require(record_view::parse(again)->to_pattern() == value);
  const auto parsed = parse_pattern(text);
  fuzz::require(parsed && *parsed == *value);
  return 0;
}
