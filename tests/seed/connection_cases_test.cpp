// The seed's cases 24 to 36: one connection by its handle.
#include <atomic>
#include <chrono>
#include <future>

#include <catch2/catch_test_macros.hpp>
#include <tests/seed/seed_node.hpp>
#include <tests/transport/identities.hpp>

#include <quicsync/transport/udp_socket.hpp>

using namespace quicsync;
using namespace quicsync::seed;
using namespace std::chrono_literals;
using quicsync::tests::must;

namespace {

/// A node with a handle on its connection with another.
struct pair_of_nodes {
  seed_node here{"here"}, there{"there"};
  std::unique_ptr<peer_connection> connection;

  explicit pair_of_nodes(bool compress = true) {
    here.start();
    there.start();
    connection = here->connection(there.as_peer(), compress);
  }
  void connect() {
    must(connection->connect().get());
    there.await("peer:connected");
  }
};

/// A handle on a peer where nobody is: the port is taken, by a socket that never answers and was closed.
peer_config nobody() {
  const auto socket = must(udp_socket::bind(must(address::parse("127.0.0.1:0"))));
  peer_config peer;
  peer.id = "nobody";
  peer.address = "127.0.0.1";
  peer.port = socket->local().port();
  return peer;
}

/// A hundred patterns of a thousand equal letters each: uncompressed, the letters stand in what is sent.
constexpr std::size_t payload_bytes = 100 * 1000;
std::vector<pattern> repetitive_patterns() {
  auto patterns = make_patterns(100);
  for (auto& p : patterns) p.data = '"' + std::string(1000, 'x') + '"';
  return patterns;
}

/// Counts the events of one name that a handle tells.
struct counted {
  std::shared_ptr<std::atomic<int>> calls = std::make_shared<std::atomic<int>>(0);
  std::shared_ptr<std::promise<event>> first = std::make_shared<std::promise<event>>();

  counted(peer_connection& connection, const std::string& name) {
    connection.on(name, [calls = calls, first = first](const event& e) {
      if (calls->fetch_add(1) == 0) first->set_value(e);
    });
  }
  event await() {
    auto told = first->get_future();
    REQUIRE(told.wait_for(30s) == std::future_status::ready);
    return told.get();
  }
};

}  // namespace

TEST_CASE("seed 24: a connection connects and emits connected", "[seed][net]") {
  pair_of_nodes nodes;
  counted connected(*nodes.connection, "connected");
  nodes.connect();
  CHECK(connected.await().name == "connected");
  CHECK(must(nodes.connection->state()).connected);
}

TEST_CASE("seed 25: a connection disconnects and emits disconnected", "[seed][net]") {
  pair_of_nodes nodes;
  counted disconnected(*nodes.connection, "disconnected");
  nodes.connect();
  must(nodes.connection->disconnect());
  CHECK(disconnected.await().peer_id == "there");
  CHECK(nodes.connection->state().error().code == errc::unknown_peer);
  CHECK(nodes.here.state().connections == 0);
}

TEST_CASE("seed 26: a connection is healthy after it has connected", "[seed][net]") {
  pair_of_nodes nodes;
  CHECK_FALSE(nodes.connection->is_healthy());
  nodes.connect();
  CHECK(nodes.connection->is_healthy());
}

TEST_CASE("seed 27: a connection is unhealthy after five errors", "[seed][net]") {
  seed_node here("here", [](node_config& config) { config.health_check_interval = 20ms; });
  here.start();
  const auto connection = here->connection(nobody());
  counted degraded(*connection, "health:degraded");
  CHECK_FALSE(connection->connect().get());
  until([&] { return must(connection->state()).error_count >= 5; });
  CHECK_FALSE(connection->is_healthy());
  const auto told = degraded.await();
  REQUIRE(told.state);
  CHECK_FALSE(told.state->healthy);
  CHECK(told.state->peer_id == "nobody");
}

TEST_CASE("seed 28: sending patterns emits sync:completed", "[seed][net]") {
  pair_of_nodes nodes;
  counted completed(*nodes.connection, "sync:completed");
  nodes.connect();
  CHECK(nodes.connection->send_patterns(make_patterns(5)).get().complete());
  const auto told = completed.await();
  CHECK(told.peer_id == "there");
  CHECK(told.pattern_count == 5);
  CHECK(told.latency_ms > 0);
  CHECK(nodes.there.holds("pattern-4"));
}

TEST_CASE("seed 29: sending without a connection fails with an error that names the peer", "[seed][net]") {
  pair_of_nodes nodes;
  counted failed(*nodes.connection, "sync:failed");
  const auto report = nodes.connection->send_patterns(make_patterns(1)).get();
  CHECK_FALSE(report.complete());
  REQUIRE(report.peers.size() == 1);
  CHECK(report.peers[0].failure.code == errc::not_connected);
  CHECK(report.peers[0].failure.context.find("'there'") != std::string::npos);
  CHECK(failed.await().failure.code == errc::not_connected);
}

TEST_CASE("seed 30: patterns are sent compressed", "[seed][net]") {
  pair_of_nodes nodes(true);
  nodes.connect();
  CHECK(nodes.connection->send_patterns(repetitive_patterns()).get().complete());
  const auto state = must(nodes.connection->state());
  CHECK(state.record_bytes_sent >= payload_bytes);
  CHECK(state.lane_bytes_sent < payload_bytes / 10);
  CHECK(nodes.there.holds("pattern-99"));
}

TEST_CASE("seed 31: patterns are sent uncompressed", "[seed][net]") {
  pair_of_nodes nodes(false);
  nodes.connect();
  CHECK(nodes.connection->send_patterns(repetitive_patterns()).get().complete());
  const auto state = must(nodes.connection->state());
  CHECK(state.lane_bytes_sent >= payload_bytes);
  CHECK(nodes.there.holds("pattern-99"));
}

TEST_CASE("seed 32: a connection emits its errors", "[seed][net]") {
  seed_node here("here");
  here.start();
  const auto connection = here->connection(nobody());
  counted failed(*connection, "error");
  CHECK_FALSE(connection->connect().get());
  const auto told = failed.await();
  CHECK(told.peer_id == "nobody");
  CHECK(told.failure.code == errc::unreachable);
}

TEST_CASE("seed 33: a connection counts its errors", "[seed][net]") {
  seed_node here("here");
  here.start();
  const auto connection = here->connection(nobody());
  CHECK_FALSE(connection->connect().get());
  CHECK(must(connection->state()).error_count >= 3);
}

TEST_CASE("seed 34: a connection counts its syncs", "[seed][net]") {
  pair_of_nodes nodes;
  nodes.connect();
  CHECK(must(nodes.connection->state()).sync_count == 0);
  CHECK(nodes.connection->send_patterns({make_pattern("p")}).get().complete());
  CHECK(nodes.connection->send_patterns({make_pattern("q")}).get().complete());
  CHECK(must(nodes.connection->state()).sync_count == 2);
}

TEST_CASE("seed 35: a connection knows the time of its last sync", "[seed][net]") {
  const auto now_ms = [] {
    using namespace std::chrono;
    return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
  };
  pair_of_nodes nodes;
  nodes.connect();
  const auto before = now_ms();
  CHECK(nodes.connection->send_patterns({make_pattern("p")}).get().complete());
  const auto last = must(nodes.connection->state()).last_sync_ms;
  CHECK(last >= before);
  CHECK(last <= now_ms());
}

TEST_CASE("seed 36: a connection measures its latency", "[seed][net]") {
  pair_of_nodes nodes;
  counted completed(*nodes.connection, "sync:completed");
  nodes.connect();
  const auto report = nodes.connection->send_patterns({make_pattern("p")}).get();
  REQUIRE(report.peers.size() == 1);
  const auto told = completed.await();
  CHECK(must(nodes.connection->state()).latency_ms == told.latency_ms);
  CHECK(told.latency_ms == static_cast<double>(report.peers[0].latency.count()) / 1000.0);
}
