// Any text as a filter expression: what parses prints to a canonical form that parses to the same.
#include <quicsync/codec/filter.hpp>

#include "tests/fuzz/fuzz.hpp"

using namespace quicsync;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const auto parsed = filter::parse(fuzz::text_of(bytes, size));
  if (!parsed) return 0;
  const auto canonical = parsed->to_string();
  const auto again = filter::parse(canonical);
  fuzz::require(again && *again == *parsed && again->to_string() == canonical);
  static const byte_buffer record = [] {
    pattern value;
    value.id = "pattern_1";
    value.type = "test_execution";
    value.metadata.tags = {"auth", "unit"};
    byte_buffer out;
    fuzz::require(append_record(out, value).has_value());
    return out;
  }();
  fuzz::require(parsed->matches(*record_view::parse(record)) == again->matches(*record_view::parse(record)));
  return 0;
}
