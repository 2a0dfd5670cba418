// What a peer with a good certificate may do wrong once it is connected: its connection ends with a reason, and nothing
// else happens.
#include <catch2/catch_test_macros.hpp>
#include <tests/transport/endpoint_pair.hpp>
#include <tests/transport/rogue_client.hpp>

using namespace quicsync;
using namespace quicsync::tests;
using namespace std::chrono_literals;

namespace {

struct scene {
  endpoint_world world{1};
  simulated_endpoint& server = world.add(2, endpoint_pair::make("server", {}));
  rogue_client rogue{world.network, address::parse("10.0.0.13:1313").value(), server.at()};

  scene() {
    REQUIRE(world.run_until([&] {
      rogue.flush();
      return !server.opened.empty();
    }));
    CHECK(server.opened.front().peer.name == "rogue");
  }
  /// The text with which the server's endpoint reports the end.
  error outcome() {
    world.run_until(
        [&] {
          rogue.flush();
          return !server.ended.empty();
        },
        2s);
    world.run_for(50ms);
    return server.ended.empty() ? error{} : server.ended.front().reason;
  }
};

}  // namespace

TEST_CASE("rogue: lanes in any order are fine", "[endpoint][hostile]") {
  scene here;
  const byte_buffer low{3, 'a', 'b'}, control{0, 'c'};
  here.rogue.write(here.rogue.open(), low);
  here.rogue.write(here.rogue.open(), control);
  here.world.run_for(100ms);
  const auto id = here.server.opened.front().id;
  CHECK(here.server.received[{id, lane::low}] == byte_buffer{'a', 'b'});
  CHECK(here.server.received[{id, lane::control}] == byte_buffer{'c'});
}

TEST_CASE("rogue: a lane that does not exist ends the connection", "[endpoint][hostile]") {
  scene here;
  const byte_buffer bytes{4, 'x'};
  here.rogue.write(here.rogue.open(), bytes);
  CHECK(here.outcome() == error{errc::quic_failed, "the peer opened lane 4, which does not exist"});
  CHECK(here.rogue.farewell() == "the peer opened lane 4, which does not exist");
}

TEST_CASE("rogue: the same lane twice ends the connection", "[endpoint][hostile]") {
  scene here;
  const byte_buffer bytes{1};
  here.rogue.write(here.rogue.open(), bytes);
  here.rogue.write(here.rogue.open(), bytes);
  CHECK(here.outcome() == error{errc::quic_failed, "the peer opened the high lane twice"});
}

TEST_CASE("rogue: a lane that is finished ends the connection", "[endpoint][hostile]") {
  scene here;
  const byte_buffer bytes{1, 'x'};
  const auto stream = here.rogue.open();
  SECTION("with bytes") { here.rogue.write(stream, bytes, true); }
  SECTION("before its lane byte") { here.rogue.write(stream, {}, true); }
  CHECK(here.outcome() == error{errc::quic_failed, "the peer ended a lane"});
}

TEST_CASE("rogue: a lane that is reset ends the connection", "[endpoint][hostile]") {
  scene here;
  const byte_buffer bytes{1, 'x'};
  const auto stream = here.rogue.open();
  here.rogue.write(stream, bytes);
  here.rogue.reset(stream);
  CHECK(here.outcome() == error{errc::quic_failed, "the peer reset a lane"});
}

// GnuTLS would answer a KeyUpdate with new keys, and ngtcp2's assertion on them would end the process.
TEST_CASE("rogue: TLS messages after the handshake end the connection, not the process", "[endpoint][hostile]") {
  scene here;
  SECTION("key update") { here.rogue.speak_tls(byte_buffer{24, 0, 0, 1, 0}); }
  SECTION("session ticket") { here.rogue.speak_tls(byte_buffer{4, 0, 0, 1, 0}); }
  SECTION("noise") { here.rogue.speak_tls(byte_buffer{0xff, 0xff, 0xff}); }
  CHECK(here.outcome() == error{errc::quic_failed, "the peer sent TLS messages after the handshake"});
  CHECK(here.rogue.farewell_code() == 0x100 + 10);
}
