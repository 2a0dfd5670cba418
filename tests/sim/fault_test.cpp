// Whole nodes with real actors and real TLS, a minute of work and at least three faults a seed; docs/SIMULATION.md.
#include <chrono>
#include <iostream>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>
#include <tests/sim/fault_run.hpp>
#include <tests/sim/seeds.hpp>

namespace {

using namespace quicsync;
using namespace quicsync::sim;
using namespace std::chrono_literals;

fault_run::outcome run_of(std::uint64_t seed) {
  simulated_world world(seed);
  const trace_printer prints_at_the_end{world};
  fault_run run(world);
  auto outcome = run.run();
  if (trace_is_wanted()) std::cout << fmt::format("trace hash {:016x}\n", outcome.trace_hash);
  return outcome;
}

double seconds(std::chrono::nanoseconds time) { return std::chrono::duration<double>(time).count(); }

}  // namespace

TEST_CASE("faults: whatever goes wrong for a minute, all nodes end equal, and nothing forbidden is seen on the way",
          "[sim][faults]") {
  constexpr std::uint64_t usual_seeds = 20;
  const auto began = std::chrono::steady_clock::now();
  std::uint64_t seeds = 0, failed = 0;
  std::size_t patterns_at_least = SIZE_MAX, acknowledged = 0;
  std::uint64_t restless = 0;
  std::chrono::nanoseconds virtual_time{0}, slowest{0};
  for_each_seed(usual_seeds, [&](std::uint64_t seed) {
    const auto outcome = run_of(seed);
    ++seeds;
    patterns_at_least = std::min(patterns_at_least, outcome.patterns);
    acknowledged += outcome.acknowledged;
    restless += outcome.sent_when_equal != 0 ? 1 : 0;
    virtual_time += outcome.virtual_time;
    slowest = std::max(slowest, outcome.equal_after);
    if (outcome.violations.empty()) return;
    ++failed;
    std::cout << fmt::format("seed {} fails: {}; replay: ./dev test sim faults --seed {} --trace\n", seed,
                             outcome.violations.front(), seed)
              << std::flush;
  });
  const auto took = std::chrono::steady_clock::now() - began;
  std::cout << fmt::format(
      "faults: {} seeds, {} failed; {} patterns at least, {} acknowledgements checked; {} seeds went on sending; equal "
      "at most {:.1f} s after "
      "the "
      "last fault; {:.0f} s of virtual time in {:.1f} s, {:.0f} times real time\n",
      seeds, failed, patterns_at_least, acknowledged, restless, seconds(slowest), seconds(virtual_time), seconds(took),
      seconds(virtual_time) / seconds(took));
  CHECK(failed == 0);
  CHECK(patterns_at_least >= 500);
}

TEST_CASE("faults: the seeds that have shown a defect among a thousand show none any more", "[sim]") {
  constexpr std::uint64_t shown[] = {173, 192, 241, 405, 439, 537, 598, 691, 733, 836, 977, 992};
  for (const auto seed : shown) {
    CAPTURE(seed);
    CHECK(run_of(seed).violations.empty());
  }
}

TEST_CASE("faults: the same seed gives the same trace", "[sim]") {
  for (const std::uint64_t seed : {1, 2}) {
    CAPTURE(seed);
    CHECK(run_of(seed).trace_hash == run_of(seed).trace_hash);
  }
}
