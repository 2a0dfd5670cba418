// Trust beside the CA and its change at run time: pinned keys, denied keys, another CA, another certificate; and the
// key log that is off.
#include <filesystem>
#include <fstream>

#include <catch2/catch_test_macros.hpp>
#include <stdlib.h>
#include <tests/transport/endpoint_pair.hpp>

using namespace quicsync;
using namespace quicsync::tests;
using namespace std::chrono_literals;

namespace {

std::string fingerprint(const std::string& name, const std::string& ca = "good") {
  return identity_of(name, ca)->fingerprint();
}
endpoint_config client_config(const std::string& ca = "good") { return config_of(identity_of("client", ca), {}, 1); }
endpoint_config server_config(trust_rules trust = {}) {
  auto config = config_of(identity_of("server"), {}, 2);
  config.trust = std::move(trust);
  return config;
}

}  // namespace

TEST_CASE("trust: a pinned key is let in under its name, whoever signed its certificate", "[endpoint][identity]") {
  auto client = client_config("other");
  client.trust.pinned = {{fingerprint("server"), "the-hub"}};
  endpoint_pair pair(client, server_config({.pinned = {{fingerprint("client", "other"), "edge-7"}}, .denied = {}}));
  REQUIRE(pair.connect("the-hub"));
  CHECK(pair.server.opened.front().peer.name == "edge-7");
  CHECK(pair.server.opened.front().peer.verified);
  CHECK(pair.client.opened.front().peer.name == "the-hub");
}

TEST_CASE("trust: a pinned key is not taken for another name", "[endpoint][identity]") {
  auto client = client_config();
  client.trust.pinned = {{fingerprint("server"), "the-hub"}};
  endpoint_pair pair(client, server_config());
  REQUIRE(pair.fail_to_connect("server"));
  CHECK(pair.client.ended.front().reason ==
        error{errc::certificate_name, "expected 'server', but the key is pinned as that of 'the-hub'"});
}

TEST_CASE("trust: a name that is pinned belongs to its key alone, whatever a CA has signed", "[endpoint][identity]") {
  endpoint_pair pair(client_config(), server_config({.pinned = {{std::string(64, '0'), "client"}}, .denied = {}}));
  REQUIRE(pair.fail_to_connect());
  CHECK(pair.server.ended.front().reason ==
        error{errc::certificate_untrusted, "'client' is pinned to another key than that of its certificate"});
  CHECK(pair.server->statistics().refusals[refusal_reason::certificate] == 1);
}

TEST_CASE("trust: a pinned key with an expired certificate is refused", "[endpoint][identity]") {
  auto late = config_of(identity_of("late", "good", 0), {}, 1);
  endpoint_pair pair(
      late, server_config({.pinned = {{identity_of("late", "good", 0)->fingerprint(), "late"}}, .denied = {}}));
  REQUIRE(pair.fail_to_connect());
  CHECK(pair.server.ended.front().reason.code == errc::certificate_expired);
}

TEST_CASE("trust: a denied key is refused, although CA and pin speak for it", "[endpoint][identity]") {
  const auto key = fingerprint("client");
  auto config = server_config({.pinned = {{key, "client"}}, .denied = {key}});
  SECTION("by a node that checks") {}
  SECTION("and by one that checks nothing else") { config.verify.check_peer = false; }
  endpoint_pair pair(client_config(), config);
  REQUIRE(pair.fail_to_connect());
  CHECK(pair.server.ended.front().reason.code == errc::not_allowed);
  CHECK(pair.client.ended.front().reason ==
        error{errc::certificate_refused, "the peer refused our certificate: access denied"});
}

TEST_CASE("reload: connections that are still trusted go on, in mid-transfer", "[endpoint][reload]") {
  endpoint_pair pair;
  REQUIRE(pair.connect());
  pair.send_from_client(lane::normal, byte_buffer(1'000'000, 3));
  REQUIRE(pair.world.run_until([&] { return pair.at_server(lane::normal).size() > 100'000; }));
  must(pair.server->reload(identity_of("server"), {.pinned = {}, .denied = {std::string(64, 'f')}},
                           pair.world.network.now()));
  must(pair.client->reload(identity_of("client"), {}, pair.world.network.now()));
  REQUIRE(pair.world.run_until([&] { return pair.at_server(lane::normal).size() == 1'000'000; }));
  CHECK(pair.client.ended.empty());
  CHECK(pair.server.ended.empty());
}

TEST_CASE("reload: a connection whose key is denied is closed, and both sides learn why", "[endpoint][reload]") {
  endpoint_pair pair;
  REQUIRE(pair.connect());
  must(pair.server->reload(identity_of("server"), {.pinned = {}, .denied = {fingerprint("client")}},
                           pair.world.network.now()));
  REQUIRE(pair.world.run_until([&] { return !pair.server.ended.empty() && !pair.client.ended.empty(); }, 1s));
  CHECK(pair.server.ended.front().reason ==
        error{errc::not_allowed, "the key of the certificate of 'client' is denied here"});
  CHECK(pair.server.ended.front().opened);
  CHECK(pair.client.ended.front().reason.code == errc::connection_closed);
  CHECK(pair.client.ended.front().peer_code == errc::not_allowed);
  CHECK(pair.server->statistics().refusals[refusal_reason::trust_withdrawn] == 1);
}

TEST_CASE("reload: connections under a CA that is no longer trusted are closed, and new ones are refused",
          "[endpoint][reload]") {
  endpoint_pair pair;
  REQUIRE(pair.connect());
  must(pair.server->reload(identity_of("server", "other"), {}, pair.world.network.now()));
  REQUIRE(pair.world.run_until([&] { return !pair.server.ended.empty() && !pair.client.ended.empty(); }, 1s));
  CHECK(pair.server.ended.front().reason.code == errc::certificate_untrusted);
  pair.client.ended.clear();
  pair.dial("");
  REQUIRE(pair.world.run_until([&] { return !pair.client.ended.empty(); }, 2s));
  CHECK(pair.client.ended.front().reason.code == errc::certificate_untrusted);
}

TEST_CASE("reload: a handshake that is under way is judged by the new trust", "[endpoint][reload]") {
  endpoint_pair pair;
  pair.dial();
  // The client's certificate is on its way.
  REQUIRE(pair.world.run_until([&] { return !pair.client.opened.empty(); }));
  REQUIRE(pair.server.opened.empty());
  must(pair.server->reload(identity_of("server"), {.pinned = {}, .denied = {fingerprint("client")}},
                           pair.world.network.now()));
  REQUIRE(pair.world.run_until([&] { return !pair.server.ended.empty() && !pair.client.ended.empty(); }, 2s));
  CHECK(pair.server.opened.empty());
  CHECK(pair.server.ended.front().reason.code == errc::not_allowed);
}

TEST_CASE("reload: new connections are met with the new certificate", "[endpoint][reload]") {
  endpoint_pair pair;
  REQUIRE(pair.connect());
  must(pair.server->reload(identity_of("renewed"), {}, pair.world.network.now()));
  pair.dial("renewed");
  REQUIRE(pair.world.run_until([&] { return pair.client.opened.size() == 2; }, 2s));
  CHECK(pair.client.opened.back().peer.name == "renewed");
  CHECK(pair.client.ended.empty());
}

TEST_CASE("reload: a useless identity changes nothing", "[endpoint][reload]") {
  endpoint_pair pair;
  CHECK_FALSE(pair.server->reload(nullptr, {}, pair.world.network.now()));
  CHECK_FALSE(pair.server->reload(must(credentials::make_insecure("x")), {}, pair.world.network.now()));
  REQUIRE(pair.connect());
}

TEST_CASE("key log: is written only where it is asked for, not for an environment variable", "[endpoint][identity]") {
  temporary_directory directory;
  const auto unasked = directory.path() / "unasked", asked = directory.path() / "asked";
  REQUIRE(setenv("SSLKEYLOGFILE", unasked.c_str(), 1) == 0);
  {
    endpoint_pair pair;
    REQUIRE(pair.connect());
  }
  unsetenv("SSLKEYLOGFILE");
  CHECK_FALSE(std::filesystem::exists(unasked));
  auto config = client_config();
  config.log_secrets = must(open_key_log(asked));
  endpoint_pair pair(config, server_config());
  REQUIRE(pair.connect());
  std::ifstream file(asked);
  std::string line;
  bool found = false;
  while (std::getline(file, line)) {
    CHECK(line.find(' ') != std::string::npos);
    found = found || line.starts_with("CLIENT_TRAFFIC_SECRET_0 ");
  }
  CHECK(found);
  CHECK((std::filesystem::status(asked).permissions() & std::filesystem::perms::mask) ==
        (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
}
