// Updates of what all nodes hold, on a network that loses and reorders, with cuts, restarts and a cache that forgets:
// all end with the last versions, whatever went as what changed.
#include <memory>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>
#include <tests/sim/seeds.hpp>
#include <tests/sim/sync_node.hpp>

namespace {

using namespace quicsync;
using namespace quicsync::sim;
using namespace std::chrono_literals;

constexpr int patterns_each = 120;

std::vector<pattern> versions(int first, int count, std::uint64_t version, const std::string& writer) {
  std::vector<pattern> patterns;
  for (int i = first; i < first + count; ++i) {
    pattern p;
    p.id = fmt::format("p-{}", i);
    p.agent_id = writer;
    p.type = "test_execution";
    p.data = fmt::format(R"({{"case":"{:x} {:x} {:x}","result":"passed","duration":{}}})", i * 2654435761u,
                         i * 40503u + 7, i * 2246822519u, 100 + version);
    p.metadata.source = writer;
    p.metadata.priority = 1 + i % 10;
    p.timestamp = 1760000000000 + i + static_cast<std::int64_t>(version) * 60000;
    p.version = version;
    patterns.push_back(std::move(p));
  }
  return patterns;
}

struct delta_counts {
  std::uint64_t sent = 0, missed = 0;
};
delta_counts deltas_of(sync_node& node) {
  delta_counts sum;
  for (const auto& peer : node.ask_state().peers) {
    sum.sent += peer.deltas_sent;
    sum.missed += peer.deltas_missed;
  }
  return sum;
}

}  // namespace

TEST_CASE("deltas: updates on a network that loses and reorders leave all nodes of a ring equal", "[sim][delta]") {
  std::uint64_t sent = 0;
  for_each_seed(4, [&](simulated_world& world) {
    world.network().conditions.loss = 0.05;
    world.network().conditions.reordering = 0.1;
    world.network().conditions.jitter = 3ms;
    std::vector<std::unique_ptr<sync_node>> nodes;
    for (const char* name : {"a", "b", "c", "d"}) nodes.push_back(std::make_unique<sync_node>(world, name));
    for (std::size_t i = 0; i < nodes.size(); ++i) nodes[i]->connect(*nodes[(i + 1) % nodes.size()]);
    world.advance(2s);
    for (std::uint64_t version = 1; version <= 12; ++version) {
      // Each node has its own patterns, and one node's are written by its neighbour, too.
      for (std::size_t n = 0; n < nodes.size(); ++n)
        nodes[n]->share(versions(static_cast<int>(n) * patterns_each, patterns_each, version, nodes[n]->name()));
      if (version % 3 == 0) nodes[1]->share(versions(0, patterns_each / 2, version, "b"));
      world.advance(std::chrono::milliseconds(version % 4 == 0 ? 2000 : 40 * version));
      if (version == 5) world.cut("a", "b");
      if (version == 8) world.mend("a", "b");
    }
    world.advance(20s);
    const auto whole = nodes[0]->state();
    CHECK(whole.size() == 4 * patterns_each);
    for (const auto& [id, what] : whole) CHECK(what.starts_with("12="));
    for (const auto& node : nodes) {
      CHECK(node->state() == whole);
      sent += deltas_of(*node).sent;
    }
  });
  CHECK(sent > 1000);
}

TEST_CASE("deltas: a node that was killed, or that has let go of the bases, gets every update", "[sim][delta]") {
  std::uint64_t sent = 0, missed = 0;
  for_each_seed(6, [&](simulated_world& world) {
    world.network().conditions.loss = 0.03;
    auto disk = std::make_shared<tests::memory_disk>();
    sync_node writer(world, "writer");
    auto keeper = std::make_unique<sync_node>(world, "keeper", node_config{}, disk);
    node_config little;  // it forgets most of what it was sent
    little.cache_entries = 20;
    sync_node small(world, "small", little);
    writer.connect(*keeper);
    writer.connect(small);
    REQUIRE(
        world.run_until([&] { return keeper->count("peer:connected") != 0 && small.count("peer:connected") != 0; }));
    for (std::uint64_t version = 1; version <= 6; ++version) {
      writer.share(versions(0, patterns_each, version, "writer"));
      world.advance(std::chrono::milliseconds(30 + 25 * (world.seed() % 7)));
      if (version % 2 == 0) {
        keeper.reset();
        world.crash("keeper");
        keeper = std::make_unique<sync_node>(world, "keeper", node_config{}, disk);
        REQUIRE(world.run_until([&] { return keeper->count("peer:connected") != 0; }));
      }
      world.advance(3s);
    }
    world.advance(10s);
    CHECK(keeper->state() == writer.state());
    CHECK(keeper->state().size() == patterns_each);
    for (const auto& [id, what] : small.state()) CHECK(what.starts_with("6="));
    const auto counts = deltas_of(writer);
    sent += counts.sent;
    missed += counts.missed;
  });
  CHECK(sent > 1000);
  CHECK(missed > 100);
}
