// One of two peers takes nothing for a minute while its node is under load: what that costs the node and the other
// peer.
#include <algorithm>
#include <iostream>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>
#include <malloc.h>
#include <tests/sim/seeds.hpp>
#include <tests/sim/sync_node.hpp>

#include <quicsync/codec/limits.hpp>

namespace {

using namespace quicsync;
using namespace quicsync::sim;
using namespace std::chrono_literals;

constexpr std::uint64_t ids = 2000, patterns_a_share = 250;
constexpr auto share_interval = 50ms;
constexpr std::size_t outbox_bytes = 16u << 20;

/// New versions of the same ids, round and round, each with other letters so that nothing compresses away.
class load {
 public:
  explicit load(sync_node& from) : from_(from) {}
  void share() {
    std::vector<pattern> patterns;
    for (std::uint64_t i = 0; i < patterns_a_share; ++i, ++count_) {
      pattern p;
      p.id = fmt::format("pattern-{}", count_ % ids);
      p.agent_id = "one";
      p.type = "test_execution";
      p.data = '"';
      for (int k = 0; k < 250; ++k) p.data += static_cast<char>('a' + random_.below(26));
      p.data += '"';
      p.metadata.source = "one";
      p.timestamp = 1760000000000;
      p.version = 1 + count_ / ids;
      patterns.push_back(std::move(p));
    }
    delivery_wish wish;
    wish.wait_for = {"quick"};
    from_.share(patterns, wish);
  }

 private:
  sync_node& from_;
  tests::seeded_random random_{1};
  std::uint64_t count_ = 0;
};

std::chrono::microseconds p99(std::vector<std::chrono::microseconds> all) {
  std::sort(all.begin(), all.end());
  return all.at(all.size() * 99 / 100);
}

}  // namespace

TEST_CASE("stopped peer: a minute without it costs its node no more than the outbox, and the other peer no time",
          "[sim]") {
  simulated_world world(1);
  sync_node one(world, "one"), quick(world, "quick"), stopped(world, "stopped");
  quick.connect(one);
  stopped.connect(one);
  REQUIRE(world.run_until([&] { return one.count("peer:connected") == 2; }));
  load under(one);
  std::size_t reported = 0, shared = 0;
  // What it waits, and the most that is allocated at the end of a second.
  auto run_for = [&](std::chrono::seconds time, std::size_t& peak_bytes) {
    std::vector<std::chrono::microseconds> latencies;
    for (std::chrono::milliseconds passed{0}; passed < time; passed += share_interval) {
      under.share();
      ++shared;
      world.advance(share_interval);
      for (const auto& report : one.take_reports()) {
        ++reported;
        REQUIRE(report.peers.size() == 1);
        CHECK(report.complete());
        latencies.push_back(report.peers[0].latency);
      }
      if (passed % 1s == 0ms) peak_bytes = std::max(peak_bytes, mallinfo2().uordblks);
    }
    return latencies;
  };
  std::size_t before_bytes = 0, during_bytes = 0, after_bytes = 0;
  run_for(2s, before_bytes);
  const auto before = p99(run_for(5s, before_bytes));
  world.cut("one", "stopped");
  const auto during = p99(run_for(60s, during_bytes));
  world.mend("one", "stopped");
  run_for(15s, after_bytes);
  world.advance(2s);

  const auto grown = during_bytes > before_bytes ? during_bytes - before_bytes : 0;
  std::cout << fmt::format(
      "stopped peer: {} patterns/s, memory before {} KiB, in the minute up to {} KiB more; p99 of the "
      "other peer before {} us, in the minute {} us\n",
      patterns_a_share * 1000 / share_interval.count(), before_bytes >> 10, grown >> 10, before.count(),
      during.count());
  CHECK(grown <= outbox_bytes);
  CHECK(during <= 2 * before);
  CHECK(shared - reported <= 1);
  CHECK(stopped.count("peer:connected") == 2);
  const auto state = one.state();
  CHECK(state.size() == ids);
  CHECK(quick.state() == state);
  CHECK(stopped.state() == state);
}

TEST_CASE("stopped peer: stopped for a minute under load and then continued, it soon has everything", "[sim]") {
  simulated_world world(1);
  sync_node one(world, "one"), quick(world, "quick"), stopped(world, "stopped");
  quick.connect(one);
  stopped.connect(one);
  REQUIRE(world.run_until([&] { return one.count("peer:connected") == 2; }));
  load under(one);
  auto run_for = [&](std::chrono::milliseconds time) {
    for (std::chrono::milliseconds passed{0}; passed < time; passed += share_interval) {
      under.share();
      world.advance(share_interval);
    }
  };
  run_for(5s);
  world.pause("stopped");
  run_for(60s);
  const auto shared_so_far = one.state();
  world.resume("stopped");
  const auto resumed_at = world.now();
  auto has_all = [&] {
    const auto state = stopped.state();
    return std::all_of(shared_so_far.begin(), shared_so_far.end(), [&](const auto& shared) {
      const auto here = state.find(shared.first);
      return here != state.end() && std::stoull(here->second) >= std::stoull(shared.second);
    });
  };
  while (!has_all() && world.now() - resumed_at < 60s) run_for(share_interval);
  const auto took = std::chrono::duration<double>(world.now() - resumed_at).count();
  std::cout << fmt::format("stopped peer: continued after 60 s at {} patterns/s, it has everything after {:.2f} s\n",
                           patterns_a_share * 1000 / share_interval.count(), took);
  CHECK(took <= 5);
  run_for(5s);
  world.advance(2s);
  const auto state = one.state();
  CHECK(state.size() == ids);
  CHECK(quick.state() == state);
  CHECK(stopped.state() == state);
}
