// Live flow through several whole nodes on virtual time: relay in shapes, filters, deletion and expiry.
#include <iostream>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>
#include <tests/sim/seeds.hpp>
#include <tests/sim/sync_node.hpp>

namespace {

using namespace quicsync;
using namespace quicsync::sim;
using namespace std::chrono_literals;

std::vector<pattern> patterns_of(const std::string& prefix, int from, int count) {
  std::vector<pattern> patterns;
  for (int i = from; i < from + count; ++i) {
    pattern p;
    p.id = fmt::format("{}-{}", prefix, i);
    p.agent_id = prefix;
    p.type = i % 2 == 0 ? "even" : "odd";
    p.data = fmt::format(R"({{"n":{}}})", i);
    p.metadata.source = prefix;
    p.metadata.priority = 1 + i % 10;
    p.timestamp = 1760000000000 + i;
    p.version = 1;
    patterns.push_back(std::move(p));
  }
  return patterns;
}

struct shape {
  simulated_world& world;
  std::vector<std::unique_ptr<sync_node>> nodes;

  shape(simulated_world& in, int count, const std::vector<std::pair<int, int>>& edges) : world(in) {
    for (int i = 0; i < count; ++i)
      nodes.push_back(std::make_unique<sync_node>(world, std::string(1, static_cast<char>('a' + i))));
    std::vector<std::size_t> degree(static_cast<std::size_t>(count));
    for (auto [from, to] : edges) {
      at(from).connect(at(to));
      ++degree[static_cast<std::size_t>(from)];
      ++degree[static_cast<std::size_t>(to)];
    }
    REQUIRE(world.run_until([&] {
      for (std::size_t i = 0; i < nodes.size(); ++i)
        if (nodes[i]->count("peer:connected") < degree[i]) return false;
      return true;
    }));
    world.advance(1s);  // they tell each other whom they serve
  }
  sync_node& at(int i) { return *nodes[static_cast<std::size_t>(i)]; }

  void share_everywhere(int each) {
    for (int from = 0; from < each; from += 250)
      for (auto& node : nodes) node->share(patterns_of(node->name(), from, std::min(250, each - from)));
  }
  void check_all_have(std::size_t count) {
    auto state = at(0).state();
    CHECK(state.size() == count);
    for (auto& node : nodes) CHECK(node->state() == state);
  }
};

/// Patterns of about 350 bytes as JSON, as agents write them: much the same, and each its own.
std::vector<pattern> findings_of(const std::string& agent, int from, int count) {
  std::vector<pattern> patterns;
  for (int i = from; i < from + count; ++i) {
    pattern p;
    p.id = fmt::format("{}-finding-{}", agent, i);
    p.agent_id = agent;
    p.type = i % 3 == 0 ? "coverage_gap" : "test_execution";
    p.data = fmt::format(
        R"({{"file":"src/module{}/part{}.ts","line":{},"branch":"feature/{:x}","durationMs":{},"passed":{},"reason":"{:x}"}})",
        i % 17, i * 7 % 101, i * 31 % 2000, i * 2654435761u % 4096, i * 37 % 5000, i % 5 == 0 ? "false" : "true",
        i * 40503u % 65536);
    p.metadata.source = agent;
    p.metadata.tags = {"ci", i % 2 == 0 ? "nightly" : "commit"};
    p.timestamp = 1760000000000 + i * 13;
    p.version = 1;
    patterns.push_back(std::move(p));
  }
  return patterns;
}

}  // namespace

TEST_CASE("flow: 100 000 patterns shared at all nodes of a line, a ring and a mesh at once reach each of them",
          "[sim]") {
  constexpr std::size_t patterns = 100'000;
  struct form {
    const char* name;
    int nodes;
    std::vector<std::pair<int, int>> edges;
    double bytes_max;  ///< UDP payload of all nodes together for each pattern that a node gets from others
  };
  const form forms[] = {
      {"line of 3", 3, {{0, 1}, {1, 2}}, 36},
      {"ring of 3, which is the mesh of 3", 3, {{0, 1}, {1, 2}, {2, 0}}, 36},
      {"ring of 4", 4, {{0, 1}, {1, 2}, {2, 3}, {3, 0}}, 60},
      {"mesh of 4", 4, {{0, 1}, {0, 2}, {0, 3}, {1, 2}, {1, 3}, {2, 3}}, 36},
  };
  for (const auto& [name, count, edges, bytes_max] : forms) {
    CAPTURE(name);
    simulated_world world(1);
    shape all(world, count, edges);
    std::uint64_t before = 0, after = 0;
    for (auto& node : all.nodes) before += node->ask_state().stats.bytes_sent;
    const int each = static_cast<int>(patterns) / count;
    for (int from = 0; from < each; from += 250)
      for (auto& node : all.nodes) node->share(findings_of(node->name(), from, std::min(250, each - from)));
    const auto total = static_cast<std::size_t>(each) * all.nodes.size();
    world.advance(30s);
    for (auto& node : all.nodes) {
      CHECK(node->ask_state().patterns == total);
      after += node->ask_state().stats.bytes_sent;
    }
    all.check_all_have(total);
    const double delivered = static_cast<double>(total) * static_cast<double>(all.nodes.size() - 1);
    const double bytes = static_cast<double>(after - before) / delivered;
    std::cout << fmt::format("flow: {}: {:.1f} bytes of UDP payload a delivered pattern\n", name, bytes);
    CHECK(bytes <= bytes_max);
  }
}

TEST_CASE("flow: patterns shared everywhere at once reach every node of a line, a ring and a mesh", "[sim]") {
  constexpr int each = 1000;
  simulated_world line(1), ring(2), mesh(3);
  shape in_line(line, 3, {{0, 1}, {1, 2}});
  shape in_ring(ring, 4, {{0, 1}, {1, 2}, {2, 3}, {3, 0}});
  shape in_mesh(mesh, 3, {{0, 1}, {1, 2}, {2, 0}});
  for (auto* s : {&in_line, &in_ring, &in_mesh}) {
    s->share_everywhere(each);
    s->world.advance(20s);
    s->check_all_have(s->nodes.size() * each);
  }
}

TEST_CASE("flow: in a mesh each pattern goes over each link once at most", "[sim]") {
  simulated_world world(1);
  shape mesh(world, 3, {{0, 1}, {1, 2}, {2, 0}});
  mesh.share_everywhere(500);
  world.advance(10s);
  mesh.check_all_have(1500);
  std::uint64_t sent = 0;
  for (auto& node : mesh.nodes)
    for (const auto& peer : node->ask_state().peers) sent += peer.patterns_sent;
  CHECK(sent == 3000);
}

TEST_CASE("flow: when a link of a mesh is cut in the middle of it, the others carry what it did not", "[sim]") {
  for_each_seed(3, [](simulated_world& world) {
    shape mesh(world, 3, {{0, 1}, {1, 2}, {2, 0}});
    mesh.share_everywhere(500);
    world.advance(8ms);
    world.cut("a", "b");
    world.advance(30s);
    mesh.check_all_have(1500);
  });
}

TEST_CASE("flow: a node that wants some types is sent no others, and the report says so", "[sim]") {
  simulated_world world(1);
  node_config picky;
  picky.filter = "type=even";
  sync_node one(world, "one"), two(world, "two", picky);
  two.connect(one);
  REQUIRE(world.run_until([&] { return one.count("peer:connected") == 1; }));
  one.share(patterns_of("p", 0, 10));
  REQUIRE(world.run_until([&] { return one.reports().size() == 1; }));
  CHECK(two.state().size() == 5);
  const auto& outcome = one.reports()[0];
  CHECK(outcome.complete());
  REQUIRE(outcome.peers.size() == 1);
  for (std::size_t i = 0; i < 10; ++i)
    CHECK(outcome.peers[0].fate(i) == (i % 2 == 0 ? pattern_fate::acknowledged : pattern_fate::filtered));
  REQUIRE(one.ask_state().peers.size() == 1);
  CHECK(one.ask_state().peers[0].patterns_filtered == 5);
  CHECK(one.ask_state().peers[0].latency_ms >= 10);  // there and back
}

TEST_CASE("flow: a peer that may not write is told so, and nobody behind gets it", "[sim]") {
  simulated_world world(1);
  node_config strict;
  strict.rules.write = std::vector<access_rules::write_rule>{{"one", {"somebody"}}};
  strict.rules.relay = std::vector<std::string>{};
  sync_node one(world, "one"), two(world, "two", strict), three(world, "three");
  two.connect(one);
  three.connect(two);
  REQUIRE(world.run_until([&] {
    return one.count("peer:connected") == 1 && two.count("peer:connected") == 2 && three.count("peer:connected") == 1;
  }));
  one.share(patterns_of("p", 0, 3));
  REQUIRE(world.run_until([&] { return one.reports().size() == 1; }));
  REQUIRE(one.reports()[0].peers.size() == 1);
  CHECK(one.reports()[0].peers[0].refused.size() == 3);
  CHECK(one.reports()[0].peers[0].refused[0].second.code == errc::not_allowed);
  CHECK(one.reports()[0].peers[0].fate(0) == pattern_fate::refused);
  world.advance(2s);
  CHECK(two.state().empty());
  CHECK(three.state().empty());
  CHECK(one.count("sync:failed") == 1);
}

TEST_CASE("flow: a pattern goes on every node when its time is over", "[sim]") {
  simulated_world world(1);
  sync_node one(world, "one"), two(world, "two");
  two.connect(one);
  REQUIRE(world.run_until([&] { return one.count("peer:connected") == 1; }));
  auto patterns = patterns_of("p", 0, 2);
  patterns[0].metadata.expires_at = world.wall_clock_ms() + 5000;
  one.share(patterns);
  world.advance(4s);
  CHECK(two.state().size() == 2);
  world.advance(2s);
  CHECK(one.state().size() == 1);
  CHECK(two.state().size() == 1);
}

TEST_CASE("flow: a rate limit of 1000 patterns a second holds between nodes, and nothing is lost", "[sim]") {
  simulated_world world(1);
  node_config limited;
  limited.limits.out.patterns_per_second = 1000;
  sync_node one(world, "one", limited), two(world, "two");
  two.connect(one);
  REQUIRE(world.run_until([&] { return one.count("peer:connected") == 1; }));
  for (int from = 0; from < 12000; from += 250) one.share(patterns_of("p", from, 250));
  world.advance(10s);
  const auto after = two.state().size();
  CHECK(after >= 9500);
  CHECK(after <= 10500);
  world.advance(5s);
  CHECK(two.state().size() == 12000);
}

TEST_CASE("flow: a full cache refuses new shares while a peer has not acknowledged, and says why", "[sim]") {
  simulated_world world(1);
  node_config small;
  small.cache_entries = 100;
  small.limits.out.patterns_per_second = 10;
  sync_node one(world, "one", small), two(world, "two");
  two.connect(one);
  REQUIRE(world.run_until([&] { return one.count("peer:connected") == 1; }));
  one.share(patterns_of("p", 0, 100));
  one.share(patterns_of("q", 0, 1));
  REQUIRE(world.run_until([&] { return one.reports().size() == 1; }));
  REQUIRE(one.reports()[0].local.size() == 1);
  CHECK(one.reports()[0].local[0].what == share_outcome::verdict::refused);
  CHECK(one.reports()[0].local[0].reason.code == errc::overloaded);
  world.advance(20s);
  one.share(patterns_of("q", 0, 1));
  world.advance(5s);
  CHECK(two.state().size() == 101);
  CHECK(one.state().size() == 100);
}
