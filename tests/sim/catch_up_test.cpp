// Whole nodes that diverged while they could not speak: by a cut, by a restart without memory, by deletions and expiry.
#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>
#include <tests/sim/seeds.hpp>
#include <tests/sim/sync_node.hpp>

namespace {

using namespace quicsync;
using namespace quicsync::sim;
using namespace std::chrono_literals;

pattern numbered(std::uint64_t number, std::uint64_t version, const std::string& by) {
  pattern p;
  p.id = fmt::format("pattern-{}", number);
  p.agent_id = by;
  p.type = number % 2 == 0 ? "even" : "odd";
  p.data = fmt::format(R"({{"n":{},"of":"{}"}})", number * version, by);
  p.metadata.source = by;
  p.timestamp = 1760000000000 + static_cast<std::int64_t>(version);
  p.version = version;
  return p;
}

void share(sync_node& at, std::uint64_t first, std::uint64_t count, std::uint64_t version) {
  std::vector<pattern> patterns;
  for (std::uint64_t i = first; i < first + count; ++i) {
    patterns.push_back(numbered(i, version, at.name()));
    if (patterns.size() < 200 && i + 1 < first + count) continue;
    at.share(patterns);
    patterns.clear();
  }
}

/// What two nodes have sent each other, by what one of them says.
std::uint64_t sent_by(sync_node& node) {
  std::uint64_t sum = 0;
  for (const auto& peer : node.ask_state().peers) sum += peer.patterns_sent;
  return sum;
}

}  // namespace

TEST_CASE("catch-up: after a cut both sides go on where they were, and send what changed alone", "[sim][catch-up]") {
  simulated_world world(1);
  sync_node one(world, "one"), two(world, "two");
  one.connect(two);
  REQUIRE(world.run_until([&] { return two.count("peer:connected") == 1; }));
  share(one, 0, 2000, 1);
  world.advance(5s);
  const auto before = sent_by(one);
  world.cut("one", "two");
  world.advance(20s);
  share(one, 0, 100, 2);
  share(two, 1000, 50, 3);
  world.advance(20s);
  world.mend("one", "two");
  world.advance(30s);
  const auto whole = one.state();
  CHECK(whole.size() == 2000);
  CHECK(two.state() == whole);
  CHECK(sent_by(one) - before <= 150);
}

TEST_CASE("catch-up: a node that comes back without memory gets everything, and gives back what it has new",
          "[sim][catch-up]") {
  for_each_seed(3, [](simulated_world& world) {
    world.network().conditions.loss = 0.05;
    sync_node one(world, "one");
    auto two = std::make_unique<sync_node>(world, "two");
    one.connect(*two);
    REQUIRE(world.run_until([&] { return two->count("peer:connected") == 1; }));
    share(one, 0, 1000, 1);
    share(*two, 500, 100, 2);
    world.advance(5s);
    two.reset();
    world.crash("two");
    two = std::make_unique<sync_node>(world, "two");
    share(*two, 2000, 10, 1);
    world.advance(40s);
    const auto whole = one.state();
    CHECK(whole.size() == 1010);
    CHECK(two->state() == whole);
  });
}

TEST_CASE("catch-up: in a ring of nodes that all changed while they were apart all end equal", "[sim][catch-up]") {
  for_each_seed(3, [](simulated_world& world) {
    sync_node a(world, "a"), b(world, "b"), c(world, "c"), d(world, "d");
    for (auto [from, to] : {std::pair(&a, &b), std::pair(&b, &c), std::pair(&c, &d), std::pair(&d, &a)})
      from->connect(*to);
    world.advance(3s);
    share(a, 0, 1000, 1);
    world.advance(5s);
    for (auto [from, to] : {std::pair("a", "b"), std::pair("b", "c"), std::pair("c", "d"), std::pair("d", "a")})
      world.cut(from, to);
    world.advance(10s);
    std::uint64_t version = 2;
    for (auto* node : {&a, &b, &c, &d}) share(*node, 100 * version, 300, version), ++version;
    for (auto [from, to] : {std::pair("a", "b"), std::pair("b", "c"), std::pair("c", "d"), std::pair("d", "a")})
      world.mend(from, to);
    world.advance(60s);
    const auto whole = a.state();
    CHECK(whole.size() == 1000);
    for (auto* node : {&b, &c, &d}) CHECK(node->state() == whole);
  });
}

TEST_CASE("catch-up: with a filter a node comes back to what it wants alone", "[sim][catch-up]") {
  simulated_world world(2);
  node_config picky;
  picky.filter = "type=even";
  sync_node one(world, "one"), two(world, "two", picky);
  two.connect(one);
  world.advance(3s);
  share(one, 0, 1000, 1);
  world.advance(5s);
  CHECK(two.state().size() == 500);
  world.cut("one", "two");
  world.advance(10s);
  share(one, 0, 100, 2);
  world.mend("one", "two");
  world.advance(30s);
  CHECK(two.state().size() == 500);
  CHECK(two.state().at("pattern-0").starts_with("2="));
  CHECK_FALSE(two.state().contains("pattern-1"));
}
