// Nodes with a store on virtual time: killed at any moment, they come back with everything that they said was stored.
#include <memory>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>
#include <tests/sim/seeds.hpp>
#include <tests/sim/sync_node.hpp>

namespace {

using namespace quicsync;
using namespace quicsync::sim;
using namespace std::chrono_literals;

std::vector<pattern> numbered(int first, int count, std::uint64_t version = 1) {
  std::vector<pattern> patterns;
  for (int i = first; i < first + count; ++i) {
    pattern p;
    p.id = fmt::format("p-{}", i);
    p.agent_id = "writer";
    p.type = "test_execution";
    p.data = fmt::format(R"({{"n":{},"v":{}}})", i, version);
    p.metadata.source = "writer";
    p.metadata.priority = 1 + i % 10;
    p.timestamp = 1760000000000 + i;
    p.version = version;
    patterns.push_back(std::move(p));
  }
  return patterns;
}

delivery_wish stored() {
  delivery_wish wish;
  wish.level = ack_level::stored;
  return wish;
}

}  // namespace

TEST_CASE("store: what a killed node had acknowledged as stored is there when it comes back", "[sim][store]") {
  for_each_seed(10, [](simulated_world& world) {
    world.network().conditions.loss = 0.05;
    auto disk = std::make_shared<tests::memory_disk>();
    sync_node writer(world, "writer");
    auto keeper = std::make_unique<sync_node>(world, "keeper", node_config{}, disk);
    writer.connect(*keeper);
    std::size_t acknowledged = 0;  // patterns; a share's are all new
    int next = 0;
    for (int round = 0; round < 5; ++round) {
      REQUIRE(world.run_until([&] { return keeper->count("peer:connected") != 0; }));
      for (int i = 0; i < 8; ++i, next += 20) writer.share(numbered(next, 20), stored());
      world.advance(std::chrono::milliseconds(10 + 7 * (world.seed() % 5) + 20 * round));
      keeper.reset();
      world.crash("keeper");
      for (const auto& report : writer.take_reports())
        if (report.complete() && report.peers.at(0).level == ack_level::stored) acknowledged += report.local.size();
      const auto on_disk = disk->size();
      CHECK(on_disk >= acknowledged);
      keeper = std::make_unique<sync_node>(world, "keeper", node_config{}, disk);
      CHECK(keeper->state().size() >= on_disk);  // the writer may be back already
    }
    REQUIRE(world.run_until([&] { return keeper->state().size() == static_cast<std::size_t>(next); }));
    CHECK(keeper->state() == writer.state());
    CHECK(disk->size() == static_cast<std::size_t>(next));
  });
}

TEST_CASE("store: a store that fails at its commit N takes nothing more, and loses nothing that was acknowledged",
          "[sim][store]") {
  for_each_seed(6, [](simulated_world& world) {
    auto disk = std::make_shared<tests::memory_disk>();
    sync_node writer(world, "writer");
    auto keeper = std::make_unique<sync_node>(world, "keeper", node_config{}, disk);
    writer.connect(*keeper);
    REQUIRE(world.run_until([&] { return keeper->count("peer:connected") == 1; }));
    disk->fail_after(world.seed());
    for (int i = 0; i < 10; ++i) {
      writer.share(numbered(20 * i, 20), stored());
      world.advance(20ms);
    }
    REQUIRE(world.run_until([&] { return writer.reports().size() == 10; }));
    CHECK(keeper->count("store:failed") == 1);
    std::size_t promised = 0;
    for (const auto& report : writer.reports())
      if (report.complete()) {
        CHECK(report.peers.at(0).level == ack_level::stored);
        promised += report.local.size();
      }
    CHECK(promised <= disk->size());
    keeper.reset();
    world.crash("keeper");
    disk->repair();
    keeper = std::make_unique<sync_node>(world, "keeper", node_config{}, disk);
    CHECK(keeper->state().size() >= promised);
    REQUIRE(world.run_until([&] { return keeper->state() == writer.state(); }));
  });
}

TEST_CASE("store: a node that has most of it on disk only is compared like any other", "[sim][store]") {
  for_each_seed(5, [](simulated_world& world) {
    auto disk = std::make_shared<tests::memory_disk>();
    node_config narrow;
    narrow.cache_entries = 50;
    sync_node writer(world, "writer");
    auto keeper = std::make_unique<sync_node>(world, "keeper", narrow, disk);
    keeper->share(numbered(0, 200), stored());
    keeper->share(numbered(200, 200), stored());
    writer.share(numbered(0, 200));
    writer.share(numbered(220, 200));
    world.advance(2s);
    keeper.reset();
    world.crash("keeper");
    keeper = std::make_unique<sync_node>(world, "keeper", narrow, disk);
    writer.connect(*keeper);
    REQUIRE(world.run_until([&] { return writer.state().size() == 420 && keeper->state().size() == 420; }));
    CHECK(keeper->state() == writer.state());
    world.advance(5s);
    CHECK(keeper->ask_state().peers.at(0).patterns_sent == 20);
    CHECK(writer.ask_state().peers.at(0).patterns_sent == 20);
  });
}
