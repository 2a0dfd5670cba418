// Looking a host's name up away from the loop: getaddrinfo blocks, for seconds where a name server is silent. Used by
// the transport actor.
#pragma once
#include <cstdint>

#include <quicsync/transport/address.hpp>
#include <quicsync/transport/caf_compat.hpp>

namespace quicsync::transport_messages {

/// From a look-up's thread to the actor that asked.
struct looked_up {
  std::uint64_t number = 0;
  result<address> found;
};

}  // namespace quicsync::transport_messages

QUICSYNC_LOCAL_MESSAGE(quicsync::transport_messages::looked_up)

namespace quicsync {

/// Answers with `looked_up` from a thread of its own. Nobody waits for the thread and it keeps no actor alive: a node
/// that stops does not stay for its answer. Throws std::system_error where there can be no thread.
void look_up(std::uint64_t number, host_port target, caf::weak_actor_ptr asker);

}  // namespace quicsync
