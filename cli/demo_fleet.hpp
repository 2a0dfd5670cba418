// The fleet of `quicsync demo`: four agents on four nodes, each of which answers what the one before it shares. They
// make tests, run them, look at the coverage, and judge it. Owned by the command; written by the agents, on any thread.
#pragma once
#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <vector>

#include <quicsync/actors/server.hpp>
#include <quicsync/codec/pattern.hpp>

namespace quicsync::cli {

struct fleet {
  static constexpr std::array<const char*, 4> names{"test-generator", "test-executor", "coverage-analyzer",
                                                    "quality-gate"};

  /// What one agent has shared and every node has acknowledged.
  struct work {
    std::atomic<std::size_t> shared{0};
    std::atomic<bool> done{false};
    std::vector<pattern> written;  ///< the agent's own until it is done
  };

  std::size_t tests = 0;                 ///< as many as each of them shares
  std::chrono::milliseconds lasting{0};  ///< so long the generator takes; 0: as fast as it goes
  std::function<void()> on_progress;     ///< on the agents' threads
  std::array<work, names.size()> works;

  // What the gate judges by.
  std::atomic<std::size_t> judged{0};
  std::atomic<std::size_t> failed_tests{0};
  std::atomic<std::size_t> coverage_sum{0};  ///< percent

  bool done() const;
  /// Precondition: something was judged. Percent.
  std::size_t coverage() const { return coverage_sum / judged; }
  bool passed() const { return coverage() >= 75 && failed_tests * 20 < judged; }
};

/// Runs the agent fleet::names[which] on the node of this name. `all` outlives the node.
result<void> start_agent(server& node, fleet& all, std::size_t which);

}  // namespace quicsync::cli
