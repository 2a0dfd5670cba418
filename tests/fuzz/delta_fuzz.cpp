// Any bytes as deltas against a record that is held: what applies is a record of that id; and any two values of `data`
// give a delta that leads from one to the other.
#include <quicsync/codec/delta.hpp>

#include "tests/fuzz/fuzz.hpp"

using namespace quicsync;

namespace {

byte_buffer record_with(std::string_view data, std::uint64_t version) {
  pattern value;
  value.id = "pattern_1";
  value.agent_id = "agent";
  value.version = version;
  value.timestamp = static_cast<std::int64_t>(1000 * version);
  value.data = data;
  byte_buffer out;
  (void)append_record(out, value);
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  static const auto held = record_with(R"({"testCase":"login","duration":120,"result":"passed"})", 3);
  bytes_view rest(bytes, size);
  while (!rest.empty()) {
    const auto delta = take_delta(rest);
    if (!delta) break;
    byte_buffer out;
    if (apply_delta(out, *delta, held)) fuzz::require(record_view::parse(out)->id() == "pattern_1");
  }
  rest = {bytes, size};
  const auto first = record_with(as_text(fuzz::take_piece(rest)), 1), second = record_with(as_text(rest), 2);
  if (first.empty() || second.empty()) return 0;
  byte_buffer made;
  append_delta(made, first, second);
  bytes_view view = made;
  const auto delta = take_delta(view);
  byte_buffer out;
  fuzz::require(delta && apply_delta(out, *delta, first) && out == second);
  return 0;
}
