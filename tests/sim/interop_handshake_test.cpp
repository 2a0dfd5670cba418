// Cases of the QUIC interop runner about how a connection comes up: handshake, longrtt, ipv6, retry,
// amplificationlimit, handshakeloss, handshakecorruption.
#include <fstream>
#include <sstream>

#include <tests/sim/interop.hpp>

using namespace quicsync;
using namespace quicsync::interop;
using sim::for_each_seed;

TEST_CASE("interop: handshake: one and a half round trips, and bytes flow both ways", "[sim][interop]") {
  for_each_seed(3, [](std::uint64_t seed) {
    traced_pair pair({.seed = seed});
    pair.world.network.conditions.delay = 15ms;
    const auto begin = pair.world.network.now();
    pair.dial();
    REQUIRE(pair.world.run_until([&] { return !pair.client.opened.empty(); }, 1s));
    CHECK(pair.world.network.now() - begin == 30ms);
    REQUIRE(pair.world.run_until([&] { return !pair.server.opened.empty(); }, 1s));
    CHECK(pair.world.network.now() - begin == 45ms);
    pair.send_from_client(lane::normal, numbered_bytes(1024, 1));
    pair.send_from_server(lane::normal, numbered_bytes(1024, 2));
    REQUIRE(pair.world.run_until([&] { return pair.at_client(lane::normal) == numbered_bytes(1024, 2); }, 1s));
    REQUIRE(pair.world.run_until([&] { return pair.at_server(lane::normal) == numbered_bytes(1024, 1); }, 1s));
    CHECK(pair.client->connection_count() == 1);
    CHECK(pair.server->connection_count() == 1);
  });
}

TEST_CASE("interop: longrtt: a handshake and a file at 750 ms each way, with the timeouts of every day",
          "[sim][interop]") {
  for_each_seed(3, [](std::uint64_t seed) {
    traced_pair pair({.seed = seed});
    pair.world.network.conditions = usual_network();
    pair.world.network.conditions.delay = 750ms;
    REQUIRE(pair.connect());
    const auto file = numbered_bytes(100'000, 1);
    pair.send_from_client(lane::normal, file);
    REQUIRE(pair.world.run_until([&] { return arrived(pair, lane::normal, file); }, 30s));
    CHECK(pair.client.ended.empty());
    CHECK(pair.server->statistics().handshakes_completed == 1);
  });
}

TEST_CASE("interop: ipv6: the files arrive between addresses of version 6", "[sim][interop]") {
  for_each_seed(1, [](std::uint64_t seed) {
    const pair_options options{.seed = seed};
    traced_pair pair(config_of(tests::identity_of("client"), options, 1),
                     config_of(tests::identity_of("server"), options, 2), seed, "[fd00::");
    pair.world.network.conditions = usual_network();
    REQUIRE(pair.connect());
    CHECK(pair.server.opened.front().remote.to_string() == "[fd00::1]:4433");
    transfer(pair, 60s);
  });
}

TEST_CASE("interop: retry: a client that is sent a Retry proves its address, and a round trip later is connected",
          "[sim][interop]") {
  for_each_seed(3, [](std::uint64_t seed) {
    const pair_options options{.seed = seed};
    auto suspicious = config_of(tests::identity_of("server"), options, 2);
    suspicious.handshakes.unproven = 0;
    traced_pair pair(config_of(tests::identity_of("client"), options, 1), std::move(suspicious), seed);
    pair.world.network.conditions.delay = 15ms;
    const auto begin = pair.world.network.now();
    pair.dial();
    REQUIRE(pair.world.run_until([&] { return !pair.client.opened.empty(); }, 1s));
    CHECK(pair.world.network.now() - begin == 60ms);
    REQUIRE(pair.world.run_until([&] { return !pair.server.opened.empty(); }, 1s));
    CHECK(pair.world.network.now() - begin == 75ms);
    CHECK(pair.server->statistics().refusals[refusal_reason::address_unproven] == 1);
    pair.send_from_client(lane::normal, numbered_bytes(1024, 1));
    REQUIRE(pair.world.run_until([&] { return pair.at_server(lane::normal) == numbered_bytes(1024, 1); }, 1s));
  });
}

namespace {

std::string text_of(const std::filesystem::path& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

// An identity whose chain holds nine certificates more than it needs: a first flight beyond three datagrams.
std::shared_ptr<const credentials> long_winded_identity(const tests::temporary_directory& directory) {
  const auto ca = directory.path() / "ca", nodes = directory.path() / "nodes";
  tests::must(make_ca(ca));
  const auto files = tests::must(make_node_certificate("server", ca, nodes));
  std::ofstream chain(files.certificate, std::ios::app);
  for (int i = 0; i < 9; ++i)
    chain << text_of(tests::must(make_node_certificate("more" + std::to_string(i), ca, nodes)).certificate);
  chain.close();
  return tests::must(credentials::load({files.certificate, files.key, ca / "ca.pem"}));
}

}  // namespace

TEST_CASE("interop: amplificationlimit: a long chain waits for the client's address to be proven, and comes through",
          "[sim][interop]") {
  const tests::temporary_directory directory;
  const auto identity = long_winded_identity(directory);
  for_each_seed(5, [&](std::uint64_t seed) {
    const pair_options options{.seed = seed, .handshake_timeout = 60s, .idle_timeout = 60s};
    auto client = config_of(identity, options, 1);
    traced_pair pair(std::move(client), config_of(identity, options, 2), seed);
    auto& network = pair.world.network;
    // As the interop runner does: the client's second to seventh datagram are lost.
    int from_client = 0;
    std::size_t heard = 0, said = 0;
    bool proven = false, limit_was_met = false;
    network.steals = [&](const address& from, const address&, bytes_view) {
      if (!(from == pair.client.at())) return false;
      ++from_client;
      return from_client >= 2 && from_client <= 7;
    };
    network.on_sent = [&](const address& from, const address&, bytes_view datagram) {
      if (from == pair.server.at() && !proven) {
        said += datagram.size();
        limit_was_met = limit_was_met || said > 3 * heard - 1200;
        CHECK(said <= 3 * heard);
      } else if (from == pair.client.at() && (from_client == 0 || from_client >= 7)) {
        heard += datagram.size();
        // What follows the first one proves the address by its Handshake packets.
        proven = from_client >= 7;
      }
    };
    REQUIRE(pair.connect());
    CHECK(limit_was_met);
    CHECK(from_client > 7);
  });
}

TEST_CASE("interop: handshakeloss: fifty connections of fifty at 30 % loss, at most three in a row", "[sim][interop]") {
  for_each_seed(2, [](std::uint64_t seed) {
    traced_pair pair({.seed = seed, .handshake_timeout = 60s, .idle_timeout = 60s});
    pair.world.network.conditions = usual_network();
    pair.world.network.conditions.loss = 0.3;
    pair.world.network.conditions.losses_in_a_row_max = 3;
    CHECK(connect_again_and_again(pair, 50) == 50);
    CHECK(pair.world.network.counters().lost > 100);
  });
}

TEST_CASE("interop: handshakecorruption: fifty connections of fifty where 30 % of the datagrams arrive damaged",
          "[sim][interop]") {
  for_each_seed(2, [](std::uint64_t seed) {
    traced_pair pair({.seed = seed, .handshake_timeout = 60s, .idle_timeout = 60s});
    pair.world.network.conditions = usual_network();
    pair.world.network.conditions.corruption = 0.3;
    CHECK(connect_again_and_again(pair, 50) == 50);
    CHECK(pair.world.network.counters().corrupted > 100);
  });
}
