#include <catch2/catch_test_macros.hpp>

#include <quicsync/codec/block.hpp>
#include <quicsync/codec/stored_block.hpp>

#include "tests/codec/samples.hpp"

using namespace quicsync;
using namespace quicsync::samples;

TEST_CASE("stored block: a flipped bit at any place is noticed, and so is any missing byte", "[codec][block]") {
  pattern_maker maker(seed());
  std::vector<byte_buffer> records(30);
  std::vector<bytes_view> views;
  for (auto& record : records) {
    REQUIRE(append_record(record, maker.make()));
    views.emplace_back(record);
  }
  byte_buffer block, stored;
  block_encoder().append(block, views, true);
  append_stored_block(stored, block);
  const auto opened = open_stored_block(stored);
  REQUIRE(opened);
  CHECK(byte_buffer(opened->begin(), opened->end()) == block);
  for (std::size_t i = 0; i < stored.size() * 8; ++i) {
    auto changed = stored;
    changed[i / 8] = static_cast<std::uint8_t>(changed[i / 8] ^ 1 << (i % 8));
    REQUIRE_FALSE(open_stored_block(changed));
  }
  for (std::size_t size = 0; size < stored.size(); ++size)
    REQUIRE_FALSE(open_stored_block(bytes_view(stored).first(size)));
}
