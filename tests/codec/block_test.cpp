#include <catch2/catch_test_macros.hpp>

#include <quicsync/codec/block.hpp>
#include <quicsync/codec/json.hpp>

#include "tests/codec/samples.hpp"

using namespace quicsync;
using namespace quicsync::samples;

namespace {

std::vector<byte_buffer> make_records(std::size_t count, std::uint64_t from) {
  pattern_maker maker(from);
  std::vector<byte_buffer> records;
  while (records.size() < count) REQUIRE(append_record(records.emplace_back(), maker.make()));
  return records;
}

/// Decodes blocks one after another and gives the records back.
class receiver {
 public:
  result<void> take(bytes_view block) { return decoder_.decode(block, builder_, full_); }
  std::vector<byte_buffer> records() {
    std::vector<byte_buffer> all;
    if (!builder_.empty()) full_.push_back(builder_.finish());
    for (const auto& slab : full_) {
      CHECK(slab->size() <= limits::slab_records);
      for (std::size_t i = 0; i < slab->size(); ++i) {
        const auto bytes = slab->bytes(i);
        CHECK(slab->item(i).hash == hash_of(bytes));
        CHECK(slab->item(i).key == key_of(slab->record(i).id(), 42));
        CHECK(slab->item(i).version == slab->record(i).version());
        all.emplace_back(bytes.begin(), bytes.end());
      }
    }
    return all;
  }

 private:
  block_decoder decoder_;
  slab_builder builder_{42};
  std::vector<slab_ptr> full_;
};

}  // namespace

TEST_CASE("block: records come out as they went in, for any batch size, compressed or not", "[codec][block]") {
  INFO("QUICSYNC_TEST_SEED=" << seed());
  const auto records = make_records(5000, seed());
  for (const bool compress : {true, false}) {
    for (const std::size_t batch : {1u, 7u, 100u}) {
      block_encoder encoder(compress);
      receiver into;
      for (std::size_t i = 0; i < records.size(); i += batch) {
        std::vector<bytes_view> views;
        for (std::size_t j = i; j < std::min(records.size(), i + batch); ++j) views.push_back(records[j]);
        byte_buffer block;
        encoder.append(block, views, i % 1000 == 0);
        REQUIRE(into.take(block));
      }
      CHECK(into.records() == records);
    }
  }
}

// The decoder once refused what the encoder had coded against a long prefix.
TEST_CASE("block: numbered ids as long as ids may be come out as they went in", "[codec][block]") {
  std::vector<byte_buffer> records;
  for (const auto* number : {"1", "2", "9", "8", "0", "007", "123456789012345", "1234567890123456"}) {
    pattern value = simple_pattern();
    value.id = std::string(limits::id_bytes - std::string_view(number).size(), 'x') + number;
    REQUIRE(append_record(records.emplace_back(), value));
  }
  const std::vector<bytes_view> views(records.begin(), records.end());
  byte_buffer block;
  block_encoder().append(block, views);
  receiver into;
  REQUIRE(into.take(block));
  CHECK(into.records() == records);
}

TEST_CASE("block: a released encoder begins a fresh history by itself", "[codec][block]") {
  const auto records = make_records(10, seed());
  block_encoder encoder;
  for (const auto& record : records) {
    const bytes_view view = record;
    byte_buffer block;
    encoder.append(block, {&view, 1});
    encoder.release();
    receiver into;
    REQUIRE(into.take(block));
    CHECK(into.records() == std::vector<byte_buffer>{record});
  }
}

TEST_CASE("block: without its history a linked block is refused", "[codec][block]") {
  const auto records = make_records(2, seed());
  block_encoder encoder;
  byte_buffer first, second;
  const bytes_view one = records[0], two = records[1];
  encoder.append(first, {&one, 1});
  encoder.append(second, {&two, 1});
  receiver into;
  const auto refused = into.take(second);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == errc::bad_block);
}

TEST_CASE("block: a record of the largest size passes between small ones", "[codec][block]") {
  auto records = make_records(3, seed());
  pattern large = simple_pattern();
  large.data = "\"" + std::string(limits::pattern_bytes - 1000, 'x') + "\"";
  records[1].clear();
  REQUIRE(append_record(records[1], large));
  for (const bool compress : {true, false}) {
    block_encoder encoder(compress);
    receiver into;
    for (const auto& record : records) {
      const bytes_view view = record;
      byte_buffer block;
      encoder.append(block, {&view, 1});
      REQUIRE(into.take(block));
    }
    CHECK(into.records() == records);
  }
}

TEST_CASE("block: every prefix and every flipped bit is an error or other records, never a crash", "[codec][block]") {
  const auto records = make_records(20, seed());
  std::vector<bytes_view> views(records.begin(), records.end());
  for (const bool compress : {true, false}) {
    block_encoder encoder(compress);
    byte_buffer block;
    encoder.append(block, views);
    for (std::size_t size = 0; size < block.size(); ++size) {
      receiver into;
      (void)into.take(byte_buffer(block.begin(), block.begin() + static_cast<std::ptrdiff_t>(size)));
    }
    for (std::size_t i = 0; i < block.size() * 8; ++i) {
      auto changed = block;
      changed[i / 8] = static_cast<std::uint8_t>(changed[i / 8] ^ 1 << (i % 8));
      receiver into;
      (void)into.take(changed);
      for (const auto& record : into.records()) (void)record_view::parse(record)->to_pattern();
    }
  }
}

TEST_CASE("block: a bomb is refused by what it announces", "[codec][block]") {
  receiver into;
  const byte_buffer huge{0x03, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x00};
  CHECK(into.take(huge).error().code == errc::too_large);
  const byte_buffer lying{0x03, 0x80, 0x80, 0x04, 0x00};
  CHECK(into.take(lying).error().code == errc::bad_block);
  const byte_buffer alone{0x07, 0xff, 0xff, 0xff, 0x07, 0x00};
  CHECK(into.take(alone).error().code == errc::bad_block);
  CHECK(into.take(byte_buffer{}).error().code == errc::truncated);
  CHECK(into.take(byte_buffer{0xf8}).error().code == errc::bad_block);
}
