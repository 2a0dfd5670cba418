// Cases of the QUIC interop runner about a path that changes, rebind-port and rebind-addr; and paths that are or get
// narrow.
#include <tests/sim/interop.hpp>

using namespace quicsync;
using namespace quicsync::interop;
using sim::for_each_seed;

namespace {

// The files, while the client gets another outer address after one second and then every five: `address_of` names it.
void transfer_while_rebound(std::uint64_t seed, const std::function<std::string(int)>& address_of) {
  traced_pair pair({.seed = seed});
  auto& network = pair.world.network;
  network.conditions = usual_network();
  REQUIRE(pair.connect());
  const auto begin = network.now();
  auto next = begin + 1s;
  int rebound = 0;
  transfer(pair, 60s, [&] {
    if (network.now() < next) return;
    network.rebind(pair.client.at(), address::parse(address_of(++rebound)).value());
    next += 5s;
  });
  CHECK(rebound >= 2);
  CHECK(network.counters().nobody_there > 0);
  // Bytes go the other way as well, to where the client is now.
  pair.send_from_server(lane::high, numbered_bytes(100'000, 9));
  REQUIRE(pair.world.run_until([&] { return pair.at_client(lane::high) == numbered_bytes(100'000, 9); }, 5s));
  // The path is proven anew each time, and the transfer hardly suffers: 8.4 s at this rate without.
  CHECK(network.now() - begin < 14s);
}

}  // namespace

TEST_CASE("interop: rebind-port: the files arrive while the client's port changes under it", "[sim][interop]") {
  for_each_seed(3, [](std::uint64_t seed) {
    transfer_while_rebound(seed, [](int times) { return "10.0.0.1:" + std::to_string(20'000 + times); });
  });
}

TEST_CASE("interop: rebind-addr: the files arrive while the client's address changes under it", "[sim][interop]") {
  for_each_seed(3, [](std::uint64_t seed) {
    transfer_while_rebound(seed, [](int times) { return "10.0.7." + std::to_string(times) + ":4433"; });
  });
}

TEST_CASE("path: one that is narrower than what is sent to start with carries the files all the same",
          "[sim][interop]") {
  for_each_seed(1, [](std::uint64_t seed) {
    traced_pair pair({.seed = seed});
    pair.world.network.conditions = usual_network();
    pair.world.network.conditions.datagram_bytes_max = 1300;
    REQUIRE(pair.connect());
    transfer(pair, 60s);
    CHECK(pair.world.network.counters().too_large > 0);
  });
}

TEST_CASE("path: one that gets narrower in mid-transfer is noticed, and nothing is lost", "[sim][interop]") {
  for_each_seed(2, [](std::uint64_t seed) {
    traced_pair pair({.seed = seed});
    auto& network = pair.world.network;
    network.conditions = usual_network();
    REQUIRE(pair.connect());
    const auto begin = network.now();
    transfer(pair, 120s, [&] {
      if (network.now() - begin > 3s) network.conditions.datagram_bytes_max = 1300;
    });
    CHECK(network.counters().too_large > 0);
  });
}
