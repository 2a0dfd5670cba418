// What the cases of the QUIC interop runner have in common here: two bare endpoints on a simulated network, and bytes
// that must arrive whole. Each interop_*.cpp holds some of the cases.
#pragma once
#include <iostream>
#include <string>

#include <catch2/catch_test_macros.hpp>
#include <tests/sim/seeds.hpp>
#include <tests/transport/endpoint_pair.hpp>

namespace quicsync::interop {

using namespace std::chrono_literals;
using tests::endpoint_pair;
using tests::network_conditions;
using tests::pair_options;

/// The network of most cases: 15 ms each way, 10 Mbit/s, 25 packets wait.
inline network_conditions usual_network() {
  network_conditions conditions;
  conditions.delay = 15ms;
  conditions.bytes_per_second = 10'000'000 / 8;
  conditions.queue_bytes = 25 * 1500;
  return conditions;
}

inline byte_buffer numbered_bytes(std::size_t count, std::uint64_t seed) {
  byte_buffer bytes(count);
  tests::seeded_random(seed).fill(bytes.data(), count);
  return bytes;
}

/// A pair that prints what both sides were told at its end, where that is asked for.
struct traced_pair : endpoint_pair {
  using endpoint_pair::endpoint_pair;
  ~traced_pair() {
    if (!sim::trace_is_wanted()) return;
    for (const auto* side : {&client, &server})
      for (const auto& line : side->trace) std::cout << line << '\n';
  }
};

/// The server has, on this lane of the first connection, exactly these bytes.
inline bool arrived(traced_pair& pair, lane on, const byte_buffer& sent) { return pair.at_server(on) == sent; }

/// Sends files of 2, 3 and 5 MB, one a lane, and waits until they are there; `meanwhile` is asked after each event.
inline void transfer(traced_pair& pair, std::chrono::seconds patience, const std::function<void()>& meanwhile = {}) {
  const auto two = numbered_bytes(2 << 20, 2), three = numbered_bytes(3 << 20, 3), five = numbered_bytes(5 << 20, 5);
  pair.send_from_client(lane::high, two);
  pair.send_from_client(lane::normal, three);
  pair.send_from_client(lane::low, five);
  const bool whole = pair.world.run_until(
      [&] {
        if (meanwhile) meanwhile();
        return pair.at_server(lane::high).size() >= two.size() && pair.at_server(lane::normal).size() >= three.size() &&
               pair.at_server(lane::low).size() >= five.size();
      },
      patience);
  REQUIRE(whole);
  CHECK(arrived(pair, lane::high, two));
  CHECK(arrived(pair, lane::normal, three));
  CHECK(arrived(pair, lane::low, five));
  CHECK(pair.client.ended.empty());
  CHECK(pair.server.ended.empty());
}

/// `count` connections one after the other, each to exchange a kilobyte; returns how many did.
inline int connect_again_and_again(traced_pair& pair, int count) {
  int whole = 0;
  for (int i = 0; i < count; ++i) {
    const auto opened = pair.client.opened.size(), accepted = pair.server.opened.size();
    pair.client.ended.clear();
    pair.dial();
    const auto up = [&] { return pair.client.opened.size() > opened && pair.server.opened.size() > accepted; };
    if (!pair.world.run_until([&] { return up() || !pair.client.ended.empty(); }) || !up()) continue;
    const auto here = pair.client.opened.back().id, there = pair.server.opened.back().id;
    const auto request = numbered_bytes(1024, 1), answer = numbered_bytes(1024, 2);
    tests::must(pair.client->send(here, lane::normal, shared_bytes(byte_buffer(request))));
    tests::must(pair.server->send(there, lane::normal, shared_bytes(byte_buffer(answer))));
    const auto& to_server = pair.server.received[{there, lane::normal}];
    const auto& to_client = pair.client.received[{here, lane::normal}];
    if (pair.world.run_until([&] { return to_server == request && to_client == answer; })) ++whole;
    pair.client->close(here, errc::none, "done", pair.world.network.now());
    pair.world.run_until([&] { return pair.client->connection_count() == 0; });
  }
  return whole;
}

}  // namespace quicsync::interop
