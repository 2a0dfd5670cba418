// The ledger actor: the shell around ledger. Lives on the node's loop beside the peers.
#pragma once
#include <quicsync/actors/messages.hpp>
#include <quicsync/transport/loop_actor.hpp>

namespace quicsync {

/// Messages: track from the cache; peer_up, reached, refused_by, peer_down from peers. Sends `report` to requesters,
/// and sync:completed and sync:failed events to `coordinator`.
caf::actor spawn_ledger(caf::actor_system& system, loop& home, caf::actor coordinator);

}  // namespace quicsync
