// The seed's cases 10 to 16: patterns between nodes.
#include <catch2/catch_test_macros.hpp>
#include <tests/seed/seed_node.hpp>
#include <tests/transport/identities.hpp>

using namespace quicsync;
using namespace quicsync::seed;
using quicsync::tests::must;

TEST_CASE("seed 10: a pattern goes to all peers and is cached here and there", "[seed][net]") {
  seed_node a("a"), b("b"), c("c");
  for (auto* node : {&a, &b, &c}) node->start();
  a.connect(b);
  a.connect(c);
  const auto report = a->sync_pattern(make_pattern("p")).get();
  CHECK(report.complete());
  CHECK(report.peers.size() == 2);
  for (auto* node : {&a, &b, &c}) CHECK(must((*node)->get("p")) == make_pattern("p"));
}

TEST_CASE("seed 11: a pattern for named peers does not get to the others", "[seed][net]") {
  seed_node a("a"), b("b"), c("c");
  for (auto* node : {&a, &b, &c}) node->start();
  a.connect(b);
  a.connect(c);
  b.connect(c);
  const auto report = a->sync_pattern(make_pattern("for-b"), {"b"}).get();
  CHECK(report.complete());
  REQUIRE(report.peers.size() == 1);
  CHECK(report.peers[0].peer == "b");
  // What is shared after it has come, so it would have come before: from a, and from b, who has it.
  CHECK(a->sync_pattern(make_pattern("for-all")).get().complete());
  CHECK(b->sync_pattern(make_pattern("from-b")).get().complete());
  CHECK(b.holds("for-b"));
  CHECK(c.holds("for-all"));
  CHECK(c.holds("from-b"));
  CHECK_FALSE(c.holds("for-b"));
  CHECK(a->sync_pattern(make_pattern("for-nobody"), std::vector<std::string>{}).get().failure.code == errc::no_peers);
  CHECK_FALSE(a.holds("for-nobody"));
}

TEST_CASE("seed 12: 250 patterns go in batches of the configured size", "[seed][net]") {
  seed_node a("a", [](node_config& config) { config.batch_size = 50; });
  seed_node b("b");
  a.start();
  b.start();
  a.connect(b);
  const auto report = a->sync_patterns(make_patterns(250)).get();
  CHECK(report.complete());
  CHECK(report.local.size() == 250);
  CHECK(must(b->cached_patterns()).size() == 250);
  const auto sent = a.state_of("b");
  CHECK(sent.patterns_sent == 250);
  CHECK(sent.sync_count >= 5);
}

TEST_CASE("seed 13: an incoming pattern emits pattern:received with pattern and source", "[seed][net]") {
  seed_node a("a"), b("b");
  a.start();
  b.start();
  b.connect(a);
  CHECK(b->sync_pattern(make_pattern("p")).get().complete());
  const auto received = a.await("pattern:received");
  REQUIRE(received.received);
  CHECK(*received.received == make_pattern("p"));
  CHECK(received.source_id == "b");
  CHECK(b.count("pattern:received") == 0);
}

TEST_CASE("seed 14: with compression the measured ratio is between 0 and 1", "[seed][net]") {
  seed_node a("a"), b("b");
  a.start();
  b.start();
  b.connect(a);
  CHECK(b->sync_patterns(make_patterns(100)).get().complete());
  const auto ratio = b.state().stats.compression_ratio;
  CHECK(ratio > 0);
  CHECK(ratio < 1);
}

TEST_CASE("seed 15: the same pattern twice is cached once", "[seed][net]") {
  seed_node a("a"), b("b");
  a.start();
  b.start();
  b.connect(a);
  for (int i = 0; i < 2; ++i) CHECK(b->sync_pattern(make_pattern("p")).get().complete());
  CHECK(must(a->cached_patterns()).size() == 1);
  CHECK(must(b->cached_patterns()).size() == 1);
}

TEST_CASE("seed 16: a newer version replaces the older one, data included", "[seed][net]") {
  seed_node a("a"), b("b");
  a.start();
  b.start();
  b.connect(a);
  CHECK(b->sync_pattern(make_pattern("p", 1, R"({"n":1})")).get().complete());
  CHECK(b->sync_pattern(make_pattern("p", 2, R"({"n":2})")).get().complete());
  for (auto* node : {&a, &b}) {
    const auto held = must((*node)->get("p"));
    CHECK(held.version == 2);
    CHECK(held.data == R"({"n":2})");
  }
}
