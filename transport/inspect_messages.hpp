// What whoever looks at a node asks its transport actor.
#pragma once
#include <utility>
#include <vector>

#include <quicsync/transport/caf_compat.hpp>
#include <quicsync/transport/endpoint.hpp>

namespace quicsync::transport_messages {

/// Answered with `connections`.
struct ask_connections {};
struct connections {
  endpoint_statistics totals;
  std::vector<std::pair<connection_id, connection_statistics>> all;  ///< by id
};

}  // namespace quicsync::transport_messages

QUICSYNC_LOCAL_MESSAGE(quicsync::transport_messages::ask_connections)
QUICSYNC_LOCAL_MESSAGE(quicsync::transport_messages::connections)
