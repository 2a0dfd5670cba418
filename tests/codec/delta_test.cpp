#include <algorithm>

#include <catch2/catch_test_macros.hpp>

#include <quicsync/codec/block.hpp>
#include <quicsync/codec/delta.hpp>
#include <quicsync/codec/delta_limits.hpp>
#include <quicsync/codec/limits.hpp>

#include "tests/codec/samples.hpp"

using namespace quicsync;
using namespace quicsync::samples;

namespace {

constexpr std::uint64_t key_seed = 1;

byte_buffer record_of(const pattern& value) {
  byte_buffer out;
  REQUIRE(append_record(out, value));
  return out;
}

block_delta delta_of(std::uint32_t place, bytes_view base, bytes_view next) {
  return {place, common_ends_of(base, next), delta_check(hash_of(next))};
}

byte_buffer block_of(std::vector<bytes_view> records, const std::vector<block_delta>& deltas) {
  byte_buffer block;
  block_encoder().append(block, records, deltas);
  return block;
}

pattern_maker maker_of_this_run() { return pattern_maker(seed()); }

/// Another version of a pattern: mostly a small change.
pattern next_of(pattern value, pattern_maker& maker) {
  value.version += 1;
  value.timestamp += 60000;
  if (maker.one_in(2)) value.metadata.priority = 3;
  if (maker.one_in(2)) value.data = "{\"duration\":" + std::to_string(maker.below(5000)) + "}";
  if (maker.one_in(4)) value.data = maker.make().data;
  return value;
}

}  // namespace

TEST_CASE("delta: blocks of whole records and deltas give the next versions, and the lane goes on", "[codec][delta]") {
  INFO("QUICSYNC_TEST_SEED=" << seed());
  auto maker = maker_of_this_run();
  block_encoder encoder;
  block_decoder decoder;
  for (int round = 0; round < 60; ++round) {
    std::vector<byte_buffer> bases, nexts;
    for (int i = 0; i < 50; ++i) {
      const auto before = maker.make();
      bases.push_back(record_of(before));
      nexts.push_back(record_of(next_of(before, maker)));
    }
    std::vector<block_delta> deltas;
    for (std::uint32_t i = 0; i < nexts.size(); ++i)
      if (!maker.one_in(3)) deltas.push_back(delta_of(i, bases[i], nexts[i]));
    if (maker.one_in(4)) deltas.clear();
    byte_buffer block;
    encoder.append(block, std::vector<bytes_view>(nexts.begin(), nexts.end()), deltas);
    REQUIRE(block_decoder::has_deltas(block) == !deltas.empty());
    if (deltas.empty()) {
      slab_builder builder(key_seed);
      std::vector<slab_ptr> full;
      REQUIRE(decoder.decode(block, builder, full));
      continue;
    }
    const auto taken = decoder.decode_deltas(block, key_seed);
    REQUIRE(taken);
    REQUIRE(taken->size() == nexts.size());
    slab_builder builder(key_seed);
    std::size_t delta = 0, whole = 0;
    for (std::uint32_t i = 0; i < nexts.size(); ++i) {
      if (delta == taken->deltas().size() || taken->deltas()[delta].place != i) {
        CHECK(std::ranges::equal(taken->whole()->bytes(whole++), nexts[i]));
        continue;
      }
      REQUIRE(builder.add_delta(*taken, delta, bases[i]));
      const auto slab = builder.finish();
      CHECK(std::ranges::equal(slab->bytes(0), nexts[i]));
      CHECK(slab->item(0).key == taken->deltas()[delta].key);
      ++delta;
    }
    CHECK(whole == taken->whole()->size());
  }
}

TEST_CASE("delta: one changed number costs little", "[codec][delta]") {
  auto value = simple_pattern();
  const auto base = record_of(value);
  value.version += 1;
  value.timestamp += 60000;
  value.data = R"({"testCase":"login_rejects","duration":121,"coverage":0.9810,"result":"passed"})";
  const auto next = record_of(value);
  CHECK(block_of({next}, {delta_of(0, base, next)}).size() <= 36);
}

TEST_CASE("delta: what three versions have in common leads from the first to the third", "[codec][delta]") {
  INFO("QUICSYNC_TEST_SEED=" << seed());
  auto maker = maker_of_this_run();
  for (int i = 0; i < 2000; ++i) {
    const auto one = maker.make(), two = next_of(one, maker), three = next_of(two, maker);
    const auto first = record_of(one), second = record_of(two), third = record_of(three);
    const auto kept = joined(common_ends_of(first, second), common_ends_of(second, third));
    const auto block = block_of({third}, {{0, kept, delta_check(hash_of(third))}});
    const auto taken = block_decoder().decode_deltas(block, key_seed);
    REQUIRE(taken);
    slab_builder builder(key_seed);
    REQUIRE(builder.add_delta(*taken, 0, first));
    CHECK(std::ranges::equal(builder.finish()->bytes(0), third));
  }
}

TEST_CASE("delta: another base than the one meant is noticed, and nothing is added", "[codec][delta]") {
  auto value = simple_pattern();
  const auto base = record_of(value);
  value.version += 1;
  const auto next = record_of(value);
  const auto taken = block_decoder().decode_deltas(block_of({next}, {delta_of(0, base, next)}), key_seed);
  REQUIRE(taken);
  value.data = "1";
  const auto shorter = record_of(value);
  value.data = R"({"testCase":"login_rejectz","duration":120,"coverage":0.9810,"result":"passed"})";
  const auto alike = record_of(value);
  value = simple_pattern();
  value.id = "pattern_18";
  const auto of_another_id = record_of(value);
  slab_builder builder(key_seed);
  for (const auto* other : {&shorter, &alike, &of_another_id}) {
    const auto added = builder.add_delta(*taken, 0, *other);
    REQUIRE_FALSE(added);
    CHECK(added.error().code == errc::unknown_base);
    CHECK(builder.empty());
    CHECK(builder.record_bytes() == 0);
  }
  CHECK(builder.add_delta(*taken, 0, base));
}

TEST_CASE("delta: every prefix and every flipped bit is an error or the right record", "[codec][delta]") {
  auto value = simple_pattern();
  const auto base = record_of(value);
  value.version += 1;
  value.data = R"({"testCase":"another text of some length to be compressed, of some length","duration":1})";
  const auto next = record_of(value);
  const auto bytes = block_of({next}, {delta_of(0, base, next)});
  for (std::size_t size = 0; size < bytes.size(); ++size)
    CHECK_FALSE(block_decoder().decode_deltas(bytes_view(bytes).first(size), key_seed));
  for (std::size_t i = 0; i < bytes.size() * 8; ++i) {
    auto changed = bytes;
    changed[i / 8] = static_cast<std::uint8_t>(changed[i / 8] ^ 1 << (i % 8));
    const auto taken = block_decoder().decode_deltas(changed, key_seed);
    if (!taken) continue;
    slab_builder builder(key_seed);
    for (std::size_t delta = 0; delta < taken->deltas().size(); ++delta)
      if (builder.add_delta(*taken, delta, base)) CHECK(std::ranges::equal(builder.finish()->bytes(0), next));
  }
}

TEST_CASE("delta: a block without deltas is none with, and the other way round", "[codec][delta]") {
  const auto base = record_of(simple_pattern());
  auto value = simple_pattern();
  value.version += 1;
  const auto next = record_of(value);
  const auto with = block_of({next}, {delta_of(0, base, next)}), without = block_of({next}, {});
  slab_builder builder(key_seed);
  std::vector<slab_ptr> full;
  const auto refused = block_decoder().decode(with, builder, full);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == errc::bad_block);
  CHECK_FALSE(block_decoder().decode_deltas(without, key_seed));
  CHECK_FALSE(block_decoder::has_deltas({}));
}

TEST_CASE("delta: few bytes that stand for many are refused at the block's bound", "[codec][delta]") {
  // Deltas of eleven bytes and an id, each of the largest record that one may stand for.
  byte_buffer block{0x09};
  for (int i = 0; i < 3; ++i) {
    const byte_buffer delta{0x01, 0x01, 0x01, 'p', 0x00, 0x01, 0xff, 0xff, 0x01, 0xff, 0xff, 0x01};
    block.insert(block.end(), delta.begin(), delta.end());
    block.insert(block.end(), 8, 0);
  }
  const auto taken = block_decoder().decode_deltas(block, key_seed);
  REQUIRE_FALSE(taken);
  CHECK(taken.error().code == errc::too_large);

  byte_buffer many{0x09};
  for (std::size_t i = 0; i <= limits::delta_block_records; ++i) {
    const byte_buffer delta{0x01, 0x01, 0x01, 'p', 0x00, 0x01, 0x01, 0x01};
    many.insert(many.end(), delta.begin(), delta.end());
    many.insert(many.end(), 8, 0);
  }
  const auto too_many = block_decoder().decode_deltas(many, key_seed);
  REQUIRE_FALSE(too_many);
  CHECK(too_many.error().code == errc::too_large);
}
