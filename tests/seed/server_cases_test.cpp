// The seed's cases 1 to 9 and 17 to 23: the server's life, its peers, statistics, errors and cache.
#include <catch2/catch_test_macros.hpp>
#include <tests/seed/seed_node.hpp>
#include <tests/transport/identities.hpp>

using namespace quicsync;
using namespace quicsync::seed;
using quicsync::tests::must;

TEST_CASE("seed 01: a server starts and reports running, its port and no connections", "[seed][net]") {
  seed_node a("a");
  CHECK_FALSE(a.state().running);
  a.start();
  CHECK(a->running());
  const auto state = a.state();
  CHECK(state.running);
  CHECK(state.port != 0);
  CHECK(state.port == a->port());
  CHECK(state.connections == 0);
}

TEST_CASE("seed 02: a server stops and reports that it does not run", "[seed][net]") {
  seed_node a("a");
  a.start();
  a->stop();
  CHECK_FALSE(a->running());
  CHECK_FALSE(a.state().running);
}

TEST_CASE("seed 03: a second start fails and says that it is already running", "[seed][net]") {
  seed_node a("a");
  a.start();
  const auto again = a->start();
  REQUIRE_FALSE(again);
  CHECK(again.error().code == errc::already_running);
  CHECK(again.error().context.find("already running") != std::string::npos);
}

TEST_CASE("seed 04: starting emits server:started with the port", "[seed][net]") {
  seed_node a("a");
  a.start();
  CHECK(a.await("server:started").port == a->port());
}

TEST_CASE("seed 05: stopping emits server:stopped", "[seed][net]") {
  seed_node a("a");
  a.start();
  a->stop();
  a.await("server:stopped");
}

TEST_CASE("seed 06: connecting to a peer emits peer:connected with id and address", "[seed][net]") {
  seed_node a("a"), b("b");
  a.start();
  b.start();
  b.connect(a);
  const auto connected = b.await("peer:connected");
  CHECK(connected.peer_id == "a");
  CHECK(connected.address == a.address());
  CHECK(b.state().connections == 1);
}

TEST_CASE("seed 07: three peers are connected at once", "[seed][net]") {
  seed_node a("a"), b("b"), c("c"), d("d");
  for (auto* node : {&a, &b, &c, &d}) node->start();
  for (auto* peer : {&b, &c, &d}) a.connect(*peer);
  CHECK(a.state().connections == 3);
}

TEST_CASE("seed 08: removing a peer emits peer:removed and leaves no connection", "[seed][net]") {
  seed_node a("a"), b("b");
  a.start();
  b.start();
  b.connect(a);
  must(b->remove_peer("a"));
  CHECK(b.await("peer:removed").peer_id == "a");
  CHECK(b.state().connections == 0);
}

TEST_CASE("seed 09: removing a peer emits peer:disconnected", "[seed][net]") {
  seed_node a("a"), b("b");
  a.start();
  b.start();
  b.connect(a);
  must(b->remove_peer("a"));
  CHECK(b.await("peer:disconnected").peer_id == "a");
  CHECK(a.await("peer:disconnected").peer_id == "b");
}

TEST_CASE("seed 17: syncs are counted", "[seed][net]") {
  seed_node a("a"), b("b");
  a.start();
  b.start();
  b.connect(a);
  CHECK(b->sync_pattern(make_pattern("p")).get().complete());
  CHECK(b->sync_patterns(make_patterns(10)).get().complete());
  b.await("sync:completed");
  b.await("sync:completed");
  const auto stats = b.state().stats;
  CHECK(stats.total_syncs == 2);
  CHECK(stats.successful_syncs == 2);
  CHECK(stats.failed_syncs == 0);
  CHECK(stats.total_patterns == 11);
  CHECK(stats.average_latency_ms > 0);
}

TEST_CASE("seed 18: bytes that went over the wire are counted", "[seed][net]") {
  seed_node a("a"), b("b");
  a.start();
  b.start();
  b.connect(a);
  const auto before = b.state().stats.bytes_transferred;
  CHECK(before > 0);
  CHECK(b->sync_patterns(make_patterns(100)).get().complete());
  CHECK(b.state().stats.bytes_transferred > before);
}

TEST_CASE("seed 19: each peer has a state", "[seed][net]") {
  seed_node a("a"), b("b"), c("c");
  for (auto* node : {&a, &b, &c}) node->start();
  a.connect(b);
  a.connect(c);
  CHECK(a->sync_pattern(make_pattern("p")).get().complete());
  const auto state = a.state();
  REQUIRE(state.peers.size() == 2);
  for (const auto& peer : state.peers) {
    CHECK((peer.peer_id == "b" || peer.peer_id == "c"));
    CHECK(peer.connected);
    CHECK(peer.sync_count == 1);
    CHECK(peer.error_count == 0);
    CHECK(peer.port != 0);
    CHECK_FALSE(peer.id.empty());
  }
}

TEST_CASE("seed 20: without peers there is a sync:warning and the call still returns", "[seed][net]") {
  seed_node a("a");
  a.start();
  const auto report = a->sync_pattern(make_pattern("p")).get();
  CHECK(report.failure.code == errc::no_peers);
  CHECK_FALSE(a.await("sync:warning").message.empty());
  CHECK(a.holds("p"));
}

TEST_CASE("seed 21: an empty request is answered with an error that says there are no patterns", "[seed][net]") {
  seed_node a("a"), b("b");
  a.start();
  b.start();
  b.connect(a);
  const auto report = b->sync_patterns({}).get();
  CHECK_FALSE(report.complete());
  CHECK(report.failure.code == errc::no_patterns);
  CHECK(report.failure.context.find("no patterns") != std::string::npos);
}

TEST_CASE("seed 22: shared patterns are cached", "[seed][net]") {
  seed_node a("a");
  a.start();
  a->sync_patterns(make_patterns(3)).get();
  CHECK(must(a->cached_patterns()).size() == 3);
  CHECK(must(a->get("pattern-1")) == make_pattern("pattern-1"));
}

TEST_CASE("seed 23: clearing the cache emits cache:cleared and leaves it empty", "[seed][net]") {
  seed_node a("a");
  a.start();
  a->sync_patterns(make_patterns(3)).get();
  must(a->clear_cache());
  a.await("cache:cleared");
  CHECK(must(a->cached_patterns()).empty());
}
