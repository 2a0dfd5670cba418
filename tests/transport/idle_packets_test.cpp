// Peers with a good certificate that send more than there is use for: each loses its connection with a reason that is
// counted, and honest ones beside it notice nothing.
#include <catch2/catch_test_macros.hpp>
#include <tests/transport/endpoint_pair.hpp>
#include <tests/transport/rogue_client.hpp>

using namespace quicsync;
using namespace quicsync::tests;
using namespace std::chrono_literals;

namespace {

struct scene {
  endpoint_world world{1};
  simulated_endpoint& server;
  simulated_endpoint& honest = world.add(1, endpoint_pair::make("client", {}));
  rogue_client rogue{world.network, address::parse("10.0.0.13:1313").value(), server.at()};

  static endpoint_config config() {
    auto made = config_of(identity_of("server"), {}, 3);
    made.idle_packets_at_once = 2000;
    return made;
  }
  scene() : server(world.add(2, must(endpoint::make(config())))) {
    must(honest->connect(server.at(), "server", world.network.now()));
    REQUIRE(world.run_until([&] {
      rogue.flush();
      return server.opened.size() == 2 && !honest.opened.empty();
    }));
  }
  void transfer(std::size_t bytes) {
    must(honest->send(honest.opened.front().id, lane::normal, shared_bytes(byte_buffer(bytes, 7))));
  }
  std::uint64_t counted(refusal_reason why) { return server->statistics().refusals[why]; }
};

}  // namespace

TEST_CASE("flood: packets that bring nothing end the connection when there are too many", "[endpoint][hostile]") {
  scene here;
  here.transfer(2'000'000);
  for (int i = 0; i < 400 && here.server.ended.empty(); ++i) {
    for (int j = 0; j < 50; ++j) here.rogue.give_credit();
    here.world.run_for(1ms);
  }
  REQUIRE(here.server.ended.size() == 1);
  CHECK(here.server.ended.front().reason.code == errc::flood);
  CHECK(here.counted(refusal_reason::flood) == 1);
  REQUIRE(here.world.run_until(
      [&] { return !here.honest.acknowledged.empty() && here.honest.acknowledged.begin()->second == 2'000'000; }));
  CHECK(here.honest.ended.empty());
}

TEST_CASE("flood: as many at a bearable rate do not", "[endpoint][hostile]") {
  scene here;
  for (int i = 0; i < 4000 && here.server.ended.empty(); ++i) {
    here.rogue.give_credit();
    here.world.run_for(1ms);
  }
  CHECK(here.server.ended.empty());
}

TEST_CASE("flood: datagrams that are not genuine count for nobody", "[endpoint][hostile]") {
  scene here;
  byte_buffer overheard;
  here.world.network.on_sent = [&](const address& from, const address&, bytes_view datagram) {
    if (from == here.honest.at() && (datagram[0] & 0x80) == 0) overheard.assign(datagram.begin(), datagram.end());
  };
  here.transfer(1000);
  here.world.run_for(100ms);
  REQUIRE(overheard.size() > 40);
  here.world.network.on_sent = nullptr;
  overheard.back() ^= 1;
  for (int i = 0; i < 5000; ++i) {
    here.world.network.send_datagram(here.honest.at(), here.server.at(), 0, overheard);
    if (i % 100 == 0) here.world.run_for(1ms);
  }
  here.world.run_for(1s);
  CHECK(here.server.ended.empty());
  CHECK(here.honest.ended.empty());
}

TEST_CASE("flood: misused lanes are counted as such", "[endpoint][hostile]") {
  scene here;
  const byte_buffer bytes{1, 'x'};
  const auto stream = here.rogue.open();
  here.rogue.write(stream, bytes);
  here.rogue.reset(stream);
  here.world.run_until(
      [&] {
        here.rogue.flush();
        return !here.server.ended.empty();
      },
      2s);
  CHECK(here.counted(refusal_reason::lanes_misused) == 1);
}
