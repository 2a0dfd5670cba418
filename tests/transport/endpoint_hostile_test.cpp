// What strangers send: nothing of it harms an endpoint, and none of it buys more than it costs.
#include <map>

#include <catch2/catch_test_macros.hpp>
#include <tests/transport/endpoint_pair.hpp>

using namespace quicsync;
using namespace quicsync::tests;
using namespace std::chrono_literals;

namespace {

const address stranger = address::parse("192.0.2.66:6666").value();

/// A stranger at `stranger` that counts what it gets.
struct lurker {
  explicit lurker(simulated_network& to) : network(to) {
    network.attach(stranger, [this](const address&, const address&, std::uint8_t, bytes_view datagram) {
      got.emplace_back(datagram.begin(), datagram.end());
      got_bytes += datagram.size();
    });
  }
  void send(const address& to, bytes_view datagram) {
    sent_bytes += datagram.size();
    network.send_datagram(stranger, to, 0, datagram);
  }
  simulated_network& network;
  std::vector<byte_buffer> got;
  std::size_t got_bytes = 0, sent_bytes = 0;
};

/// The first datagram of a client, as it would go over the wire.
byte_buffer first_datagram(std::uint64_t seed = 5) {
  auto client = endpoint_pair::make("client", {.seed = seed});
  must(client->connect(address::parse("10.0.0.2:4433").value(), "server", time_point(1h)));
  transmit out;
  client->poll_transmit(out, time_point(1h));
  return {out.bytes.begin(), out.bytes.begin() + static_cast<std::ptrdiff_t>(out.segment_bytes)};
}

}  // namespace

TEST_CASE("hostile: random datagrams of every size are dropped and counted", "[endpoint][hostile]") {
  endpoint_pair pair;
  lurker from(pair.world.network);
  seeded_random random(1);
  for (int round = 0; round < 5000; ++round) {
    byte_buffer noise(random.below(1473));
    random.fill(noise.data(), noise.size());
    from.send(pair.server.at(), noise);
    if (round % 100 == 0) pair.world.run_for(10ms);
  }
  pair.world.run_for(10s);
  CHECK(pair.server->connection_count() == 0);
  CHECK(pair.server.opened.empty());
  CHECK(pair.server->statistics().datagrams_dropped >= 4500);
  CHECK(from.got_bytes < from.sent_bytes);
  REQUIRE(pair.connect());
}

TEST_CASE("hostile: every truncation and many mutations of a first datagram do no harm", "[endpoint][hostile]") {
  endpoint_pair pair;
  lurker from(pair.world.network);
  const auto good = first_datagram();
  REQUIRE(good.size() >= 1200);
  for (std::size_t size = 0; size < good.size(); ++size) from.send(pair.server.at(), bytes_view(good).first(size));
  pair.world.run_for(1s);
  CHECK(from.got_bytes <= 3 * from.sent_bytes);
  seeded_random random(2);
  for (int round = 0; round < 3000; ++round) {
    auto bad = good;
    for (auto changes = 1 + random.below(4); changes > 0; --changes)
      bad[random.below(round % 2 == 0 ? 60 : bad.size())] = static_cast<std::uint8_t>(random.next());
    from.send(pair.server.at(), bad);
    if (round % 50 == 0) pair.world.run_for(10ms);
  }
  pair.world.run_for(30s);
  CHECK(pair.server->connection_count() == 0);
  CHECK(from.got_bytes <= 3 * from.sent_bytes);
  REQUIRE(pair.connect());
}

TEST_CASE("hostile: a first packet that arrives damaged does not keep the client's next one out",
          "[endpoint][hostile]") {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    CAPTURE(seed);
    endpoint_pair pair({.seed = seed});
    const auto dialled = pair.world.network.now();
    pair.world.network.conditions.corruption = 1;
    pair.dial();
    pair.world.run_for(1ms);
    pair.world.network.conditions.corruption = 0;
    REQUIRE(pair.world.run_until([&] { return !pair.server.opened.empty(); }));
    // The client repeats its first packet a second later.
    CHECK(pair.world.network.now() - dialled < 1100ms);
  }
}

TEST_CASE("hostile: mutated datagrams of a living connection do not end it", "[endpoint][hostile]") {
  endpoint_pair pair;
  REQUIRE(pair.connect());
  seeded_random random(3);
  std::vector<std::pair<address, byte_buffer>> overheard;
  pair.world.network.on_sent = [&](const address& from, const address&, bytes_view datagram) {
    overheard.emplace_back(from, byte_buffer(datagram.begin(), datagram.end()));
  };
  pair.send_from_client(lane::normal, byte_buffer(100'000));
  pair.world.run_for(1s);
  pair.world.network.on_sent = nullptr;
  for (auto& [from, datagram] : overheard) {
    datagram[random.below(datagram.size())] ^= 0x55;
    pair.world.network.send_datagram(from, from == pair.client.at() ? pair.server.at() : pair.client.at(), 0, datagram);
  }
  pair.world.run_for(1s);
  CHECK(pair.client.ended.empty());
  CHECK(pair.server.ended.empty());
}

TEST_CASE("hostile: a replayed connection is not opened again", "[endpoint][hostile]") {
  endpoint_pair pair;
  std::vector<byte_buffer> overheard;
  pair.world.network.on_sent = [&](const address& from, const address&, bytes_view datagram) {
    if (from == pair.client.at()) overheard.emplace_back(datagram.begin(), datagram.end());
  };
  REQUIRE(pair.connect());
  pair.world.run_for(1s);
  pair.world.network.on_sent = nullptr;
  lurker from(pair.world.network);
  for (const auto& each : overheard) from.send(pair.server.at(), each);
  pair.world.run_for(20s);
  CHECK(pair.server.opened.size() == 1);
  CHECK(pair.client.ended.empty());
}

TEST_CASE("hostile: an address that never answers gets at most three times its bytes", "[endpoint][hostile]") {
  endpoint_pair pair;
  lurker from(pair.world.network);
  for (std::uint64_t seed = 1; seed <= 20; ++seed) from.send(pair.server.at(), first_datagram(seed));
  pair.world.run_for(60s);
  CHECK(from.got_bytes > from.sent_bytes);
  CHECK(from.got_bytes <= 3 * from.sent_bytes);
  CHECK(pair.server->connection_count() == 0);
}

TEST_CASE("hostile: an unknown version is answered with a version negotiation, but only if it is large enough",
          "[endpoint][hostile]") {
  endpoint_pair pair;
  lurker from(pair.world.network);
  auto odd = first_datagram();
  odd[1] = 0xba;
  from.send(pair.server.at(), bytes_view(odd).first(1199));
  pair.world.run_for(100ms);
  CHECK(from.got.empty());
  from.send(pair.server.at(), odd);
  pair.world.run_for(100ms);
  REQUIRE(from.got.size() == 1);
  const auto& reply = from.got.front();
  CHECK(reply.size() < 100);
  CHECK((reply[0] & 0x80) != 0);
  CHECK(bytes_view(reply).subspan(1, 4)[0] == 0);
  // Its last four bytes name version 1.
  CHECK(byte_buffer(reply.end() - 4, reply.end()) == byte_buffer{0, 0, 0, 1});
}

TEST_CASE("hostile: a client that is offered no version it speaks gives up at once", "[endpoint][hostile]") {
  endpoint_pair pair;
  pair.server.unplug();
  auto& network = pair.world.network;
  network.attach(pair.server.at(), [&](const address& local, const address& remote, std::uint8_t, bytes_view datagram) {
    // RFC 9000 section 17.2.1: ids swapped, version 0, then the versions.
    const std::size_t dcid = datagram[5], scid = datagram[6 + dcid];
    byte_buffer reply{0x80, 0, 0, 0, 0, static_cast<std::uint8_t>(scid)};
    reply.insert(reply.end(), datagram.begin() + 7 + static_cast<long>(dcid),
                 datagram.begin() + 7 + static_cast<long>(dcid + scid));
    reply.push_back(static_cast<std::uint8_t>(dcid));
    reply.insert(reply.end(), datagram.begin() + 6, datagram.begin() + 6 + static_cast<long>(dcid));
    for (const std::uint8_t byte : {0xfa, 0xce, 0xb0, 0x0c}) reply.push_back(byte);
    network.send_datagram(local, remote, 0, reply);
  });
  pair.dial();
  REQUIRE(pair.world.run_until([&] { return !pair.client.ended.empty(); }, 1s));
  CHECK(pair.client.ended.front().reason.code == errc::no_common_protocol);
}

TEST_CASE("hostile: datagrams to unknown connections are answered with smaller resets, at a bounded rate",
          "[endpoint][hostile]") {
  endpoint_pair pair;
  lurker from(pair.world.network);
  byte_buffer short_packet(100, 0x42);
  for (int i = 0; i < 10'000; ++i) {
    short_packet[1] = static_cast<std::uint8_t>(i);
    short_packet[2] = static_cast<std::uint8_t>(i >> 8);
    from.send(pair.server.at(), short_packet);
  }
  pair.world.run_for(1s);
  CHECK(from.got.size() >= 100);
  CHECK(from.got.size() <= 400);
  for (const auto& each : from.got) CHECK(each.size() < short_packet.size());
  from.got.clear();
  from.send(pair.server.at(), bytes_view(short_packet).first(21));
  pair.world.run_for(1s);
  CHECK(from.got.empty());
}

TEST_CASE("hostile: forged first packets take few places, and an honest client comes in by a Retry",
          "[endpoint][hostile][retry]") {
  endpoint_pair pair;
  lurker from(pair.world.network);
  // The same client at many ids: only the destination id in the header is protected by nothing but itself, so each
  // needs a handshake of its own.
  for (std::uint64_t seed = 1; seed <= 2 * limits::handshakes_unproven; ++seed)
    from.send(pair.server.at(), first_datagram(seed + 100));
  pair.world.run_for(20ms);
  CHECK(pair.server->connection_count() == limits::handshakes_unproven);
  CHECK(pair.server->statistics().refusals[refusal_reason::address_unproven] == limits::handshakes_unproven);
  REQUIRE(pair.connect());
  CHECK(pair.server->statistics().refusals[refusal_reason::address_unproven] == limits::handshakes_unproven + 1);
  CHECK(from.got_bytes <= 3 * from.sent_bytes);
  pair.world.run_for(10s);
  CHECK(pair.server->connection_count() == 1);
}

TEST_CASE("hostile: where all places for handshakes are taken, a client is told so at once",
          "[endpoint][hostile][retry]") {
  auto config = config_of(identity_of("server"), {}, 2);
  config.handshakes.at_once = 3;
  endpoint_pair pair(config_of(identity_of("client"), {}, 1), config);
  lurker from(pair.world.network);
  for (std::uint64_t seed = 1; seed <= 3; ++seed) from.send(pair.server.at(), first_datagram(seed + 100));
  pair.world.run_for(20ms);
  CHECK(pair.server->connection_count() == 3);
  pair.dial();
  REQUIRE(pair.world.run_until([&] { return !pair.client.ended.empty(); }, 1s));
  CHECK(pair.client.ended.front().reason.code == errc::overloaded);
  CHECK(pair.server->statistics().refusals[refusal_reason::handshakes_at_once] == 1);
  pair.client.ended.clear();
  pair.world.run_for(10s);
  CHECK(pair.server->connection_count() == 0);
  CHECK(pair.connect());
}

TEST_CASE("hostile: clients beyond the rate of handshakes come in a moment later", "[endpoint][hostile][retry]") {
  auto config = config_of(identity_of("server"), {}, 2);
  config.handshakes.per_second = 10;
  endpoint_pair pair(config_of(identity_of("client"), {}, 1), config);
  for (int i = 0; i < 20; ++i) pair.dial();
  pair.world.run_for(500ms);
  CHECK(pair.server.opened.size() < 20);
  REQUIRE(pair.world.run_until([&] { return pair.server.opened.size() == 20; }, 5s));
  CHECK(pair.client.ended.empty());
  CHECK(pair.server->statistics().refusals[refusal_reason::handshake_rate] > 0);
}

TEST_CASE("hostile: an endpoint that only dials accepts nobody", "[endpoint][hostile]") {
  auto config = config_of(identity_of("server"), {}, 2);
  config.accept = false;
  endpoint_pair pair(config_of(identity_of("client"), {}, 1), config);
  CHECK_FALSE(pair.connect());
  CHECK(pair.client.ended.front().reason.code == errc::timed_out);
  CHECK(pair.server->statistics().datagrams_sent == 0);
}

TEST_CASE("hostile: calls with connections that are not are errors or nothing", "[endpoint][hostile]") {
  endpoint_pair pair;
  const auto now = pair.world.network.now();
  CHECK(pair.client->send(7, lane::high, shared_bytes(byte_buffer{1})).error().code == errc::not_connected);
  pair.client->consumed(7, lane::high, 1);
  pair.client->close(7, errc::none, "", now);
  CHECK_FALSE(pair.client->statistics(7));
  CHECK(pair.client->connect({}, "", now).error().code == errc::bad_address);
  const auto id = must(pair.client->connect(pair.server.at(), "", now));
  CHECK(pair.client->send(id, lane::high, shared_bytes(byte_buffer{1})).error().code == errc::not_connected);
  pair.client->close(id, errc::none, "", now);
  pair.world.run_for(1s);
  REQUIRE(pair.client.ended.size() == 1);
  CHECK(pair.client.ended.front().reason.code == errc::cancelled);
}
