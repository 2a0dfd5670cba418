#include <catch2/catch_test_macros.hpp>
#include <tests/actors/support.hpp>

#include <quicsync/actors/cache/unstored.hpp>

using namespace quicsync;

namespace {

slab_ptr slab_of(int count) {
  slab_builder builder(1);
  for (int i = 0; i < count; ++i) (void)builder.add_tombstone("id-" + std::to_string(i), "agent", 1760000000000, 1);
  return builder.finish();
}

pattern_table::past at(log_position_number position) { return {position, 5, std::nullopt, this_node}; }

}  // namespace

TEST_CASE("unstored: what came in a turn leaves together, without what was replaced meanwhile", "[cache][store]") {
  unstored waiting;
  CHECK(!waiting.take(0));
  const auto records = slab_of(3);
  waiting.add(records, 0, lane::normal, 2, {}, at(1));
  waiting.add(records, 1, lane::high, 2, {}, at(2));
  waiting.add(slab_of(1), 0, lane::normal, this_node, {}, at(3));
  waiting.add_gone({1});
  auto next = waiting.take(3);
  REQUIRE(next);
  CHECK(next->last == 3);
  REQUIRE(next->sets.size() == 2);
  REQUIRE(next->sets[0].kept.size() == 1);
  CHECK(next->sets[0].kept[0].past.position == 2);
  CHECK(next->sets[0].kept[0].on == lane::high);
  CHECK(next->gone.empty());
  // What has left is let go of on the disk.
  waiting.add_gone({3, 2});
  next = waiting.take(3);
  REQUIRE(next);
  CHECK(next->gone == std::vector<log_position_number>{2, 3});
  CHECK(!waiting.has_next());
}

TEST_CASE("unstored: an acknowledgement waits for its position, a duplicate's too, and leaves refused ones out",
          "[cache][store]") {
  unstored waiting;
  waiting.durable(10);
  const error no{errc::not_allowed, "no"};
  messages::applied first{7, lane::normal, 100, 10, {{0, no}, {4, no}}};
  messages::applied second{7, lane::normal, 110, 5, {}};
  messages::applied known{7, lane::normal, 115, 2, {}};
  messages::applied nothing{7, lane::normal, 117, 1, {{0, no}}};
  waiting.wait(nullptr, known, 9);
  auto said = waiting.durable(waiting.durable_position());
  REQUIRE(said.size() == 1);
  CHECK(said[0].second.ranges == std::vector<sequence_range>{{115, 116}});
  waiting.wait(nullptr, first, 20);
  waiting.wait(nullptr, second, 25);
  waiting.wait(nullptr, nothing, 0);
  waiting.wait(nullptr, known, 9);  // not before those
  CHECK(waiting.durable(19).empty());
  said = waiting.durable(30);
  REQUIRE(said.size() == 1);
  CHECK(said[0].second.tag == 7);
  CHECK(said[0].second.ranges == std::vector<sequence_range>{{101, 103}, {105, 116}});
}

TEST_CASE("unstored: counts what waits until the disk has it", "[cache][store]") {
  unstored waiting;
  const auto records = slab_of(200);
  for (std::uint16_t i = 0; i < 100; ++i) waiting.add(records, i, lane::normal, 2, {}, at(i + 1));
  const auto half = waiting.bytes();
  CHECK(half > 100 * records->item(0).size);
  REQUIRE(waiting.take(100));
  for (std::uint16_t i = 100; i < 200; ++i) waiting.add(records, i, lane::normal, 2, {}, at(i + 1));
  const auto both = waiting.bytes();
  CHECK(both >= 2 * half);
  REQUIRE(waiting.take(200));
  waiting.durable(99);
  CHECK(waiting.bytes() == both);
  waiting.durable(100);
  CHECK(waiting.bytes() == both - half);
  waiting.durable(200);
  CHECK(waiting.bytes() == 0);
  CHECK(!waiting.full());
}
