// Two nodes that were cut off from each other for ten minutes, with many changes on both sides: how long until they are
// equal.
#include <iostream>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>
#include <tests/sim/seeds.hpp>
#include <tests/sim/sync_node.hpp>

namespace {

using namespace quicsync;
using namespace quicsync::sim;
using namespace std::chrono_literals;

constexpr auto one_way = 25ms;
constexpr int changes = 100'000;  ///< on each side
constexpr std::uint64_t link_bytes_per_second = 12'500'000;

void share_many(sync_node& node, const std::string& prefix, int count, std::uint64_t version) {
  for (int from = 0; from < count; from += 250) {
    std::vector<pattern> patterns;
    for (int i = from; i < from + 250; ++i) {
      pattern p;
      p.id = fmt::format("{}-{}", prefix, i);
      p.agent_id = node.name();
      p.type = "test_execution";
      p.data = fmt::format(R"({{"file":"src/module{}/part{}.ts","line":{},"branch":"{:x}"}})", i % 17, i * 7 % 101,
                           i * 31 % 2000, i * 2654435761u % 4096);
      p.metadata.source = node.name();
      p.timestamp = 1760000000000 + i;
      p.version = version;
      patterns.push_back(std::move(p));
    }
    node.share(patterns);
  }
}

double seconds(std::chrono::nanoseconds time) { return std::chrono::duration<double>(time).count(); }

/// From the moment a connection stands until both hold `count`.
std::chrono::nanoseconds time_to(simulated_world& world, sync_node& one, sync_node& two, std::size_t count) {
  const auto begins = world.now();
  while (world.now() - begins < 60s) {
    if (one.ask_state().patterns == count && two.ask_state().patterns == count) break;
    world.advance(5ms);
  }
  return world.now() - begins;
}

/// What the same changes take on the same link as live flow, between nodes that are connected.
std::chrono::nanoseconds time_of_transfer() {
  simulated_world world(2);
  world.network().conditions.delay = one_way;
  world.network().conditions.bytes_per_second = link_bytes_per_second;
  world.network().conditions.queue_bytes = 1u << 20;
  sync_node one(world, "one"), two(world, "two");
  two.connect(one);
  REQUIRE(world.run_until([&] { return two.count("peer:connected") == 1; }));
  world.advance(1s);
  share_many(one, "of-one", changes, 1);
  share_many(two, "of-two", changes, 1);
  return time_to(world, one, two, 2 * changes);
}

}  // namespace

TEST_CASE(
    "partition: ten minutes apart with 100 000 changes on each side, and equal within three round trips and the "
    "transfer",
    "[sim]") {
  const auto transfer = time_of_transfer();
  simulated_world world(1);
  world.network().conditions.delay = one_way;
  world.network().conditions.bytes_per_second = link_bytes_per_second;
  world.network().conditions.queue_bytes = 1u << 20;
  sync_node one(world, "one"), two(world, "two");
  two.connect(one);
  REQUIRE(world.run_until([&] { return two.count("peer:connected") == 1; }));
  constexpr int common = 50'000;
  share_many(one, "common", common, 1);
  world.advance(20s);
  REQUIRE(two.ask_state().patterns == common);
  world.cut("one", "two");
  world.advance(5min);
  share_many(one, "of-one", changes, 1);
  share_many(two, "of-two", changes, 1);
  world.advance(5min);
  world.mend("one", "two");
  REQUIRE(world.run_until([&] { return two.count("peer:connected") == 2; }));
  const auto took = time_to(world, one, two, common + 2 * changes);
  std::cout << fmt::format(
      "partition: equal {:.3f} s after the connection stands again; the same changes as live flow take "
      "{:.3f} s on that link, a round trip {:.3f} s\n",
      seconds(took), seconds(transfer), seconds(2 * one_way));
  CHECK(took <= transfer + 3 * 2 * one_way);
  const auto state = one.state();
  CHECK(state.size() == common + 2 * static_cast<std::size_t>(changes));
  CHECK(two.state() == state);
}
