// Cases of the QUIC interop runner in which a client does what our endpoints never ask for: chacha20, keyupdate,
// connectionmigration. The client is ngtcp2 driven by hand, with our TLS; the server is our endpoint.
#include <tests/sim/interop.hpp>
#include <tests/transport/rogue_client.hpp>

using namespace quicsync;
using namespace quicsync::interop;
using sim::for_each_seed;

namespace {

constexpr std::size_t file_bytes = 3u << 20;

class by_hand {
 public:
  explicit by_hand(std::uint64_t seed, const char* tls_priorities = nullptr,
                   std::uint64_t lane_window_bytes = limits::lane_window_bytes)
      : world(seed),
        server(world.add(2, endpoint_pair::make("server", {.seed = seed, .lane_window_bytes = lane_window_bytes}))),
        client(world.network, address::parse("10.0.0.1:4433").value(), server.at(), tls_priorities) {
    world.network.conditions.delay = 15ms;
    REQUIRE(run_until([&] { return !server.opened.empty() && client.connected(); }, 1s));
    // The handshake is confirmed, and the server has given connection ids for other paths.
    run_for(100ms);
  }

  bool run_until(const std::function<bool()>& done, std::chrono::nanoseconds patience) {
    return world.run_until(
        [&] {
          client.flush();
          return done();
        },
        patience);
  }
  void run_for(std::chrono::nanoseconds time) {
    run_until([] { return false; }, time);
  }

  /// A file each way at once; `meanwhile` is asked with what the server has of its file.
  void exchange(const std::function<void(std::size_t)>& meanwhile = {}) {
    const auto id = server.opened.front().id;
    const auto up = numbered_bytes(file_bytes, 1);
    byte_buffer lane_and_up{static_cast<std::uint8_t>(lane::normal)};
    lane_and_up.insert(lane_and_up.end(), up.begin(), up.end());
    tests::must(server->send(id, lane::high, shared_bytes(numbered_bytes(file_bytes, 2))));
    const auto stream = client.open();
    constexpr std::size_t piece_bytes = 1000;
    std::size_t sent = 0;
    const auto& got = server.received[{id, lane::normal}];
    const bool whole = run_until(
        [&] {
          while (sent < lane_and_up.size()) {
            const auto count = std::min(piece_bytes, lane_and_up.size() - sent);
            const auto taken = client.write(stream, bytes_view(lane_and_up).subspan(sent, count));
            if (taken == 0) break;
            sent += taken;
          }
          if (meanwhile) meanwhile(got.size());
          return got.size() == up.size() && client.received_bytes() == file_bytes + 1;
        },
        60s);
    REQUIRE(whole);
    CHECK(got == up);
    CHECK(server.ended.empty());
  }

  tests::endpoint_world world;
  tests::simulated_endpoint& server;
  tests::rogue_client client;
};

}  // namespace

TEST_CASE("interop: chacha20: files go both ways where the client offers nothing else", "[sim][interop]") {
  for_each_seed(1, [](std::uint64_t seed) {
    by_hand here(seed,
                 "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+CHACHA20-POLY1305:-GROUP-ALL:+GROUP-X25519:"
                 "%DISABLE_TLS13_COMPAT_MODE");
    CHECK(here.client.cipher() == "CHACHA20-POLY1305");
    here.exchange();
  });
}

TEST_CASE("interop: by itself AES-128 is taken", "[sim][interop]") {
  by_hand here(1);
  CHECK(here.client.cipher() == "AES-128-GCM");
}

TEST_CASE("interop: keyupdate: the client renews its keys again and again in mid-transfer", "[sim][interop]") {
  for_each_seed(1, [](std::uint64_t seed) {
    // A narrow window makes the transfer last: keys may change again three probe timeouts after the last change.
    by_hand here(seed, nullptr, 64u << 10);
    int updates = 0;
    here.exchange([&](std::size_t got) {
      // Each one is allowed only after the server has answered under the new keys of the one before.
      if (got > static_cast<std::size_t>(updates + 1) * file_bytes / 8 && here.client.update_keys()) ++updates;
    });
    CHECK(updates >= 3);
  });
}

TEST_CASE("interop: connectionmigration: the client goes on from other addresses, and the server follows",
          "[sim][interop]") {
  for_each_seed(1, [](std::uint64_t seed) {
    by_hand here(seed);
    int moves = 0;
    std::size_t to_new_address = 0;
    const auto home = [&] { return address::parse("10.0.7." + std::to_string(moves) + ":4433").value(); };
    here.world.network.on_sent = [&](const address&, const address& to, bytes_view datagram) {
      if (moves > 0 && to == home()) to_new_address += datagram.size();
    };
    here.exchange([&](std::size_t got) {
      if (got < static_cast<std::size_t>(moves + 1) * file_bytes / 4 || moves == 2) return;
      ++moves;
      to_new_address = 0;
      REQUIRE(here.client.migrate(home()));
    });
    CHECK(moves == 2);
    CHECK(to_new_address > 5000);
  });
}
