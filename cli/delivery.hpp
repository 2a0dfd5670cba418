// Slabs on their way to the peers of a `share`: how many are under way and what became of them. Slabs are handed over
// by the main thread; reports come on a thread of the node.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <quicsync/actors/server.hpp>

#include "latency_histogram.hpp"
#include "losses.hpp"

namespace quicsync::cli {

class delivery {
 public:
  /// Slabs under way at once: enough to fill the time to the acknowledgement, few enough to bound memory.
  static constexpr std::size_t slabs_under_way_max = 128;
  /// With so many there is room for several at once, which is worth a wake.
  static constexpr std::size_t slabs_under_way_again = 96;

  struct totals {
    std::uint64_t shared = 0;        ///< patterns handed over
    std::uint64_t acknowledged = 0;  ///< by every peer
    std::uint64_t refused = 0;       ///< by the own node or a peer
  };
  /// Peers that fail to acknowledge are noted in `lost`. `changed` is called when there is room again and when all is
  /// settled, on a thread of the node. `acknowledged_ids`: an open file that gets the id of each pattern that every
  /// peer has acknowledged, or -1.
  delivery(server& node, delivery_wish wish, losses& lost, int acknowledged_ids, std::function<void()> changed);

  /// Passes a slab on; its report comes later. The node must be stopped before this object goes.
  void hand_over(slab_ptr patterns);
  bool has_room() const;
  bool settled() const;

  /// The first error in writing acknowledged ids.
  std::optional<error> write_failure() const;
  totals so_far() const;
  /// From hand-over to the report, of acknowledged patterns.
  double latency_quantile_ms(double fraction) const;

 private:
  void take_report(const slab_ptr& patterns, std::chrono::steady_clock::time_point handed_over,
                   const sync_report& report);
  void write_ids(const slab_ptr& patterns, const std::vector<bool>& refused);

  server& node_;
  const delivery_wish wish_;
  losses& lost_;
  const int acknowledged_ids_;
  const std::function<void()> changed_;

  mutable std::mutex mutex_;  ///< guards what follows
  std::size_t under_way_ = 0;
  totals totals_;
  latency_histogram latency_;
  std::optional<error> write_failure_;
};

}  // namespace quicsync::cli
