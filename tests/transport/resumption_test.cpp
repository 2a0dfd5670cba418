// Session tickets, resumption and early data: what is saved, and what must not come through by them.
#include <catch2/catch_test_macros.hpp>
#include <tests/transport/endpoint_pair.hpp>

#include <quicsync/transport/session_tickets.hpp>

using namespace quicsync;
using namespace quicsync::tests;
using namespace std::chrono_literals;

namespace {

shared_bytes hello(std::string_view text = "hello, digest") {
  return shared_bytes(byte_buffer(text.begin(), text.end()));
}
byte_buffer bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

/// A pair that has been connected once and is no more.
struct acquainted : endpoint_pair {
  using endpoint_pair::endpoint_pair;
  void meet() {
    REQUIRE(connect());
    world.run_for(100ms);
    client->close(client_id(), errc::none, "", world.network.now());
    REQUIRE(world.run_until([this] { return server->connection_count() == 0 && client->connection_count() == 0; }));
    world.run_for(10s);
    forget();
  }
  void forget() {
    for (auto* each : {&client, &server}) {
      each->opened.clear();
      each->early.clear();
      each->ended.clear();
      each->received.clear();
      each->received_early.clear();
    }
  }
  bool dial_again(shared_bytes early = {}) {
    must(client->connect(server.at(), "server", world.network.now(), std::move(early)));
    return world.run_until([this] { return !client.opened.empty() && !server.opened.empty(); }, 5s);
  }
};

}  // namespace

TEST_CASE("resumption: a second connection stands on the first one, and both sides know each other",
          "[endpoint][resumption]") {
  acquainted pair;
  pair.meet();
  REQUIRE(pair.dial_again());
  CHECK(pair.client.opened.front().resumed);
  CHECK(pair.server.opened.front().resumed);
  CHECK(pair.client.opened.front().peer.name == "server");
  CHECK(pair.client.opened.front().peer.verified);
  CHECK(pair.server.opened.front().peer.name == "client");
  CHECK(pair.server.opened.front().peer.verified);
  CHECK(pair.server.opened.front().peer.fingerprint == identity_of("client")->fingerprint());
  pair.send_from_client(lane::low, byte_buffer(5000, 1));
  REQUIRE(pair.world.run_until([&] { return pair.at_server(lane::low).size() == 5000; }));
}

TEST_CASE("resumption: each connection gives a new ticket, and a ticket is used once", "[endpoint][resumption]") {
  acquainted pair;
  pair.meet();
  for (int i = 0; i < 3; ++i) {
    REQUIRE(pair.dial_again());
    CHECK(pair.client.opened.front().resumed);
    pair.world.run_for(100ms);
    pair.forget();
  }
  // Two at the same time: there is one ticket.
  must(pair.client->connect(pair.server.at(), "server", pair.world.network.now()));
  must(pair.client->connect(pair.server.at(), "server", pair.world.network.now()));
  REQUIRE(pair.world.run_until([&] { return pair.client.opened.size() == 2; }));
  CHECK(pair.client.opened[0].resumed != pair.client.opened[1].resumed);
}

TEST_CASE("resumption: none where it is turned off on either side", "[endpoint][resumption]") {
  auto client = config_of(identity_of("client"), {}, 1), server = config_of(identity_of("server"), {}, 2);
  SECTION("client") { client.resumption = false; }
  SECTION("server") { server.resumption = false; }
  acquainted pair(client, server);
  pair.meet();
  REQUIRE(pair.dial_again(hello()));
  CHECK_FALSE(pair.client.opened.front().resumed);
  CHECK(pair.client.opened.front().early == early_data::none);
  REQUIRE(pair.world.run_until([&] { return pair.at_server(lane::control) == bytes_of("hello, digest"); }));
}

TEST_CASE("resumption: a ticket is of the name that was expected", "[endpoint][resumption]") {
  acquainted pair;
  pair.meet();
  must(pair.client->connect(pair.server.at(), "somebody-else", pair.world.network.now()));
  REQUIRE(pair.world.run_until([&] { return !pair.client.ended.empty(); }));
  CHECK(pair.client.ended.front().reason.code == errc::certificate_name);
}

TEST_CASE("early data: is with the server after half a round trip, marked as early", "[endpoint][early]") {
  acquainted pair;
  pair.meet();
  const auto dialled = pair.world.network.now();
  must(pair.client->connect(pair.server.at(), "server", dialled, hello()));
  REQUIRE(pair.world.run_until([&] { return !pair.server.received_early.empty(); }));
  CHECK(pair.world.network.now() - dialled == 5ms);
  CHECK(pair.server.opened.empty());
  REQUIRE(pair.server.early.size() == 1);
  CHECK(pair.server.early.front().peer.name == "client");
  CHECK(pair.server.early.front().peer.verified);
  const auto id = pair.server.early.front().id;
  REQUIRE(pair.world.run_until([&] { return !pair.client.opened.empty() && !pair.server.opened.empty(); }));
  CHECK(pair.server.opened.front().id == id);
  CHECK(pair.client.opened.front().early == early_data::accepted);
  CHECK(pair.server.received_early[id] == bytes_of("hello, digest"));
  // The lane goes on where the early bytes ended.
  pair.send_from_client(lane::control, bytes_of(" and more"));
  REQUIRE(pair.world.run_until([&] { return pair.at_server(lane::control) == bytes_of("hello, digest and more"); }));
  CHECK(pair.server.received_early[id] == bytes_of("hello, digest"));
  REQUIRE(pair.world.run_until([&] { return pair.acknowledged(lane::control) == 22; }));
}

TEST_CASE("early data: without a ticket the bytes are sent when the connection opens", "[endpoint][early]") {
  acquainted pair;
  REQUIRE(pair.dial_again(hello()));
  CHECK(pair.client.opened.front().early == early_data::none);
  REQUIRE(pair.world.run_until([&] { return pair.at_server(lane::control) == bytes_of("hello, digest"); }));
  CHECK(pair.server.received_early.empty());
  CHECK(pair.server.early.empty());
}

TEST_CASE("early data: what a restarted server cannot read is sent again, whole and once", "[endpoint][early]") {
  acquainted pair;
  pair.meet();
  pair.server.unplug();
  auto& restarted = pair.world.add(2, pair.make("server", {.seed = 42}));
  must(pair.client->connect(pair.server.at(), "server", pair.world.network.now(), hello()));
  REQUIRE(pair.world.run_until([&] { return !pair.client.opened.empty() && !restarted.opened.empty(); }, 5s));
  CHECK(pair.client.opened.front().early == early_data::rejected);
  CHECK_FALSE(pair.client.opened.front().resumed);
  const auto id = restarted.opened.front().id;
  REQUIRE(pair.world.run_until([&] { return restarted.received[{id, lane::control}] == bytes_of("hello, digest"); }));
  CHECK(restarted.received_early.empty());
  pair.send_from_client(lane::control, bytes_of("!"));
  pair.send_from_client(lane::high, bytes_of("x"));
  REQUIRE(pair.world.run_until([&] {
    return restarted.received[{id, lane::control}] == bytes_of("hello, digest!") &&
           restarted.received[{id, lane::high}] == bytes_of("x");
  }));
}

TEST_CASE("early data: arrives whole while three datagrams of ten are lost, early or not", "[endpoint][early]") {
  unsigned early = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    acquainted pair(pair_options{.seed = seed, .handshake_timeout = 60s, .idle_timeout = 60s});
    pair.meet();
    pair.world.network.conditions.loss = 0.3;
    const std::string text(3000, 'x');
    must(pair.client->connect(pair.server.at(), "server", pair.world.network.now(), hello(text)));
    REQUIRE(pair.world.run_until([&] { return !pair.client.opened.empty() && !pair.server.opened.empty(); }));
    REQUIRE(pair.world.run_until([&] { return pair.at_server(lane::control) == bytes_of(text); }));
    if (pair.client.opened.front().early == early_data::accepted) ++early;
  }
  CHECK(early > 10);
}

TEST_CASE("early data: goes through a Retry", "[endpoint][early][retry]") {
  auto server = config_of(identity_of("server"), {}, 2);
  server.handshakes.unproven = 0;
  acquainted pair(config_of(identity_of("client"), {}, 1), server);
  pair.meet();
  // The token of the first connection is used up by one that fails.
  pair.world.network.conditions.loss = 1;
  must(pair.client->connect(pair.server.at(), "server", pair.world.network.now()));
  pair.world.run_for(6s);
  pair.world.network.conditions.loss = 0;
  pair.forget();
  REQUIRE(pair.dial_again(hello()));
  REQUIRE(pair.world.run_until([&] { return pair.at_server(lane::control) == bytes_of("hello, digest"); }));
}

TEST_CASE("early data: more than the limit is not taken from the caller", "[endpoint][early]") {
  endpoint_pair pair;
  auto refused = pair.client->connect(pair.server.at(), "server", pair.world.network.now(),
                                      shared_bytes(byte_buffer(limits::early_bytes + 1)));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == errc::too_large);
}

TEST_CASE("early data: a captured first flight that is sent again is not taken a second time",
          "[endpoint][early][hostile]") {
  acquainted pair;
  pair.meet();
  std::vector<byte_buffer> flight;
  pair.world.network.on_sent = [&](const address& from, const address&, bytes_view datagram) {
    if (from == pair.client.at() && pair.server.early.empty()) flight.emplace_back(datagram.begin(), datagram.end());
  };
  must(pair.client->connect(pair.server.at(), "server", pair.world.network.now(), hello()));
  REQUIRE(pair.world.run_until([&] { return !pair.client.opened.empty() && !pair.server.opened.empty(); }));
  pair.world.network.on_sent = nullptr;
  REQUIRE(pair.server.early.size() == 1);
  const auto thief = address::parse("192.0.2.66:6666").value();
  SECTION("while the connection lives, from elsewhere") {
    for (const auto& each : flight) pair.world.network.send_datagram(thief, pair.server.at(), 0, each);
    pair.world.run_for(10s);
  }
  SECTION("when it is over, from elsewhere") {
    pair.client->close(pair.client_id(), errc::none, "", pair.world.network.now());
    pair.world.run_for(5s);
    for (const auto& each : flight) pair.world.network.send_datagram(thief, pair.server.at(), 0, each);
    pair.world.run_for(10s);
    CHECK(pair.server->statistics().refusals[refusal_reason::early_data_replayed] == 1);
  }
  SECTION("when it is over, from the same address") {
    pair.client->close(pair.client_id(), errc::none, "", pair.world.network.now());
    pair.world.run_for(5s);
    pair.client.unplug();
    for (const auto& each : flight) pair.world.network.send_datagram(pair.client.at(), pair.server.at(), 0, each);
    pair.world.run_for(10s);
    CHECK(pair.server->statistics().refusals[refusal_reason::early_data_replayed] == 1);
  }
  CHECK(pair.server.early.size() == 1);
  CHECK(pair.server.opened.size() == 1);
  CHECK(pair.server.received_early.size() == 1);
}

TEST_CASE("early data: a server that has dropped the client's CA meanwhile takes nothing",
          "[endpoint][early][identity]") {
  acquainted pair;
  pair.meet();
  // The same key, other trust.
  must(pair.server->reload(identity_of("server", "other"), {}, pair.world.network.now()));
  must(pair.client->connect(pair.server.at(), "", pair.world.network.now(), hello()));
  pair.world.run_for(5s);
  CHECK(pair.server.early.empty());
  CHECK(pair.server.received.empty());
  CHECK(pair.server.opened.empty());
}

TEST_CASE("early data: a client that no longer trusts the server sends it none", "[endpoint][early][identity]") {
  acquainted pair;
  pair.meet();
  must(pair.client->reload(identity_of("client"), {.pinned = {}, .denied = {identity_of("server")->fingerprint()}},
                           pair.world.network.now()));
  must(pair.client->connect(pair.server.at(), "server", pair.world.network.now(), hello()));
  pair.world.run_for(5s);
  CHECK(pair.server.early.empty());
  CHECK(pair.server.received.empty());
  REQUIRE(pair.client.ended.size() == 1);
  CHECK(pair.client.ended.front().reason.code == errc::not_allowed);
}

TEST_CASE("session tickets: a message is remembered for the window, and what cannot be remembered is refused",
          "[transport][early]") {
  int replayed = 0;
  auto tickets = must(tls::session_tickets::make([&] { ++replayed; }));
  CHECK(tickets->remember(1010, "a") == 0);
  CHECK(tickets->remember(1012, "b") == 0);
  CHECK(tickets->remember(1013, "a") != 0);
  CHECK(replayed == 1);
  // Ten seconds later its time is over, and GnuTLS refuses it for its age.
  CHECK(tickets->remember(1020, "a") == 0);
  CHECK(tickets->remember(1020, "b") != 0);
  for (std::size_t i = 0; i < limits::replay_entries - 2; ++i) CHECK(tickets->remember(1021, std::to_string(i)) == 0);
  CHECK(tickets->remember(1021, "one more") != 0);
  CHECK(replayed == 2);
}
