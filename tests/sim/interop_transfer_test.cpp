// Cases of the QUIC interop runner about bytes under way: transfer, multiplexing, blackhole, ecn, transferloss,
// transfercorruption; and the same under every fault at once.
#include <tests/sim/interop.hpp>

using namespace quicsync;
using namespace quicsync::interop;
using sim::for_each_seed;

TEST_CASE("interop: transfer: files of 2, 3 and 5 MB, larger than a lane's window", "[sim][interop]") {
  for_each_seed(2, [](std::uint64_t seed) {
    traced_pair pair({.seed = seed});
    pair.world.network.conditions = usual_network();
    REQUIRE(pair.connect());
    const auto begin = pair.world.network.now();
    transfer(pair, 60s);
    const std::chrono::duration<double> took = pair.world.network.now() - begin;
    // 10 MiB take 8.4 s at that rate; at least three quarters of it are used.
    CHECK(took.count() < 11.2);
  });
}

TEST_CASE("interop: multiplexing: 1999 messages of 32 bytes over all lanes at once", "[sim][interop]") {
  for_each_seed(3, [](std::uint64_t seed) {
    traced_pair pair({.seed = seed});
    pair.world.network.conditions = usual_network();
    REQUIRE(pair.connect());
    std::array<byte_buffer, lane_count> sent;
    for (std::uint64_t i = 0; i < 1999; ++i) {
      const auto on = all_lanes[i % lane_count];
      const auto message = numbered_bytes(32, seed * 2000 + i);
      sent[index_of(on)].insert(sent[index_of(on)].end(), message.begin(), message.end());
      pair.send_from_client(on, message);
    }
    const auto begin = pair.world.network.now();
    REQUIRE(pair.world.run_until([&] {
      return std::all_of(all_lanes.begin(), all_lanes.end(),
                         [&](lane on) { return arrived(pair, on, sent[index_of(on)]); });
    }));
    CHECK(pair.world.network.now() - begin < 500ms);
  });
}

TEST_CASE("interop: blackhole: 10 MB while the network is there for 5 s and gone for 2 s, again and again",
          "[sim][interop]") {
  for_each_seed(2, [](std::uint64_t seed) {
    traced_pair pair({.seed = seed});
    auto& network = pair.world.network;
    network.conditions = usual_network();
    REQUIRE(pair.connect());
    const auto begin = network.now();
    transfer(pair, 120s, [&] {
      const auto phase = (network.now() - begin) % std::chrono::nanoseconds(7s);
      network.conditions.loss = phase < 5s ? 0 : 1;
    });
    CHECK(network.now() - begin > 7s);
    CHECK(network.counters().lost > 0);
  });
}

TEST_CASE("interop: ecn: datagrams carry the mark, and a marking network slows the sender without any loss",
          "[sim][interop]") {
  for_each_seed(2, [](std::uint64_t seed) {
    const auto window_after = [seed](double marks) {
      traced_pair pair({.seed = seed});
      auto& network = pair.world.network;
      network.conditions.delay = 15ms;
      network.conditions.congestion_marks = marks;
      REQUIRE(pair.connect());
      transfer(pair, 60s);
      CHECK(network.counters().sent_with_ecn > network.counters().sent * 9 / 10);
      CHECK((network.counters().marked > 0) == (marks > 0));
      const auto statistics = pair.client->statistics(pair.client_id());
      REQUIRE(statistics);
      CHECK(statistics->packets_lost == 0);
      return statistics->congestion_window_bytes;
    };
    CHECK(window_after(0.02) * 4 < window_after(0));
  });
}

TEST_CASE("interop: transferloss: the files arrive whole at 2 % loss, at most three in a row", "[sim][interop]") {
  for_each_seed(2, [](std::uint64_t seed) {
    traced_pair pair({.seed = seed});
    pair.world.network.conditions = usual_network();
    REQUIRE(pair.connect());
    pair.world.network.conditions.loss = 0.02;
    pair.world.network.conditions.losses_in_a_row_max = 3;
    transfer(pair, 300s);
    CHECK(pair.client->statistics(pair.client_id())->packets_lost > 0);
  });
}

TEST_CASE("interop: transfercorruption: the files arrive whole where 2 % of the datagrams arrive damaged",
          "[sim][interop]") {
  for_each_seed(2, [](std::uint64_t seed) {
    traced_pair pair({.seed = seed});
    pair.world.network.conditions = usual_network();
    REQUIRE(pair.connect());
    pair.world.network.conditions.corruption = 0.02;
    transfer(pair, 300s);
    CHECK(pair.world.network.counters().corrupted > 50);
  });
}

TEST_CASE("interop: a network with every fault at once delivers the files whole", "[sim][interop]") {
  for_each_seed(3, [](std::uint64_t seed) {
    traced_pair pair({.seed = seed, .handshake_timeout = 60s, .idle_timeout = 60s});
    auto& conditions = pair.world.network.conditions;
    conditions = usual_network();
    conditions.jitter = 3ms;
    conditions.loss = 0.01;
    conditions.loss_after_loss = 0.4;
    conditions.duplication = conditions.reordering = conditions.corruption = conditions.congestion_marks = 0.01;
    REQUIRE(pair.connect());
    transfer(pair, 600s);
    const auto& counted = pair.world.network.counters();
    for (const auto each : {counted.lost, counted.duplicated, counted.reordered, counted.corrupted, counted.marked})
      CHECK(each > 0);
  });
}
