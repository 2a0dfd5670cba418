// Which seeds a simulated test runs with. QUICSYNC_TEST_SEED=N: only that one; else QUICSYNC_TEST_SEEDS of them from
// QUICSYNC_TEST_FROM on. QUICSYNC_TEST_TRACE=1 prints what happened.
#pragma once
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>
#include <type_traits>

#include <catch2/catch_message.hpp>
#include <tests/sim/simulated_world.hpp>

namespace quicsync::sim {

inline std::uint64_t number_from_environment(const char* name, std::uint64_t otherwise) {
  const auto* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

struct trace_printer {
  const simulated_world& world;
  ~trace_printer() {
    if (!trace_is_wanted()) return;
    for (const auto& line : world.trace()) std::cout << line << '\n';
  }
};

/// Runs `scenario` for each seed, in a new world or, where it takes a number, with the seed itself; a failure names its
/// seed and how to replay it.
template <class Scenario>
void for_each_seed(std::uint64_t usual_count, Scenario&& scenario) {
  const auto only = std::getenv("QUICSYNC_TEST_SEED");
  const auto from = number_from_environment(only != nullptr ? "QUICSYNC_TEST_SEED" : "QUICSYNC_TEST_FROM", 1);
  const auto count = only != nullptr ? 1 : number_from_environment("QUICSYNC_TEST_SEEDS", usual_count);
  for (auto seed = from; seed < from + count; ++seed) {
    INFO("seed " << seed << "; replay: ./dev test sim --seed " << seed << " --trace");
    if constexpr (std::is_invocable_v<Scenario, std::uint64_t>) {
      scenario(seed);
    } else {
      simulated_world world(seed);
      const trace_printer prints_at_the_end{world};  // also where a check has failed
      scenario(world);
    }
  }
}

}  // namespace quicsync::sim
