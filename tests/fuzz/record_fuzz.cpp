// Any bytes as a record: what can be read can be encoded again and read as the same pattern, and prints as JSON that
// parses to it. What a slab says of it without checking it again is the same.
#include <quicsync/codec/json.hpp>
#include <quicsync/codec/record.hpp>
#include <quicsync/codec/slab.hpp>

#include "tests/fuzz/fuzz.hpp"

using namespace quicsync;

namespace {

void require_same_in_slab(const record_view& checked) {
  slab_builder builder(1);
  fuzz::require(builder.add_record(checked.bytes()).has_value());
  // The second one does not stand at the slab's begin; a large one fills it alone.
  (void)builder.add_record(checked.bytes());
  const auto records = builder.finish();
  for (std::size_t i = 0; i < records->size(); ++i) {
    const auto held = records->record(i);
    fuzz::require(records->id(i) == checked.id() && held.id() == checked.id());
    fuzz::require(held.agent_id() == checked.agent_id() && held.type() == checked.type());
    fuzz::require(held.source() == checked.source() && held.version() == checked.version());
    fuzz::require(held.timestamp() == checked.timestamp() && held.deleted() == checked.deleted());
    fuzz::require(held.priority() == checked.priority() && held.expires_at() == checked.expires_at());
    fuzz::require(held.has_checksum() == checked.has_checksum());
    const auto value = held.to_pattern(), expected = checked.to_pattern();
    fuzz::require(value.has_value() == expected.has_value());
    fuzz::require(!value || *value == *expected);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const auto view = record_view::parse({bytes, size});
  if (!view) return 0;
  (void)view->has_tag("auth");
  (void)view->has_tag_prefix("a");
  require_same_in_slab(*view);
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
