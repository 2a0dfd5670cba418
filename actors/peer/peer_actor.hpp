// The peer actor: one configured peer for its whole life across reconnects, or one connection that came in. The shell
// around peer_session: it dials, waits, and carries what the session says to transport, cache, ledger and coordinator.
// Lives on the node's loop.
#pragma once
#include <optional>
#include <string>

#include <quicsync/actors/messages.hpp>
#include <quicsync/actors/peer/backoff.hpp>
#include <quicsync/actors/peer/peer_session.hpp>
#include <quicsync/transport/connection_traces.hpp>
#include <quicsync/transport/loop_actor.hpp>

namespace quicsync {

struct peer_setup {
  peer_number number = 0;  ///< until `welcome` gives the lasting one
  peer_session_config session;
  std::function<std::int64_t()> wall_clock_ms;

  /// Dialled by us.
  struct outgoing {
    messages::connect_peer wish;
    retry_policy retry;
    std::uint64_t seed = 0;  ///< of the jitter
  };
  std::optional<outgoing> dial;
  /// Came in.
  std::optional<transport_messages::accepted> accepted;

  connection_traces* traces = nullptr;  ///< null: none
  caf::actor transport, cache, ledger, coordinator;
};

caf::actor spawn_peer(caf::actor_system& system, loop& home, peer_setup setup);

}  // namespace quicsync
