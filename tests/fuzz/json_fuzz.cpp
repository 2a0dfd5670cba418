// Any text as JSON: the two ways to a record agree, and what was read prints to text that reads as the same.
#include <quicsync/codec/checksum.hpp>
#include <quicsync/codec/json.hpp>

#include "tests/fuzz/fuzz.hpp"

using namespace quicsync;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const auto text = fuzz::text_of(bytes, size);
  const auto value = parse_pattern(text);
  byte_buffer direct, through;
  const auto appended = append_record_of_json(direct, text);
  fuzz::require(value.has_value() == appended.has_value());
  if (!value) {
    fuzz::require(value.error() == appended.error() && direct.empty());
    // The same bytes as `data` alone.
    pattern other;
    other.id = "x";
    other.data = text;
    if (append_record(direct, other)) fuzz::require(record_view::parse(direct)->to_pattern()->data == text);
    return 0;
  }
  (void)check_checksum(*value);
  fuzz::require(append_record(through, *value) && through == direct);
  const auto view = record_view::parse(direct);
  fuzz::require(view && view->to_pattern() == value);
  std::string printed, from_value;
  fuzz::require(append_json(printed, *view).has_value());
  append_json(from_value, *value);
  fuzz::require(printed == from_value);
  const auto again = parse_pattern(printed);
  fuzz::require(again && *again == *value);
  return 0;
}
