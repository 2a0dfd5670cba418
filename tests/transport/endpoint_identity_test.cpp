// Who is let in: every way in which one side can refuse the other, and what both are told.
#include <catch2/catch_test_macros.hpp>
#include <tests/transport/endpoint_pair.hpp>

using namespace quicsync;
using namespace quicsync::tests;
using namespace std::chrono_literals;

namespace {

endpoint_config client_config(std::shared_ptr<const credentials> identity) {
  return config_of(std::move(identity), {}, 1);
}
endpoint_config server_config(std::shared_ptr<const credentials> identity) {
  return config_of(std::move(identity), {}, 2);
}

/// A client that trusts everybody, as `--insecure`.
endpoint_config insecure_config(std::shared_ptr<const credentials> identity, std::uint64_t salt) {
  auto config = config_of(std::move(identity), {}, salt);
  config.verify.check_peer = false;
  return config;
}

bool mentions(const std::string& text, std::string_view what) { return text.find(what) != std::string::npos; }

}  // namespace

TEST_CASE("identity: a client of another CA is refused, and both sides learn why", "[endpoint][identity]") {
  auto config = client_config(identity_of("intruder", "other"));
  config.verify.check_peer = false;  // else it would refuse the server first
  endpoint_pair pair(config, server_config(identity_of("server")));
  REQUIRE(pair.fail_to_connect());
  const auto& here = pair.server.ended.front();
  CHECK(here.reason.code == errc::certificate_untrusted);
  CHECK(mentions(here.reason.context, "certificate of 'intruder' is not signed by a trusted CA"));
  CHECK(here.incoming);
  CHECK_FALSE(here.opened);
  const auto& there = pair.client.ended.front();
  CHECK(there.reason.code == errc::certificate_refused);
  CHECK(there.reason.context == "the peer refused our certificate: unknown CA");
  CHECK(pair.server.opened.empty());
  CHECK(pair.server->statistics().handshakes_refused == 1);
}

TEST_CASE("identity: a server of another CA is refused by the client", "[endpoint][identity]") {
  endpoint_pair pair(client_config(identity_of("client")), server_config(identity_of("server", "other")));
  REQUIRE(pair.fail_to_connect());
  CHECK(pair.client.ended.front().reason.code == errc::certificate_untrusted);
  CHECK(mentions(pair.client.ended.front().reason.context, "certificate of 'server'"));
  CHECK(pair.server.ended.front().reason.code == errc::certificate_refused);
  CHECK(mentions(pair.server.ended.front().reason.context, "unknown CA"));
  CHECK(pair.client.opened.empty());
}

TEST_CASE("identity: an expired client certificate is refused with its date", "[endpoint][identity]") {
  endpoint_pair pair(client_config(identity_of("late", "good", 0)), server_config(identity_of("server")));
  REQUIRE(pair.fail_to_connect());
  CHECK(pair.server.ended.front().reason.code == errc::certificate_expired);
  CHECK(mentions(pair.server.ended.front().reason.context, "certificate of 'late' has expired on 20"));
  CHECK(pair.client.ended.front().reason ==
        error{errc::certificate_refused, "the peer refused our certificate: expired"});
}

TEST_CASE("identity: an expired server certificate is refused by the client", "[endpoint][identity]") {
  endpoint_pair pair(client_config(identity_of("client")), server_config(identity_of("server", "good", 0)));
  REQUIRE(pair.fail_to_connect());
  CHECK(pair.client.ended.front().reason.code == errc::certificate_expired);
  CHECK(pair.server.ended.front().reason ==
        error{errc::certificate_refused, "the peer refused our certificate: expired"});
}

TEST_CASE("identity: a client without a certificate is refused", "[endpoint][identity]") {
  auto config = insecure_config(nullptr, 1);
  config.accept = false;
  endpoint_pair pair(config, server_config(identity_of("server")));
  REQUIRE(pair.fail_to_connect());
  CHECK(pair.server.ended.front().reason == error{errc::certificate_missing, "the peer gave no certificate"});
  CHECK(pair.client.ended.front().reason ==
        error{errc::certificate_refused, "the peer refused our certificate: it requires a certificate"});
}

TEST_CASE("identity: a throw-away identity is refused by a node that checks", "[endpoint][identity]") {
  endpoint_pair pair(insecure_config(must(credentials::make_insecure("somebody")), 1),
                     server_config(identity_of("server")));
  REQUIRE(pair.fail_to_connect());
  CHECK(pair.server.ended.front().reason.code == errc::certificate_untrusted);
  CHECK(pair.client.ended.front().reason.code == errc::certificate_refused);
}

TEST_CASE("identity: a server with another name than expected is refused", "[endpoint][identity]") {
  endpoint_pair pair;
  REQUIRE(pair.fail_to_connect("somebody-else"));
  CHECK(pair.client.ended.front().reason ==
        error{errc::certificate_name, "expected 'somebody-else', but the certificate is that of 'server'"});
  CHECK(pair.server.ended.front().reason.code == errc::certificate_refused);
  CHECK(pair.client.opened.empty());
}

TEST_CASE("identity: without an expected name the chain alone counts", "[endpoint][identity]") {
  endpoint_pair pair;
  REQUIRE(pair.connect(""));
  CHECK(pair.client.opened.front().peer.name == "server");
}

TEST_CASE("identity: names are compared without regard to case, as host names are", "[endpoint][identity]") {
  endpoint_pair pair;
  CHECK(pair.connect("SERVER"));
}

TEST_CASE("identity: another protocol is refused on both sides", "[endpoint][identity]") {
  auto config = client_config(identity_of("client"));
  config.protocol = "something-else/7";
  endpoint_pair pair(config, server_config(identity_of("server")));
  REQUIRE(pair.fail_to_connect());
  CHECK(pair.server.ended.front().reason.code == errc::no_common_protocol);
  CHECK(pair.server.ended.front().reason.context == "the peer does not speak quicsync/1");
  CHECK(pair.client.ended.front().reason.code == errc::no_common_protocol);
  CHECK(pair.client.ended.front().reason.context == "the peer does not speak something-else/7");
}

TEST_CASE("identity: two nodes that check nothing connect, and say that nothing is verified", "[endpoint][identity]") {
  endpoint_pair pair(insecure_config(must(credentials::make_insecure("one")), 1),
                     insecure_config(must(credentials::make_insecure("two")), 2));
  REQUIRE(pair.connect(""));
  CHECK(pair.server.opened.front().peer.name == "one");
  CHECK_FALSE(pair.server.opened.front().peer.verified);
  CHECK(pair.server.opened.front().peer.fingerprint.size() == 64);
  CHECK_FALSE(pair.client.opened.front().peer.verified);
}

TEST_CASE("identity: where clients need no certificate, one without is let in and one with is recognised",
          "[endpoint][identity]") {
  auto lenient = server_config(identity_of("server"));
  lenient.verify.require_client_certificate = false;
  SECTION("none") {
    auto config = insecure_config(nullptr, 1);
    config.accept = false;
    endpoint_pair pair(config, lenient);
    REQUIRE(pair.connect(""));
    CHECK(pair.server.opened.front().peer == peer_identity{});
  }
  SECTION("a good one") {
    endpoint_pair pair(client_config(identity_of("client")), lenient);
    REQUIRE(pair.connect());
    CHECK(pair.server.opened.front().peer.verified);
  }
  SECTION("one of another CA") {
    endpoint_pair pair(insecure_config(identity_of("intruder", "other"), 1), lenient);
    REQUIRE(pair.connect(""));
    CHECK_FALSE(pair.server.opened.front().peer.verified);
  }
}

TEST_CASE("identity: a refusal is told although the first close is lost", "[endpoint][identity]") {
  auto config = client_config(identity_of("intruder", "other"));
  config.verify.check_peer = false;
  endpoint_pair pair(config, server_config(identity_of("server")));
  // The server's 2nd flight is the refusal: it is lost as a whole, once.
  pair.dial();
  REQUIRE(pair.world.run_until([&] { return !pair.client.opened.empty(); }));
  REQUIRE(pair.world.run_until([&] {
    pair.world.network.conditions.loss = pair.server.ended.empty() ? 0 : 1;
    return !pair.server.ended.empty();
  }));
  pair.world.network.conditions.loss = 0;
  REQUIRE(pair.world.run_until([&] { return !pair.client.ended.empty(); }, 2s));
  CHECK(pair.client.ended.front().reason.code == errc::certificate_refused);
}

TEST_CASE("identity: each packet of a refusal travels in a datagram of its own", "[endpoint][identity]") {
  auto config = client_config(identity_of("intruder", "other"));
  config.verify.check_peer = false;
  endpoint_pair pair(config, server_config(identity_of("server")));
  std::vector<std::size_t> last_flight;
  auto at = pair.world.network.now();
  pair.world.network.on_sent = [&](const address& from, const address&, bytes_view datagram) {
    if (!(from == pair.server.at())) return;
    if (at != pair.world.network.now()) last_flight.clear();
    at = pair.world.network.now();
    last_flight.push_back(datagram.size());
  };
  REQUIRE(pair.fail_to_connect());
  CHECK(last_flight.size() >= 2);
}

TEST_CASE("identity: an endpoint that could check nobody is not made", "[endpoint][identity]") {
  const auto why = [](endpoint_config config) {
    auto made = endpoint::make(std::move(config));
    return made ? errc::none : made.error().code;
  };
  CHECK(why(client_config(nullptr)) == errc::bad_certificate);
  CHECK(why(client_config(must(credentials::make_insecure("x")))) == errc::bad_certificate);
  auto config = client_config(identity_of("client"));
  config.datagram_bytes = 100;
  CHECK(why(config) == errc::bad_config);
}
