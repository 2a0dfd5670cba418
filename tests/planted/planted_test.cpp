// The simulator is tested: each planted bug is switched on in turn, and a fault run must see it within the seeds stated
// here. docs/SIMULATION.md, "planted bugs".
#include <exception>
#include <iostream>
#include <optional>
#include <string>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>
#include <tests/sim/fault_run.hpp>

#include <quicsync/codec/planted.hpp>

namespace quicsync {
bug planted_bug = bug::none;
}

namespace {

using namespace quicsync;
using namespace quicsync::sim;

struct planted_one {
  bug what;
  const char* name;
  std::uint64_t seeds;  ///< it is found within so many
};

constexpr planted_one all_planted[] = {
    {bug::wrong_tie_break, "a wrong tie-break", 10},
    {bug::older_version_replaces, "an older version that replaces a newer one", 10},
    {bug::double_application, "a record that is applied twice", 10},
    {bug::lost_tombstone, "a lost tombstone", 10},
    {bug::expiry_forgets_order, "an expiry that lets the old come back", 10},
    {bug::conflation_loses_newest, "a conflation that loses the newest", 10},
    {bug::widening_is_not_told, "a wider audience that nobody hears of", 10},
    {bug::early_acknowledgement, "an acknowledgement too early", 10},
    {bug::audience_leak, "a leak of an audience", 10},
    {bug::filter_forgets_last_version, "a filter that forgets the last version", 40},
    {bug::read_rules_forgotten, "a read rule that is forgotten", 20},
    {bug::write_rules_forgotten, "a write rule that is forgotten", 20},
    {bug::checksum_is_not_checked, "damaged data that is passed on", 10},
};

/// What the run found first; none: it saw nothing.
std::optional<std::string> look_at(std::uint64_t seed) {
  try {
    simulated_world world(seed);
    fault_run run(world);
    const auto outcome = run.run(fault_run::until::first_violation);
    if (outcome.violations.empty()) return std::nullopt;
    return outcome.violations.front();
  } catch (const std::exception& thrown) {
    return thrown.what();
  }
}

}  // namespace

TEST_CASE("planted bugs: each is found within the seeds stated for it", "[planted]") {
  for (const auto& [what, name, seeds] : all_planted) {
    CAPTURE(name);
    std::optional<std::string> found;
    std::uint64_t seed = 1;
    for (; !found && seed <= seeds; ++seed) {
      planted_bug = what;
      found = look_at(seed);
      planted_bug = bug::none;
      // What is seen without the bug, too, says nothing of it.
      if (found && look_at(seed)) found.reset();
    }
    CHECK(found);
    std::cout << fmt::format(
        "planted: {}: {}\n", name,
        found ? fmt::format("seed {}: {}", seed - 1, *found) : fmt::format("not found within {} seeds", seeds));
  }
}
