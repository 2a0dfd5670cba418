// The transport actor: bridges one QUIC endpoint and its socket into the actor system. Lives on the node's loop; owns
// the endpoint; knows nothing of patterns. Its messages: messages.hpp.
#pragma once
#include <memory>

#include <quicsync/transport/connection_traces.hpp>
#include <quicsync/transport/datagram_socket.hpp>
#include <quicsync/transport/endpoint.hpp>
#include <quicsync/transport/loop_actor.hpp>
#include <quicsync/transport/messages.hpp>

namespace quicsync {

/// Spawns the actor on `home`; `coordinator` gets `listening`, `accepted` and `rejected`. It ends with an exit message:
/// then every connection is closed with errc::connection_closed "the node stops", and what was queued has left or one
/// second is over. `traces` may be null and outlives it.
caf::actor spawn_transport(caf::actor_system& system, loop& home, std::unique_ptr<endpoint> quic,
                           std::unique_ptr<datagram_socket> socket, caf::actor coordinator,
                           connection_traces* traces = nullptr);

}  // namespace quicsync
