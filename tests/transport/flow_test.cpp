// What an endpoint adapts while a connection lives: windows that grow, keys that change.
#include <catch2/catch_test_macros.hpp>
#include <tests/transport/endpoint_pair.hpp>

using namespace quicsync;
using namespace quicsync::tests;
using namespace std::chrono_literals;

namespace {

constexpr pair_options narrow{.lane_window_first_bytes = 64'000, .lane_window_bytes = 1'000'000};

}  // namespace

TEST_CASE("windows: grow where the peer fills them within a round trip, up to the limit", "[endpoint][flow]") {
  endpoint_pair pair(narrow);
  pair.world.network.conditions.delay = 25ms;
  REQUIRE(pair.connect());
  CHECK(pair.server->statistics(pair.server_id())->receive_window_bytes == 4 * 64'000);
  const auto began = pair.world.network.now();
  pair.send_from_client(lane::normal, byte_buffer(6'000'000, 1));
  REQUIRE(pair.world.run_until([&] { return pair.at_server(lane::normal).size() == 6'000'000; }));
  CHECK(pair.server->statistics(pair.server_id())->receive_window_bytes == 3 * 64'000 + 1'000'000);
  // Without growth: 64 KB a round trip of 50 ms.
  CHECK(pair.world.network.now() - began < 2s);
}

TEST_CASE("windows: do not grow where the peer takes its time", "[endpoint][flow]") {
  endpoint_pair pair(narrow);
  REQUIRE(pair.connect());
  for (int i = 0; i < 50; ++i) {
    pair.send_from_client(lane::normal, byte_buffer(40'000, 1));
    pair.world.run_for(200ms);
  }
  CHECK(pair.at_server(lane::normal).size() == 2'000'000);
  CHECK(pair.server->statistics(pair.server_id())->receive_window_bytes == 4 * 64'000);
}

TEST_CASE("windows: control moves while all other lanes stand at windows that have grown", "[endpoint][flow]") {
  endpoint_pair pair({.lane_window_first_bytes = 64'000, .lane_window_bytes = 500'000, .control_window_bytes = 16'000});
  pair.world.network.conditions.delay = 25ms;
  REQUIRE(pair.connect());
  for (const auto each : {lane::high, lane::normal, lane::low}) pair.send_from_client(each, byte_buffer(4'000'000, 1));
  REQUIRE(pair.world.run_until([&] { return pair.at_server(lane::low).size() > 3'000'000; }));
  for (const auto each : {lane::high, lane::normal, lane::low}) pair.send_from_client(each, byte_buffer(2'000'000, 1));
  pair.server.consume = false;
  pair.world.run_for(3s);
  CHECK(pair.at_server(lane::low).size() < 6'000'000);
  pair.send_from_client(lane::control, byte_buffer(10'000, 1));
  pair.world.run_for(1s);
  CHECK(pair.at_server(lane::control).size() == 10'000);
}

TEST_CASE("keys: change in mid-transfer on request, and nothing is lost", "[endpoint][keys]") {
  endpoint_pair pair;
  REQUIRE(pair.connect());
  pair.world.run_for(1s);
  pair.send_from_client(lane::normal, byte_buffer(1'000'000, 1));
  pair.send_from_server(lane::normal, byte_buffer(1'000'000, 2));
  REQUIRE(pair.world.run_until([&] { return pair.at_server(lane::normal).size() > 200'000; }));
  REQUIRE(pair.client->update_keys(pair.client_id(), pair.world.network.now()));
  const auto again = pair.client->update_keys(pair.client_id(), pair.world.network.now());
  REQUIRE_FALSE(again);
  CHECK(again.error().code == errc::blocked);
  REQUIRE(pair.world.run_until([&] {
    return pair.at_server(lane::normal).size() == 1'000'000 && pair.at_client(lane::normal).size() == 1'000'000;
  }));
  // The next keys are made when something is sent a while after the last change, which is counted then.
  pair.world.run_for(1s);
  pair.send_from_server(lane::low, byte_buffer(10, 3));
  pair.world.run_for(1s);
  REQUIRE(pair.server->update_keys(pair.server_id(), pair.world.network.now()));
  pair.send_from_server(lane::high, byte_buffer(100, 3));
  REQUIRE(pair.world.run_until([&] { return pair.at_client(lane::high).size() == 100; }));
  pair.world.run_for(1s);
  pair.send_from_server(lane::low, byte_buffer(10, 3));
  pair.send_from_client(lane::low, byte_buffer(10, 3));
  pair.world.run_for(1s);
  CHECK(pair.client->statistics(pair.client_id())->key_updates == 2);
  CHECK(pair.server->statistics(pair.server_id())->key_updates == 2);
  CHECK(pair.client.ended.empty());
  CHECK(pair.server.ended.empty());
  CHECK(pair.client->update_keys(77, pair.world.network.now()).error().code == errc::not_connected);
}

TEST_CASE("keys: change while three datagrams of ten are lost", "[endpoint][keys]") {
  endpoint_pair pair({.seed = 3, .idle_timeout = 60s});
  REQUIRE(pair.connect());
  pair.world.run_for(1s);
  pair.world.network.conditions.loss = 0.3;
  for (int round = 1; round <= 5; ++round) {
    pair.send_from_client(lane::normal, byte_buffer(20'000, 1));
    [[maybe_unused]] const auto maybe = pair.client->update_keys(pair.client_id(), pair.world.network.now());
    REQUIRE(pair.world.run_until(
        [&] { return pair.at_server(lane::normal).size() == static_cast<std::size_t>(round) * 20'000; }, 120s));
  }
  CHECK(pair.client->statistics(pair.client_id())->key_updates >= 2);
}
