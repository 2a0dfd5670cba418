// What the transport actor knows of a connection beside the endpoint: whose it is, what waits for that to be said, and
// what the current burst brought. Owned by the transport actor.
#pragma once
#include <array>
#include <optional>
#include <vector>

#include <quicsync/transport/messages.hpp>

namespace quicsync {

/// What one burst brought on one lane.
struct lane_burst {
  std::vector<shared_bytes> pieces;
  std::uint64_t acknowledged = 0;
  bool early = false;  ///< the pieces came before the handshake was complete
};

/// In one of three states: with a user; incoming and not yet adopted, when all that arrives is kept in `early` (flow
/// control bounds it, since nothing is consumed); or of nobody, being closed.
struct held_connection {
  caf::actor user;
  std::uint64_t attempt = 0;
  bool opened = false;
  bool unadopted = false;
  bool over = false;  ///< ended before it was adopted
  address remote;
  std::optional<error> reason;  ///< why it ends, where this side knows better than the endpoint
  std::vector<caf::message> early;
  std::array<lane_burst, lane_count> bursts;
  bool touched = false;    ///< by the burst that is being delivered
  time_point path_traced;  ///< when its trace last told how the path is
};

}  // namespace quicsync
