// Whole nodes on a simulated network: every actor, real TLS, virtual time, faults by seed.
#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>
#include <tests/sim/seeds.hpp>
#include <tests/sim/sync_node.hpp>

namespace {

using namespace quicsync;
using namespace quicsync::sim;
using namespace std::chrono_literals;

std::vector<pattern> numbered(const std::string& prefix, int count, std::uint64_t version = 1) {
  std::vector<pattern> patterns;
  for (int i = 0; i < count; ++i) {
    pattern p;
    p.id = fmt::format("{}-{}", prefix, i);
    p.agent_id = prefix;
    p.type = "test_execution";
    p.data = fmt::format(R"({{"n":{},"v":{}}})", i, version);
    p.metadata.source = prefix;
    p.metadata.priority = 1 + i % 10;
    p.timestamp = 1760000000000 + i;
    p.version = version;
    patterns.push_back(std::move(p));
  }
  return patterns;
}

}  // namespace

TEST_CASE("node: two nodes exchange patterns on a lossy network and the reports are complete", "[sim]") {
  for_each_seed(5, [](simulated_world& world) {
    world.network().conditions.loss = 0.1;
    world.network().conditions.jitter = 3ms;
    sync_node one(world, "one"), two(world, "two");
    two.connect(one);
    REQUIRE(world.run_until([&] { return one.count("peer:connected") == 1 && two.count("peer:connected") == 1; }));
    one.share(numbered("one", 200));
    two.share(numbered("two", 200));
    REQUIRE(world.run_until([&] { return one.reports().size() == 1 && two.reports().size() == 1; }));
    CHECK(one.reports()[0].complete());
    CHECK(two.reports()[0].complete());
    auto state = one.state();
    CHECK(state.size() == 400);
    CHECK(two.state() == state);
  });
}

TEST_CASE("node: one that stood still for long takes back whoever dials again, however slow it takes them to be",
          "[sim]") {
  for_each_seed(5, [](simulated_world& world) {
    world.network().conditions.delay = 15ms;
    world.network().conditions.jitter = 2ms;
    sync_node one(world, "one"), two(world, "two");
    two.connect(one);
    REQUIRE(world.run_until([&] { return one.count("peer:connected") == 1 && two.count("peer:connected") == 1; }));
    one.share(numbered("before", 5));
    world.pause("one");
    world.advance(40s);
    world.resume("one");
    two.share(numbered("while away", 50));
    CHECK(world.run_until([&] { return one.state().size() == 55 && two.state() == one.state(); }, 60s));
  });
}

TEST_CASE("node: the same seed gives the same trace, another seed another", "[sim]") {
  auto run = [](std::uint64_t seed) {
    simulated_world world(seed);
    world.network().conditions.loss = 0.2;
    sync_node one(world, "one"), two(world, "two");
    two.connect(one);
    world.advance(2s);
    one.share(numbered("one", 100));
    world.advance(3s);
    return world.trace_hash();
  };
  CHECK(run(1) == run(1));
  CHECK(run(1) != run(2));
}

TEST_CASE("node: nodes in a line relay, newer versions win everywhere, nothing comes back", "[sim]") {
  for_each_seed(3, [](simulated_world& world) {
    sync_node a(world, "a"), b(world, "b"), c(world, "c");
    b.connect(a);
    c.connect(b);
    REQUIRE(world.run_until([&] { return b.count("peer:connected") == 2; }));
    a.share(numbered("p", 100, 1));
    c.share(numbered("p", 50, 2));
    world.advance(2s);
    auto state = a.state();
    CHECK(state.size() == 100);
    CHECK(b.state() == state);
    CHECK(c.state() == state);
  });
}

TEST_CASE("node: who comes late gets what was shared before", "[sim]") {
  simulated_world world(1);
  sync_node one(world, "one");
  one.share(numbered("early", 250));
  world.advance(100ms);
  sync_node two(world, "two");
  two.connect(one);
  world.advance(2s);
  CHECK(two.state().size() == 250);
}

TEST_CASE("node: after a cut the dialling node comes back by itself and both are equal again", "[sim]") {
  for_each_seed(3, [](simulated_world& world) {
    sync_node one(world, "one"), two(world, "two");
    two.connect(one);
    REQUIRE(world.run_until([&] { return two.count("peer:connected") == 1; }));
    world.cut("one", "two");
    REQUIRE(world.run_until([&] { return two.count("peer:disconnected") == 1; }));
    one.share(numbered("one", 100));
    two.share(numbered("two", 100));
    world.advance(20s);
    world.mend("one", "two");
    REQUIRE(world.run_until([&] { return two.count("peer:connected") == 2; }));
    world.advance(5s);
    CHECK(one.state().size() == 200);
    CHECK(two.state() == one.state());
  });
}

TEST_CASE("node: a share without anybody connected is reported, not lost", "[sim]") {
  simulated_world world(1);
  sync_node one(world, "one");
  one.share(numbered("p", 1));
  REQUIRE(world.run_until([&] { return one.reports().size() == 1; }));
  CHECK(one.reports()[0].failure.code == errc::no_peers);
  CHECK(world.run_until([&] { return one.count("sync:warning") == 1; }));
  CHECK(one.state().size() == 1);
}

TEST_CASE("node: two nodes that dial each other at once end with one connection", "[sim]") {
  for_each_seed(10, [](simulated_world& world) {
    world.network().conditions.jitter = 2ms;
    sync_node one(world, "one"), two(world, "two");
    one.connect(two);
    two.connect(one);
    world.advance(5s);
    one.share(numbered("p", 10));
    REQUIRE(world.run_until([&] { return one.reports().size() == 1; }));
    CHECK(one.reports()[0].complete());
    CHECK(one.reports()[0].peers.size() == 1);
    CHECK(one.count("peer:connected") - one.count("peer:disconnected") == 1);
    CHECK(two.count("peer:connected") - two.count("peer:disconnected") == 1);
  });
}

TEST_CASE("node: a stopped node says goodbye and the other hears it at once", "[sim]") {
  simulated_world world(1);
  sync_node one(world, "one"), two(world, "two");
  two.connect(one);
  REQUIRE(world.run_until([&] { return one.count("peer:connected") == 1; }));
  two.stop();
  REQUIRE(world.run_until([&] { return two.stopped(); }, 2s));
  CHECK(world.run_until([&] { return one.count("peer:disconnected") == 1; }, 1s));
  CHECK(one.count("peer:error") == 0);
}
