// Answers of all peers, the cache and the transport on their way into one node_state. Owned by the coordinator's
// requests together; the last answer (or failure to answer) ends it.
#pragma once
#include <algorithm>
#include <functional>

#include <quicsync/actors/coordinator/membership.hpp>
#include <quicsync/actors/report.hpp>

namespace quicsync {

struct state_gathering {
  node_state state;
  std::vector<member_id> ids;                                                ///< of `state.peers`, in the same order
  std::vector<std::pair<connection_id, connection_statistics>> connections;  ///< by id
  std::size_t missing = 1;                                                   ///< one for who asks
  std::function<void(state_gathering&)> done;

  void arrived() {
    if (--missing != 0) return;
    auto& sum = state.stats;
    for (auto& p : state.peers) {
      const auto known = std::lower_bound(connections.begin(), connections.end(), p.connection,
                                          [](const auto& each, connection_id id) { return each.first < id; });
      if (known != connections.end() && known->first == p.connection) p.quic = known->second;
      sum.record_bytes_sent += p.record_bytes_sent;
      sum.lane_bytes_sent += p.lane_bytes_sent;
    }
    if (sum.record_bytes_sent != 0)
      sum.compression_ratio = static_cast<double>(sum.lane_bytes_sent) / static_cast<double>(sum.record_bytes_sent);
    done(*this);
  }
};

}  // namespace quicsync
