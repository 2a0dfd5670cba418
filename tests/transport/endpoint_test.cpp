// The QUIC endpoint between simulated hosts: handshakes, lanes, flow control, timers and endings.
#include <numeric>

#include <catch2/catch_test_macros.hpp>
#include <tests/transport/endpoint_pair.hpp>

using namespace quicsync;
using namespace quicsync::tests;
using namespace std::chrono_literals;

namespace {

byte_buffer numbered_bytes(std::size_t count, std::uint64_t seed) {
  byte_buffer bytes(count);
  seeded_random(seed).fill(bytes.data(), count);
  return bytes;
}

}  // namespace

TEST_CASE("endpoint: a mutual handshake tells both sides who the other is", "[endpoint]") {
  endpoint_pair pair;
  REQUIRE(pair.connect());
  const auto& at_client = pair.client.opened.front();
  const auto& at_server = pair.server.opened.front();
  CHECK(at_client.peer.name == "server");
  CHECK(at_client.peer.verified);
  CHECK(at_client.peer.fingerprint == identity_of("server")->fingerprint());
  CHECK_FALSE(at_client.incoming);
  CHECK(at_server.peer.name == "client");
  CHECK(at_server.peer.verified);
  CHECK(at_server.peer.fingerprint == identity_of("client")->fingerprint());
  CHECK(at_server.incoming);
  CHECK(at_server.remote == pair.client.at());
  CHECK(pair.server->connection_count() == 1);
  CHECK(pair.server->statistics().handshakes_completed == 1);
}

TEST_CASE("endpoint: one endpoint dials and is dialled at the same time", "[endpoint]") {
  endpoint_pair pair;
  const auto there = pair.client->connect(pair.server.at(), "server", pair.world.network.now());
  const auto back = pair.server->connect(pair.client.at(), "client", pair.world.network.now());
  REQUIRE(there);
  REQUIRE(back);
  REQUIRE(pair.world.run_until([&] { return pair.client.opened.size() == 2 && pair.server.opened.size() == 2; }));
  CHECK(pair.client->connection_count() == 2);
}

TEST_CASE("endpoint: all lanes carry bytes both ways, in order and complete", "[endpoint]") {
  endpoint_pair pair;
  REQUIRE(pair.connect());
  for (const auto each : all_lanes) {
    pair.send_from_client(each, numbered_bytes(50'000 + index_of(each), 1));
    pair.send_from_server(each, numbered_bytes(70'000 + index_of(each), 2));
  }
  REQUIRE(pair.world.run_until([&] {
    return std::all_of(all_lanes.begin(), all_lanes.end(), [&](lane each) {
      return pair.at_server(each).size() == 50'000 + index_of(each) &&
             pair.at_client(each).size() == 70'000 + index_of(each);
    });
  }));
  for (const auto each : all_lanes) {
    CHECK(pair.at_server(each) == numbered_bytes(50'000 + index_of(each), 1));
    CHECK(pair.at_client(each) == numbered_bytes(70'000 + index_of(each), 2));
  }
}

TEST_CASE("endpoint: acknowledgements add up to exactly what was sent", "[endpoint]") {
  endpoint_pair pair;
  REQUIRE(pair.connect());
  pair.send_from_client(lane::normal, numbered_bytes(100'000, 3));
  pair.send_from_client(lane::normal, numbered_bytes(1, 4));
  pair.send_from_client(lane::control, numbered_bytes(7, 5));
  REQUIRE(pair.world.run_until(
      [&] { return pair.acknowledged(lane::normal) >= 100'001 && pair.acknowledged(lane::control) >= 7; }));
  pair.world.run_for(1s);
  CHECK(pair.acknowledged(lane::normal) == 100'001);
  CHECK(pair.acknowledged(lane::control) == 7);
  const auto statistics = pair.client->statistics(pair.client_id());
  REQUIRE(statistics);
  CHECK(statistics->lane_bytes_sent == 100'008);
  CHECK(statistics->bytes_sent > 100'008);
}

TEST_CASE("endpoint: five megabytes arrive whole over a network that loses one datagram in ten", "[endpoint]") {
  endpoint_pair pair({.seed = 7});
  pair.world.network.conditions = {.delay = 2ms, .jitter = 1ms, .loss = 0.1, .duplication = 0.02};
  REQUIRE(pair.connect());
  const auto sent = numbered_bytes(5 << 20, 6);
  pair.send_from_client(lane::low, sent);
  REQUIRE(pair.world.run_until([&] { return pair.at_server(lane::low).size() == sent.size(); }, 600s));
  CHECK(pair.at_server(lane::low) == sent);
  CHECK(pair.client->statistics(pair.client_id())->packets_lost > 0);
}

TEST_CASE("endpoint: fifty handshakes of fifty succeed while three datagrams of ten are lost", "[endpoint]") {
  int succeeded = 0;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    endpoint_pair pair({.seed = seed, .handshake_timeout = 60s, .idle_timeout = 60s});
    pair.world.network.conditions.loss = 0.3;
    if (pair.connect()) ++succeeded;
  }
  CHECK(succeeded == 50);
}

TEST_CASE("endpoint: the same seed gives the same trace, another seed another one", "[endpoint]") {
  const auto run = [](std::uint64_t seed) {
    endpoint_pair pair({.seed = seed});
    pair.world.network.conditions = {.delay = 2ms, .jitter = 2ms, .loss = 0.05, .duplication = 0};
    pair.connect();
    pair.send_from_client(lane::high, numbered_bytes(300'000, 8));
    pair.send_from_server(lane::low, numbered_bytes(200'000, 9));
    pair.world.run_for(10s);
    auto trace = pair.client.trace;
    trace.insert(trace.end(), pair.server.trace.begin(), pair.server.trace.end());
    return trace;
  };
  const auto first = run(11);
  CHECK(first.size() > 10);
  CHECK(first == run(11));
  CHECK(first != run(12));
}

TEST_CASE("endpoint: bytes of one burst on a lane come as one event", "[endpoint]") {
  endpoint_pair pair;
  REQUIRE(pair.connect());
  pair.world.run_for(1s);
  const auto before = pair.server.trace.size();
  for (int i = 0; i < 20; ++i) pair.send_from_client(lane::normal, numbered_bytes(300, 1));
  REQUIRE(pair.world.run_until([&] { return pair.at_server(lane::normal).size() == 6000; }));
  CHECK(pair.server.trace.size() - before == 1);
}

TEST_CASE("endpoint: a sender stops at the lane's window until bytes are consumed", "[endpoint]") {
  endpoint_pair pair({.lane_window_bytes = 64'000});
  pair.server.consume = false;
  REQUIRE(pair.connect());
  pair.send_from_client(lane::normal, numbered_bytes(300'000, 1));
  pair.world.run_for(4s);
  CHECK(pair.at_server(lane::normal).size() == 64'000);
  pair.server->consumed(pair.server_id(), lane::normal, 40'000);
  pair.world.run_for(1s);
  CHECK(pair.at_server(lane::normal).size() == 104'000);
  // More than there is to consume opens nothing more.
  pair.server->consumed(pair.server_id(), lane::normal, 1'000'000);
  pair.world.run_for(1s);
  CHECK(pair.at_server(lane::normal).size() == 168'000);
}

TEST_CASE("endpoint: control moves while all other lanes stand at their windows", "[endpoint]") {
  endpoint_pair pair({.lane_window_bytes = 64'000, .control_window_bytes = 16'000});
  pair.server.consume = false;
  REQUIRE(pair.connect());
  for (const auto each : {lane::high, lane::normal, lane::low}) pair.send_from_client(each, numbered_bytes(300'000, 1));
  pair.world.run_for(2s);
  CHECK(pair.at_server(lane::low).size() == 64'000);
  pair.send_from_client(lane::control, numbered_bytes(10'000, 1));
  pair.world.run_for(1s);
  CHECK(pair.at_server(lane::control).size() == 10'000);
}

TEST_CASE("endpoint: the urgent lane overtakes bulk, and bulk is not starved", "[endpoint]") {
  endpoint_pair pair;
  REQUIRE(pair.connect());
  pair.send_from_client(lane::high, numbered_bytes(3'000'000, 1));
  pair.send_from_client(lane::low, numbered_bytes(3'000'000, 2));
  REQUIRE(pair.world.run_until([&] { return pair.at_server(lane::high).size() >= 2'000'000; }));
  const auto low = pair.at_server(lane::low).size();
  CHECK(low > 20'000);
  CHECK(low < 200'000);
  pair.send_from_client(lane::control, numbered_bytes(1000, 3));
  const auto sent = pair.world.network.now();
  REQUIRE(pair.world.run_until([&] { return pair.at_server(lane::control).size() == 1000; }));
  CHECK(pair.world.network.now() - sent < 200ms);
}

TEST_CASE("endpoint: a peer that vanishes is gone after the idle timeout", "[endpoint]") {
  endpoint_pair pair;
  REQUIRE(pair.connect());
  pair.world.run_for(1s);
  pair.server.unplug();
  const auto since = pair.world.network.now();
  REQUIRE(pair.world.run_until([&] { return !pair.client.ended.empty(); }));
  const auto& over = pair.client.ended.front();
  CHECK(over.reason.code == errc::timed_out);
  CHECK(over.opened);
  CHECK(over.reason.context.find("10.0.0.2:4433") != std::string::npos);
  CHECK(pair.world.network.now() - since < 7s);
  CHECK(pair.client->connection_count() == 0);
}

TEST_CASE("endpoint: keep-alive holds a silent connection", "[endpoint]") {
  endpoint_pair pair;
  REQUIRE(pair.connect());
  pair.world.run_for(120s);
  CHECK(pair.client.ended.empty());
  CHECK(pair.server.ended.empty());
}

TEST_CASE("endpoint: without keep-alive a silent connection ends", "[endpoint]") {
  endpoint_pair pair({.keep_alive = 0ms});
  REQUIRE(pair.connect());
  pair.world.run_for(20s);
  CHECK(pair.client.ended.size() == 1);
  CHECK(pair.server.ended.size() == 1);
}

TEST_CASE("endpoint: nobody at the address is an error that names it, within the handshake timeout", "[endpoint]") {
  endpoint_pair pair;
  const auto nobody = address::parse("10.0.0.99:4433").value();
  REQUIRE(pair.client->connect(nobody, "", pair.world.network.now()));
  REQUIRE(pair.world.run_until([&] { return !pair.client.ended.empty(); }, 6s));
  CHECK(pair.client.ended.front().reason.code == errc::timed_out);
  CHECK(pair.client.ended.front().reason.context.find("no answer from 10.0.0.99:4433") == 0);
  CHECK_FALSE(pair.client.ended.front().opened);
}

TEST_CASE("endpoint: a close brings its code and text, after all that was sent before", "[endpoint]") {
  endpoint_pair pair;
  REQUIRE(pair.connect());
  pair.send_from_client(lane::normal, numbered_bytes(20'000, 1));
  pair.client->close(pair.client_id(), errc::duplicate_peer, "we are connected already", pair.world.network.now());
  CHECK_FALSE(pair.client->send(pair.client_id(), lane::normal, shared_bytes(numbered_bytes(1, 1))));
  REQUIRE(pair.world.run_until([&] { return !pair.server.ended.empty() && !pair.client.ended.empty(); }));
  CHECK(pair.at_server(lane::normal).size() == 20'000);
  const auto& there = pair.server.ended.front();
  CHECK(there.reason == error{errc::connection_closed, "we are connected already"});
  CHECK(there.peer_code == errc::duplicate_peer);
  CHECK(there.opened);
  CHECK(pair.client.ended.front().reason.code == errc::cancelled);
  CHECK(pair.client->connection_count() == 0);
  pair.world.run_for(60s);
  CHECK(pair.server.ended.size() == 1);
  CHECK(pair.client.ended.size() == 1);
}

TEST_CASE("endpoint: a close that was lost is said again when packets still arrive", "[endpoint]") {
  endpoint_pair pair({.keep_alive = 200ms});
  REQUIRE(pair.connect());
  pair.world.run_for(1s);
  pair.world.network.conditions.loss = 1;
  pair.client->close(pair.client_id(), errc::none, "bye", pair.world.network.now());
  pair.world.run_for(1ms);
  REQUIRE(pair.client.ended.size() == 1);
  pair.world.network.conditions.loss = 0;
  pair.send_from_server(lane::high, numbered_bytes(10, 1));
  REQUIRE(pair.world.run_until([&] { return !pair.server.ended.empty(); }, 1s));
  CHECK(pair.server.ended.front().reason.context == "bye");
}

TEST_CASE("endpoint: a peer that has forgotten the connection says so with a stateless reset", "[endpoint]") {
  endpoint_pair pair;
  REQUIRE(pair.connect());
  pair.world.run_for(1s);
  // The same node, started anew at the same address: its key is the same, its memory is gone.
  pair.server.unplug();
  auto& restarted = pair.world.add(2, pair.make("server", {.seed = 99}));
  pair.send_from_client(lane::high, numbered_bytes(10, 1));
  const auto since = pair.world.network.now();
  REQUIRE(pair.world.run_until([&] { return !pair.client.ended.empty(); }, 1s));
  CHECK(pair.client.ended.front().reason.code == errc::connection_lost);
  CHECK(pair.world.network.now() - since < 50ms);
  CHECK(restarted.opened.empty());
}

TEST_CASE("endpoint: a client that changes its address in mid-transfer loses nothing", "[endpoint]") {
  endpoint_pair pair;
  REQUIRE(pair.connect());
  const auto sent = numbered_bytes(2'000'000, 1);
  pair.send_from_client(lane::normal, sent);
  REQUIRE(pair.world.run_until([&] { return pair.at_server(lane::normal).size() > 500'000; }));
  pair.client.set_address(address::parse("10.0.0.77:5555").value());
  REQUIRE(pair.world.run_until([&] { return pair.at_server(lane::normal).size() == sent.size(); }));
  CHECK(pair.at_server(lane::normal) == sent);
  CHECK(pair.client.ended.empty());
  CHECK(pair.server.ended.empty());
}

TEST_CASE("endpoint: a burst leaves as few sends of many datagrams of one size", "[endpoint]") {
  endpoint_pair pair;
  REQUIRE(pair.connect());
  pair.world.run_for(1s);
  // Open the congestion window first.
  pair.send_from_client(lane::normal, numbered_bytes(2'000'000, 1));
  REQUIRE(pair.world.run_until([&] { return pair.acknowledged(lane::normal) == 2'000'000; }));
  pair.send_from_client(lane::normal, numbered_bytes(400'000, 1));
  transmit out;
  std::size_t sends = 0, datagrams = 0, bytes = 0;
  while (pair.client->poll_transmit(out, pair.world.network.now())) {
    ++sends;
    REQUIRE(out.segment_bytes > 0);
    REQUIRE(out.bytes.size() <= 65'507);
    const auto segments = (out.bytes.size() + out.segment_bytes - 1) / out.segment_bytes;
    REQUIRE(segments <= 64);
    datagrams += segments;
    bytes += out.bytes.size();
    pair.world.network.send(pair.client.at(), out);
  }
  CHECK(bytes > 40'000);
  CHECK(datagrams >= 10 * sends);
  REQUIRE(pair.world.run_until([&] { return pair.at_server(lane::normal).size() == 2'400'000; }));
}

TEST_CASE("endpoint: many connections share one endpoint, each with its own bytes", "[endpoint]") {
  endpoint_pair pair;
  for (int i = 0; i < 50; ++i) pair.dial("");
  REQUIRE(pair.world.run_until([&] { return pair.client.opened.size() == 50 && pair.server.opened.size() == 50; }));
  for (const auto& each : pair.client.opened)
    must(pair.client->send(each.id, lane::high, shared_bytes(numbered_bytes(1000 + each.id, each.id))));
  REQUIRE(pair.world.run_until([&] {
    std::size_t bytes = 0;
    for (const auto& [where, got] : pair.server.received) bytes += got.size();
    return bytes == 50 * 1000 + 50 * 51 / 2;
  }));
  CHECK(pair.server.received.size() == 50);
  for (const auto& each : pair.client.opened) pair.client->close(each.id, errc::none, "done", pair.world.network.now());
  REQUIRE(pair.world.run_until([&] { return pair.server.ended.size() == 50; }));
  CHECK(pair.server->connection_count() == 0);
  CHECK(pair.client->connection_count() == 0);
}
