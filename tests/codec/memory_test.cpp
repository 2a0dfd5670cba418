// What hostile bytes may cost: every decoder stays under a bound that goes by what it was given, whatever that
// announces.
#include <catch2/catch_test_macros.hpp>

#include <quicsync/codec/block.hpp>
#include <quicsync/codec/block_context.hpp>
#include <quicsync/codec/delta.hpp>
#include <quicsync/codec/filter.hpp>
#include <quicsync/codec/frame.hpp>
#include <quicsync/codec/json.hpp>
#include <quicsync/codec/sketch.hpp>

#include "tests/codec/memory_meter.hpp"
#include "tests/codec/samples.hpp"

using namespace quicsync;
using namespace quicsync::samples;

namespace {

constexpr std::size_t megabyte = 1u << 20;

/// Of one block with history: the lane's window, the records and the slabs around them.
constexpr std::size_t block_memory_bytes = 3 * megabyte;

std::size_t cost_of_block(bytes_view block, errc expected) {
  return memory_meter::peak_of([&] {
    block_decoder decoder;
    slab_builder builder(1);
    std::vector<slab_ptr> full;
    const auto taken = decoder.decode(block, builder, full);
    CHECK((taken ? errc::none : taken.error().code) == expected);
  });
}

/// A raw block of tombstones whose ids have all but their number in common.
byte_buffer block_of_long_ids(std::size_t id_bytes, std::size_t block_bytes) {
  const std::string prefix(id_bytes - 6, 'p');
  byte_buffer block(block_bytes + 2 * id_bytes);
  block[0] = 0x01;
  auto* to = block.data() + 1;
  detail::block_context context;
  byte_buffer record;
  for (int number = 100'000; to < block.data() + block_bytes - 16; ++number) {
    record.clear();
    REQUIRE(append_tombstone(record, prefix + std::to_string(number), "a", 1, 1));
    to = context.pack(to, record);
  }
  block.resize(static_cast<std::size_t>(to - block.data()));
  return block;
}

}  // namespace

TEST_CASE("memory: the meter sees what is allocated", "[codec][memory]") {
  const auto peak = memory_meter::peak_of([] { byte_buffer some(megabyte); });
  CHECK(peak >= megabyte);
  CHECK(peak < megabyte + 4096);
}

TEST_CASE("memory: a block that announces what it does not hold costs next to nothing", "[codec][memory]") {
  CHECK(cost_of_block(byte_buffer{0x03, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x00}, errc::too_large) < 4096);
  CHECK(cost_of_block(byte_buffer{0x03, 0x80, 0x80, 0x04, 0x00}, errc::bad_block) < 4096);
  CHECK(cost_of_block(byte_buffer{0x07, 0xff, 0xff, 0xff, 0x07, 0x00}, errc::bad_block) < 4096);
}

TEST_CASE("memory: few bytes that stand for many long ids are refused at the block's bound", "[codec][memory]") {
  // 100 KB that would unpack to 14 MB.
  const auto block = block_of_long_ids(1000, 100'000);
  CHECK(cost_of_block(block, errc::too_large) < block_memory_bytes);
}

TEST_CASE("memory: many tiny records are refused at the block's bound", "[codec][memory]") {
  const auto block = block_of_long_ids(7, 131'000);
  CHECK(cost_of_block(block, errc::too_large) < block_memory_bytes);
}

TEST_CASE("memory: changed blocks stay under the block's bound", "[codec][memory]") {
  INFO("QUICSYNC_TEST_SEED=" << seed());
  pattern_maker maker(seed());
  std::vector<byte_buffer> records(100);
  for (auto& record : records) REQUIRE(append_record(record, maker.make()));
  std::vector<bytes_view> views(records.begin(), records.end());
  byte_buffer block;
  block_encoder().append(block, views);
  for (int round = 0; round < 2000; ++round) {
    auto changed = block;
    for (auto times = 1 + maker.below(4); times > 0; --times) {
      changed[maker.below(changed.size())] = static_cast<std::uint8_t>(maker.below(256));
    }
    changed.resize(1 + maker.below(changed.size()));
    const auto peak = memory_meter::peak_of([&] {
      block_decoder decoder;
      slab_builder builder(1);
      std::vector<slab_ptr> full;
      (void)decoder.decode(changed, builder, full);
    });
    REQUIRE(peak < block_memory_bytes + (changed[0] & 0x04 ? 255 * changed.size() : 0));
  }
}

TEST_CASE("memory: text that nests without end costs what its bytes cost", "[codec][memory]") {
  const std::string deep = R"({"id":"p","agentId":"a","type":"t","data":)" + std::string(megabyte, '[');
  byte_buffer record;
  // Five bytes of token room and an index entry of four for each byte of text.
  CHECK(memory_meter::peak_of([&] { CHECK_FALSE(append_record_of_json(record, deep)); }) < 24 * deep.size());
  const std::string negations(megabyte, '!');
  CHECK(memory_meter::peak_of([&] { CHECK_FALSE(filter::parse(negations)); }) < 64 * 1024);
}

TEST_CASE("memory: a frame's length takes no room before its bytes come", "[codec][memory]") {
  frame_reader reader(limits::frame_bytes);
  const byte_buffer head{0x01, 0xff, 0xff, 0xff, 0x07};
  CHECK(memory_meter::peak_of([&] {
          reader.feed(shared_bytes::copy_of(head));
          const auto next = reader.next();
          CHECK((next && !*next));
        }) < 4096);
}

TEST_CASE("memory: symbols and deltas cost what their bytes cost", "[codec][memory]") {
  INFO("QUICSYNC_TEST_SEED=" << seed());
  pattern_maker maker(seed());
  byte_buffer base;
  REQUIRE(append_record(base, maker.make()));
  for (int round = 0; round < 2000; ++round) {
    byte_buffer noise(maker.below(600));
    for (auto& byte : noise) byte = static_cast<std::uint8_t>(maker.below(256));
    CHECK(memory_meter::peak_of([&] { (void)take_symbols(noise, 0, maker.below(1'000'000)); }) <
          4096 + 4 * noise.size());
    noise.insert(noise.begin(), 0x09);  // a fresh block with deltas
    CHECK(memory_meter::peak_of([&] {
            block_decoder decoder;
            slab_builder builder(1);
            if (const auto block = decoder.decode_deltas(noise, 1))
              for (std::size_t i = 0; i < block->deltas().size(); ++i) (void)builder.add_delta(*block, i, base);
          }) < block_memory_bytes);
  }
}
