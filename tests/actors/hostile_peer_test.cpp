// What a peer that means ill does with frames about audiences and neighbours: its own connection ends with a reason,
// and nothing else happens.
#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include <quicsync/codec/block.hpp>
#include <quicsync/codec/limits.hpp>
#include <quicsync/codec/varint.hpp>

#include "session_pair.hpp"

using namespace quicsync;
using quicsync::test::make_pattern;
using quicsync::test::make_slab;
using quicsync::test::numbered;
using quicsync::test::pair_of_sides;

namespace {

constexpr std::uint8_t neighbours = 0x0c, marked_batch = 0x12;

byte_buffer names(std::uint64_t said, std::size_t count, std::size_t bytes_each) {
  byte_buffer out;
  detail::append_varint(out, said);
  for (std::size_t i = 0; i < count; ++i) {
    detail::append_varint(out, bytes_each);
    out.insert(out.end(), bytes_each, static_cast<std::uint8_t>('a' + i % 26));
  }
  return out;
}

byte_buffer joined(std::initializer_list<byte_buffer> parts) {
  byte_buffer whole;
  for (const auto& part : parts) whole.insert(whole.end(), part.begin(), part.end());
  return whole;
}

shared_bytes framed(std::uint8_t type, const byte_buffer& payload) {
  byte_buffer bytes{type};
  detail::append_varint(bytes, payload.size());
  bytes.insert(bytes.end(), payload.begin(), payload.end());
  return shared_bytes(std::move(bytes));
}

byte_buffer block_of(int from, int count) {
  byte_buffer block;
  block_encoder encoder;
  const auto slab = numbered(from, count);
  std::vector<bytes_view> records;
  for (std::size_t i = 0; i < slab->size(); ++i) records.push_back(slab->bytes(i));
  encoder.append(block, records);
  return block;
}

}  // namespace

TEST_CASE("hostile peer: each malformed frame about audiences or neighbours ends its connection with a reason, no more",
          "[peer]") {
  struct attack {
    const char* what;
    lane on;
    std::uint8_t type;
    byte_buffer payload;
    errc ends_with;
  };
  const byte_buffer block = block_of(0, 3), flags{0}, unknown_flags{0x80}, nothing;
  const byte_buffer too_many = names(limits::frame_names + 1, limits::frame_names + 1, 1);
  const attack attacks[] = {
      {"neighbours without a count", lane::control, neighbours, nothing, errc::bad_frame},
      {"fewer neighbours than said", lane::control, neighbours, names(5, 1, 3), errc::bad_frame},
      {"more neighbours than said", lane::control, neighbours, names(1, 2, 3), errc::bad_frame},
      {"more neighbours than a frame may have", lane::control, neighbours, too_many, errc::bad_frame},
      {"endless neighbours", lane::control, neighbours, names(~std::uint64_t{0}, 1, 3), errc::bad_frame},
      {"a neighbour with too long a name", lane::control, neighbours, names(1, 1, limits::name_bytes + 1),
       errc::bad_frame},
      {"a neighbour that is no text", lane::control, neighbours, {1, 2, 0xff, 0xfe}, errc::bad_frame},
      {"neighbours on a lane of patterns", lane::normal, neighbours, names(1, 1, 3), errc::unexpected_frame},
      {"a marked batch on the control lane", lane::control, marked_batch, joined({flags, names(1, 1, 3), block}),
       errc::unexpected_frame},
      {"a marked batch of nothing", lane::normal, marked_batch, nothing, errc::bad_frame},
      {"marks nobody knows", lane::normal, marked_batch, joined({unknown_flags, names(1, 1, 3), block}),
       errc::bad_frame},
      {"an audience that is cut off", lane::normal, marked_batch, joined({flags, names(9, 1, 3)}), errc::bad_frame},
      {"too large an audience", lane::normal, marked_batch, joined({flags, too_many, block}), errc::bad_frame},
      {"an audience with too long a name", lane::normal, marked_batch,
       joined({flags, names(1, 1, limits::name_bytes + 1), block}), errc::bad_frame},
      {"an audience without patterns", lane::normal, marked_batch, joined({flags, names(1, 1, 3)}), errc::truncated},
      {"an audience for bytes that are no block", lane::normal, marked_batch,
       joined({flags, names(1, 1, 3), byte_buffer(20, 0xee)}), errc::bad_block},
  };
  for (const auto& attack : attacks) {
    CAPTURE(attack.what);
    pair_of_sides s;
    s.open();
    s.b.session().receive(attack.on, framed(attack.type, attack.payload));
    s.settle();
    REQUIRE(s.b.failure_);
    CHECK(s.b.failure_->code == attack.ends_with);
    CHECK_FALSE(s.b.failure_->context.empty());
    CHECK(s.b.neighbours_.empty());
    CHECK(s.b.table().size() == 0);
    // What follows is not looked at any more.
    s.b.session().receive(lane::normal, framed(marked_batch, joined({flags, names(1, 1, 3), block})));
    s.settle();
    CHECK(s.b.table().size() == 0);
  }
}

TEST_CASE("hostile peer: a client that names neighbours is cut off", "[peer]") {
  pair_of_sides s(node_role::client);
  s.open();
  s.b.session().receive(lane::control, framed(neighbours, names(1, 1, 3)));
  REQUIRE(s.b.failure_);
  CHECK(s.b.failure_->code == errc::unexpected_frame);
}

TEST_CASE("hostile peer: one that tells of other neighbours again and again is cut off", "[peer]") {
  pair_of_sides s;
  s.open();
  std::size_t told = 0;
  while (!s.b.failure_ && told < 3 * limits::frame_names)
    s.b.session().receive(lane::control, framed(neighbours, names(1, 1, 1 + told++ % 2)));
  REQUIRE(s.b.failure_);
  CHECK(s.b.failure_->code == errc::flood);
  CHECK(told == limits::frame_names + 1);
}

TEST_CASE("hostile peer: an audience cannot grow beyond what a frame can say, and who is in it already stays",
          "[peer]") {
  pattern_table table(test::key_seed);
  const auto records = numbered(0, 1);
  auto audience = [](std::size_t from, std::size_t count) {
    std::vector<std::string> all;
    for (std::size_t i = from; i < from + count; ++i) all.push_back(fmt::format("name-{}", i));
    return sharing::only_to(std::move(all));
  };
  using verdict = pattern_table::verdict;
  CHECK(table.apply(records, 0, 1, audience(0, limits::frame_names + 1)).what == verdict::crowded);
  CHECK(table.size() == 0);
  CHECK(table.apply(records, 0, 1, audience(0, 3000)).what == verdict::added);
  CHECK(table.apply(records, 0, 1, audience(3000, 3000)).what == verdict::crowded);
  CHECK(table.apply(records, 0, 1, audience(3000, 1000)).what == verdict::widened);
  CHECK(table.find("p0").access.allows("name-3999"));
  CHECK_FALSE(table.find("p0").access.allows("name-5000"));
  CHECK(table.apply(records, 0, 1).what == verdict::widened);
  CHECK(table.find("p0").access.for_all());
}

TEST_CASE("hostile peer: names count for the bytes that a cache may hold", "[peer]") {
  table_config config;
  config.key_seed = test::key_seed;
  config.bytes_max = 10u << 20;
  pattern_table table(config);
  std::vector<std::string> many;
  for (std::size_t i = 0; i < limits::frame_names; ++i) many.push_back(fmt::format("{:0>255}", i));
  for (int i = 0; i < 100; ++i) {
    table.apply(numbered(i, 1), 0, 1, sharing::only_to(many));
    CHECK(table.bytes() <= config.bytes_max);
  }
  CHECK(table.size() < 12);
  const auto with_names = table.bytes();
  for (int i = 0; i < 100; ++i) table.apply(numbered(i, 1), 0, 1);  // for everybody: the names go
  CHECK(table.size() == 100);
  CHECK(table.bytes() < with_names / 10);
  table.clear();
  CHECK(table.bytes() == 0);
}
