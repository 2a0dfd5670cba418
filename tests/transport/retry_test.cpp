// Address validation, RFC 9000 section 8.1: Retry where many handshakes are open, tokens for the next connection, and
// what a forged or stale token brings.
#include <catch2/catch_test_macros.hpp>
#include <tests/transport/endpoint_pair.hpp>

using namespace quicsync;
using namespace quicsync::tests;
using namespace std::chrono_literals;

namespace {

constexpr std::uint8_t retry_packet = 0xf0, initial_packet = 0xc0;

/// What long-header packets of a kind went which way.
struct observer {
  explicit observer(endpoint_pair& pair) {
    pair.world.network.on_sent = [this, &pair](const address& from, const address&, bytes_view datagram) {
      const auto kind = static_cast<std::uint8_t>(datagram[0] & 0xf0);
      if (from == pair.server.at() && kind == retry_packet) ++retries;
      if (from == pair.client.at() && kind == initial_packet) initials.emplace_back(datagram.begin(), datagram.end());
    };
  }
  int retries = 0;
  std::vector<byte_buffer> initials;
};

endpoint_config always_retry(const pair_options& options = {}) {
  auto config = config_of(identity_of("server"), options, 2);
  config.handshakes.unproven = 0;
  return config;
}
endpoint_config client_of(const pair_options& options = {}) { return config_of(identity_of("client"), options, 1); }

/// The client's hello with a token in front of it, as RFC 9000 section 17.2.2 has it. Its packet cannot be decrypted:
/// tokens are read before.
byte_buffer with_token(bytes_view initial, bytes_view token) {
  const std::size_t dcid = initial[5], scid = initial[6 + dcid];
  const auto token_at = static_cast<std::ptrdiff_t>(7 + dcid + scid);
  REQUIRE(initial[static_cast<std::size_t>(token_at)] == 0);
  byte_buffer out(initial.begin(), initial.begin() + token_at);
  out.push_back(0x40);
  out.push_back(static_cast<std::uint8_t>(token.size()));
  out.insert(out.end(), token.begin(), token.end());
  out.insert(out.end(), initial.begin() + token_at + 1, initial.end());
  // The length field counts what follows it, and nothing of that has changed.
  return out;
}

bytes_view token_of(bytes_view initial) {
  const std::size_t dcid = initial[5], scid = initial[6 + dcid];
  const auto at = 7 + dcid + scid;
  if ((initial[at] & 0xc0) == 0) return initial.subspan(at + 1, initial[at]);
  return initial.subspan(at + 2, static_cast<std::size_t>((initial[at] & 0x3f) << 8 | initial[at + 1]));
}

}  // namespace

TEST_CASE("retry: a client that is asked to prove its address does so and connects", "[endpoint][retry]") {
  endpoint_pair pair(client_of(), always_retry());
  observer seen(pair);
  REQUIRE(pair.connect());
  CHECK(seen.retries == 1);
  CHECK(pair.server->statistics().refusals[refusal_reason::address_unproven] == 1);
  pair.send_from_client(lane::normal, byte_buffer(10'000, 7));
  REQUIRE(pair.world.run_until([&] { return pair.at_server(lane::normal).size() == 10'000; }));
}

TEST_CASE("retry: fifty of fifty connect through a Retry while two datagrams of ten are lost", "[endpoint][retry]") {
  int succeeded = 0;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    const pair_options options{.seed = seed, .handshake_timeout = 60s, .idle_timeout = 60s};
    endpoint_pair pair(client_of(options), always_retry(options), seed);
    pair.world.network.conditions.loss = 0.2;
    if (pair.connect()) ++succeeded;
  }
  CHECK(succeeded == 50);
}

TEST_CASE("retry: nothing is asked of the first few clients", "[endpoint][retry]") {
  endpoint_pair pair;
  observer seen(pair);
  for (int i = 0; i < 50; ++i) pair.dial();
  REQUIRE(pair.world.run_until([&] { return pair.server.opened.size() == 50; }));
  CHECK(seen.retries == 0);
}

TEST_CASE("retry: a token from an earlier connection spares the round trip, once", "[endpoint][retry]") {
  endpoint_pair pair(client_of(), always_retry());
  observer seen(pair);
  REQUIRE(pair.connect());
  pair.world.run_for(100ms);
  CHECK(seen.retries == 1);
  const auto again = [&](std::size_t count) {
    pair.dial();
    return pair.world.run_until(
        [&] { return pair.server.opened.size() == count && pair.client.opened.size() == count; });
  };
  REQUIRE(again(2));
  CHECK(seen.retries == 1);
  // Two at the same time: there is one token.
  pair.world.run_for(100ms);
  pair.dial();
  REQUIRE(again(4));
  CHECK(seen.retries == 2);
}

TEST_CASE("retry: an old token is as good as none", "[endpoint][retry]") {
  endpoint_pair pair(client_of({.idle_timeout = 100h, .keep_alive = 0ms}),
                     always_retry({.idle_timeout = 100h, .keep_alive = 0ms}));
  observer seen(pair);
  REQUIRE(pair.connect());
  pair.world.run_for(limits::address_token_lifetime + 1s);
  pair.dial();
  REQUIRE(pair.world.run_until([&] { return pair.server.opened.size() == 2; }));
  CHECK(seen.retries == 2);
}

TEST_CASE("retry: the answer to a Retry is good for one address and for a short time", "[endpoint][retry][hostile]") {
  endpoint_pair pair(client_of(), always_retry());
  observer seen(pair);
  REQUIRE(pair.connect());
  pair.world.run_for(100ms);
  REQUIRE(seen.initials.size() >= 2);
  const auto answer = seen.initials[1];
  REQUIRE(token_of(answer).size() > 50);
  const auto elsewhere = address::parse("192.0.2.66:6666").value();
  int replies = 0;
  pair.world.network.attach(elsewhere, [&](const address&, const address&, std::uint8_t, bytes_view) { ++replies; });
  // Its connection and the traces of it are gone, or the packet would be taken for one of those.
  pair.client->close(pair.client_id(), errc::none, "", pair.world.network.now());
  pair.world.run_for(10s);
  // From elsewhere.
  pair.world.network.send_datagram(elsewhere, pair.server.at(), 0, answer);
  pair.world.run_for(100ms);
  CHECK(pair.server->statistics().refusals[refusal_reason::invalid_token] == 1);
  CHECK(replies == 1);
  // Too late.
  pair.world.run_for(limits::retry_token_lifetime);
  pair.world.network.send_datagram(pair.client.at(), pair.server.at(), 0, answer);
  pair.world.run_for(100ms);
  CHECK(pair.server->statistics().refusals[refusal_reason::invalid_token] == 2);
  CHECK(pair.server->connection_count() == 0);
  CHECK(pair.server.opened.size() == 1);
}

TEST_CASE("retry: forged tokens of every length bring nobody in and end nothing", "[endpoint][retry][hostile]") {
  endpoint_pair pair(client_of(), always_retry());
  observer seen(pair);
  pair.dial();
  pair.client.flush();
  REQUIRE(seen.initials.size() == 1);
  const auto first = seen.initials.front();
  seeded_random random(4);
  for (std::size_t size = 1; size < 250; ++size) {
    byte_buffer token(size);
    random.fill(token.data(), size);
    for (const std::uint8_t magic : {0xb6, 0xb7, 0x36, 0x00}) {
      token[0] = magic;
      pair.world.network.send_datagram(address::parse("192.0.2.66:6666").value(), pair.server.at(), 0,
                                       with_token(first, token));
    }
  }
  pair.world.run_for(1s);
  CHECK(pair.server->statistics().refusals[refusal_reason::invalid_token] == 249);
  CHECK(pair.server.opened.size() == 1);
  CHECK(pair.server->connection_count() == 1);
}

TEST_CASE("retry: a server that started anew tells a client with the old one's token at once", "[endpoint][retry]") {
  endpoint_pair pair(client_of(), always_retry());
  observer seen(pair);
  // The Retry reaches the client, and the server is another one when the answer comes.
  pair.dial();
  REQUIRE(pair.world.run_until([&] { return seen.initials.size() == 2; }));
  pair.server.unplug();
  auto& restarted = pair.world.add(2, must(endpoint::make(always_retry({.seed = 9}))));
  REQUIRE(pair.world.run_until([&] { return !pair.client.ended.empty(); }, 1s));
  CHECK(pair.client.ended.front().reason.code == errc::quic_failed);
  CHECK(pair.client.ended.front().reason.context.find("invalid token") != std::string::npos);
  CHECK(restarted.opened.empty());
}
