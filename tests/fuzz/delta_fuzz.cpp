// Any bytes as blocks with deltas against a record that is held: what is rebuilt is a record of that id with the hash
// that was announced; and any two values of `data` give a delta that leads from one to the other.
#include <quicsync/codec/block.hpp>
#include <quicsync/codec/delta.hpp>
#include <quicsync/codec/delta_limits.hpp>

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
  block_decoder decoder;
  while (!rest.empty()) {
    const auto block = decoder.decode_deltas(fuzz::take_piece(rest), 1);
    if (!block) break;
    slab_builder builder(1);
    for (std::size_t i = 0; i < block->deltas().size(); ++i) {
      if (!builder.add_delta(*block, i, held)) continue;
      const auto slab = builder.finish();
      fuzz::require(slab->size() == 1 && slab->id(0) == "pattern_1" && record_view::parse(slab->bytes(0)));
      fuzz::require(delta_check(hash_of(slab->bytes(0))) == block->deltas()[i].check);
    }
  }
  rest = {bytes, size};
  const auto first = record_with(as_text(fuzz::take_piece(rest)), 1), second = record_with(as_text(rest), 2);
  if (first.empty() || second.empty()) return 0;
  if (std::max(first.size(), second.size()) > limits::delta_record_bytes) return 0;
  const bytes_view next = second;
  const block_delta delta{0, common_ends_of(first, second), delta_check(hash_of(second))};
  byte_buffer made;
  block_encoder().append(made, std::span(&next, 1), std::span(&delta, 1));
  const auto taken = block_decoder().decode_deltas(made, 1);
  slab_builder builder(1);
  fuzz::require(taken && builder.add_delta(*taken, 0, first));
  const auto slab = builder.finish();
  fuzz::require(std::equal(second.begin(), second.end(), slab->bytes(0).begin(), slab->bytes(0).end()));
  return 0;
}
