// What a seed decides of a fault run before it begins: which nodes there are and how they are configured, who dials
// whom, and what goes wrong when. A value.
#pragma once
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include <tests/transport/seeded_random.hpp>

#include <quicsync/actors/config.hpp>

namespace quicsync::sim {

enum class fault_kind : std::uint8_t {
  loss,         ///< of each datagram, `amount`
  bursts,       ///< a loss is followed by another with `amount`
  duplication,  ///< of each datagram, `amount`
  reordering,   ///< of each datagram, `amount`
  corruption,   ///< of each datagram, `amount`: a bit arrives changed
  narrow,       ///< every way carries `amount` bytes a second
  partition,    ///< nothing gets from `node` to `other`, nor back
  one_way,      ///< nothing gets from `node` to `other`
  restart,      ///< `node` is killed; at the end it starts anew, with what its store has
  new_disk,     ///< the same, and a store has nothing any more
  pause,        ///< `node` does nothing until the end, as when it is stopped by a signal
  clock_step,   ///< the wall clock of `node` goes wrong by `amount` days
  rebinding,    ///< the others see `node` at another address
};

struct fault {
  fault_kind what = fault_kind::loss;
  std::chrono::milliseconds begins{0}, ends{0};  ///< from the start of the work
  std::size_t node = 0, other = 0;
  double amount = 0;

  std::string to_string() const;
};

struct fault_plan {
  static constexpr std::chrono::seconds work{60};

  struct link {
    std::size_t from = 0, to = 0;
    bool both_dial = false;
  };

  std::vector<node_config> nodes;  ///< their ids are their names, their peers those they dial
  std::vector<bool> with_store;    ///< of the same nodes
  std::vector<link> links;         ///< each pair once
  std::vector<fault> faults;       ///< three at least

  static fault_plan draw(std::uint64_t seed);
  bool steps_clocks() const;
  /// The node's clock is for a while so far ahead that it forgets what was deleted before.
  bool steps_beyond_horizon(const std::string& node) const;
  /// One line each.
  std::vector<std::string> describe() const;
};

/// node 0 is "a".
std::string name_of_node(std::size_t place);

}  // namespace quicsync::sim
