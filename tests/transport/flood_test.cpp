// Floods: what strangers and peers send without end costs a bounded amount of
// memory, and an honest client beside it is served nearly as if it were alone.
#include <algorithm>
#include <array>
#include <functional>

#include <catch2/catch_test_macros.hpp>
#include <tests/transport/endpoint_pair.hpp>
#include <tests/transport/initial_forge.hpp>
#include <tests/transport/resource_watch.hpp>
#include <tests/transport/rogue_client.hpp>

using namespace quicsync;
using namespace quicsync::tests;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t memory_growth_bytes_max = 64u << 20;
constexpr std::size_t descriptor_growth_max = 16;
// Under a sanitizer a tenth has to do.
constexpr int flood_size = is_sanitized ? 10'000 : 100'000;

address stranger(int number) {
  return address::parse("192.0." + std::to_string(number / 250 % 250) + "." + std::to_string(number % 250 + 1) + ":" +
                        std::to_string(1024 + number / 62'500))
      .value();
}

// How long the honest client takes for a handshake and, after it, for a megabyte.
struct visit {
  std::chrono::nanoseconds handshake{0}, megabyte{0};
};

// `meanwhile` runs between any two things that happen.
visit visit_honestly(
    endpoint_world& world, simulated_endpoint& client, simulated_endpoint& server,
    const std::function<void()>& meanwhile = [] {}) {
  const byte_buffer megabyte(1 << 20, 'h');
  const auto dialled = world.network.now();
  must(client->connect(server.at(), "server", dialled));
  REQUIRE(world.run_until([&] {
    meanwhile();
    return !client.opened.empty();
  }));
  const auto connected = world.network.now();
  must(client->send(client.opened.front().id, lane::normal, shared_bytes(byte_buffer(megabyte))));
  REQUIRE(world.run_until([&] {
    meanwhile();
    return std::any_of(server.received.begin(), server.received.end(),
                       [&](const auto& each) { return each.first.second == lane::normal && each.second == megabyte; });
  }));
  CHECK(client.ended.empty());
  return {connected - dialled, world.network.now() - connected};
}

visit visit_alone() {
  endpoint_pair pair;
  return visit_honestly(pair.world, pair.client, pair.server);
}

void check_bounds(resource_watch& watch) {
  CHECK(watch.most_heap_growth_bytes() <= memory_growth_bytes_max);
  CHECK(watch.descriptor_growth() <= descriptor_growth_max);
}

// A server, and rogues with good certificates that connect to it; what they
// send is not repeated when it is lost.
struct den {
  endpoint_world world{1};
  simulated_endpoint& server = world.add(2, endpoint_pair::make("server", {}));
  std::vector<std::unique_ptr<rogue_client>> rogues;

  rogue_client& add() {
    const auto number = static_cast<int>(rogues.size());
    const auto accepted = server.opened.size();
    auto& rogue = *rogues.emplace_back(std::make_unique<rogue_client>(world.network, stranger(number), server.at()));
    REQUIRE(world.run_until([&] {
      rogue.flush();
      return server.opened.size() > accepted;
    }));
    return rogue;
  }
};

}  // namespace

TEST_CASE("flood: half-open handshakes of forged addresses cost no memory and do not keep an honest client out",
          "[endpoint][hostile]") {
  const auto alone = visit_alone();
  endpoint_pair pair;
  auto& network = pair.world.network;
  initial_forge forge;
  std::uint64_t sent_bytes = 0, answered_bytes = 0;
  network.on_sent = [&](const address& from, const address& to, bytes_view datagram) {
    if (from == pair.server.at() && !(to == pair.client.at())) answered_bytes += datagram.size();
  };
  resource_watch watch;
  int flooded = 0;
  const auto flood_for_a_millisecond = [&] {
    for (int i = 0; i < 100; ++i) {
      const auto datagram = forge.forge();
      sent_bytes += datagram.size();
      network.send_datagram(stranger(flooded++), pair.server.at(), 0, datagram);
    }
    watch.look();
  };
  while (flooded < flood_size / 2) {
    flood_for_a_millisecond();
    pair.world.run_for(1ms);
  }
  // In the midst of it.
  auto next = network.now();
  const auto beside = visit_honestly(pair.world, pair.client, pair.server, [&] {
    if (flooded >= flood_size || network.now() < next) return;
    next = network.now() + 1ms;
    flood_for_a_millisecond();
  });
  CHECK(beside.handshake <= 2 * alone.handshake);
  CHECK(beside.megabyte <= 2 * alone.megabyte);
  while (flooded < flood_size) {
    flood_for_a_millisecond();
    pair.world.run_for(1ms);
  }
  check_bounds(watch);
  pair.world.run_for(10s);
  CHECK(answered_bytes <= 3 * sent_bytes);
  CHECK(pair.server->connection_count() == 1);
  const auto refused = pair.server->statistics().refusals;
  CHECK(refused[refusal_reason::address_unproven] > static_cast<std::uint64_t>(flood_size) * 9 / 10);
}

TEST_CASE("flood: whoever resets a lane is gone, so that each few streams cost the peer a whole handshake",
          "[endpoint][hostile]") {
  resource_watch watch;
  den here;
  const byte_buffer first{1, 'x'}, second{2, 'x'};
  constexpr int times = is_sanitized ? 50 : 300;
  for (int i = 0; i < times; ++i) {
    auto& rogue = here.add();
    for (const auto* bytes : {&first, &second}) {
      const auto stream = rogue.open();
      rogue.write(stream, *bytes);
      rogue.reset(stream);
    }
    rogue.flush();
    here.world.run_for(20ms);
    here.rogues.clear();
    watch.look();
  }
  CHECK(here.server.ended.size() == static_cast<std::size_t>(times));
  for (const auto& each : here.server.ended) CHECK(each.reason.code == errc::quic_failed);
  CHECK(here.server->statistics().refusals[refusal_reason::lanes_misused] == static_cast<std::uint64_t>(times));
  here.world.run_for(10s);
  CHECK(here.server->connection_count() == 0);
  check_bounds(watch);
}

TEST_CASE("flood: bytes far beyond a gap take no more than their lane's window, and are not handed on",
          "[endpoint][hostile]") {
  resource_watch watch;
  den here;
  constexpr std::size_t piece_bytes = 1000, honest_bytes = 2000 * piece_bytes, gap_pieces = 250;
  std::array<byte_buffer, lane_count> starts;
  for (std::size_t on = 0; on < lane_count; ++on) starts[on].assign(1, static_cast<std::uint8_t>(on));
  const byte_buffer piece(piece_bytes, 'x');
  for (int i = 0; i < 10; ++i) {
    auto& rogue = here.add();
    std::array<std::int64_t, lane_count> streams{};
    for (std::size_t on = 0; on < lane_count; ++on) {
      streams[on] = rogue.open();
      rogue.write(streams[on], starts[on]);
    }
    // Honest for a while on one lane, until its congestion window takes the
    // gaps of all others at once.
    for (std::size_t sent = 0; sent < honest_bytes;) {
      for (std::size_t taken = 1; sent < honest_bytes && taken > 0; sent += taken)
        taken = rogue.write(streams[index_of(lane::low)],
                            bytes_view(piece).first(std::min(piece_bytes, honest_bytes - sent)));
      rogue.flush();
      here.world.run_for(11ms);
    }
    here.world.network.conditions.loss = 1;
    for (const auto on : {lane::control, lane::high, lane::normal})
      for (std::size_t sent = 0; sent < gap_pieces; ++sent) REQUIRE(rogue.write(streams[index_of(on)], piece) > 0);
    here.world.network.conditions.loss = 0;
    for (const auto on : {lane::control, lane::high, lane::normal})
      REQUIRE(rogue.write(streams[index_of(on)], bytes_view(piece).first(1)) == 1);
    here.world.run_for(20ms);
    watch.look();
  }
  CHECK(here.server.ended.empty());
  for (const auto& [where, bytes] : here.server.received)
    CHECK(bytes.size() == (where.second == lane::low ? honest_bytes : 0));
  here.server.received.clear();
  check_bounds(watch);
}

TEST_CASE("flood: lanes that bring a byte every ten seconds cost what idle ones do", "[endpoint][hostile]") {
  endpoint_pair pair({.keep_alive = 1s});
  REQUIRE(pair.connect());
  for (const auto each : all_lanes) pair.send_from_client(each, byte_buffer(1));
  pair.world.run_for(1s);
  resource_watch watch;
  for (int i = 0; i < 360; ++i) {
    for (const auto each : all_lanes) pair.send_from_client(each, byte_buffer(1));
    pair.world.run_for(10s);
    watch.look();
  }
  CHECK(pair.server.ended.empty());
  for (const auto each : all_lanes) CHECK(pair.at_server(each).size() == 361);
  CHECK(watch.most_heap_growth_bytes() <= 1u << 20);
}

TEST_CASE("flood: a handshake message without end is cut off at its bound", "[endpoint][hostile]") {
  resource_watch watch;
  den here;
  auto& rogue = here.add();
  rogue.speak_tls(byte_buffer(200'000, 4));
  for (int i = 0; i < 200; ++i) {
    rogue.flush();
    here.world.run_for(5ms);
  }
  REQUIRE(here.server.ended.size() == 1);
  CHECK(here.server.ended.front().reason.code == errc::quic_failed);
  CHECK(here.server->statistics().refusals[refusal_reason::quic_violation] == 1);
  check_bounds(watch);
}

TEST_CASE("flood: beside peers that misbehave, each in its own way, an honest client takes at most twice its time",
          "[endpoint][hostile]") {
  const auto alone = visit_alone();
  resource_watch watch;
  den here;
  auto& honest = here.world.add(1, must(endpoint::make(config_of(identity_of("client"), {}, 1))));
  constexpr int rogues = 40;
  const byte_buffer some{1, 'x'}, endless(200'000, 4);
  for (int i = 0; i < rogues; ++i) here.add();
  // Each millisecond the next one misbehaves, each in its own way.
  const std::array<std::function<void(rogue_client&)>, 5> vices{
      [&](rogue_client& rogue) {
        const auto stream = rogue.open();
        rogue.write(stream, some);
        rogue.reset(stream);
      },
      [&](rogue_client& rogue) { rogue.write(rogue.open(), some); },
      [&](rogue_client& rogue) { rogue.speak_tls(endless); },
      [&](rogue_client& rogue) {
        for (int i = 0; i < 1000; ++i) rogue.give_credit();
      },
      [&](rogue_client& rogue) { rogue.refuse(rogue.open()); },
  };
  std::size_t turn = 0;
  auto next = here.world.network.now();
  const auto beside = visit_honestly(here.world, honest, here.server, [&] {
    if (here.world.network.now() < next) return;
    next = here.world.network.now() + 1ms;
    if (turn < here.rogues.size()) vices[turn % vices.size()](*here.rogues[turn]);
    ++turn;
    for (auto& each : here.rogues) each->flush();
    watch.look();
  });
  CHECK(turn > 10);
  CHECK(beside.handshake <= 2 * alone.handshake);
  CHECK(beside.megabyte <= 2 * alone.megabyte);
  here.world.run_for(1s);
  const auto refused = here.server->statistics().refusals;
  CHECK(refused[refusal_reason::lanes_misused] > 0);
  CHECK(refused[refusal_reason::quic_violation] > 0);
  check_bounds(watch);
}
