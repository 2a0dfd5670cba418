// The ledger actor: the shell around ledger. Lives on the node's loop beside the peers.
#pragma once
#include <quicsync/actors/messages.hpp>
#include <quicsync/transport/loop_actor.hpp>

namespace quicsync {

/// Messages: track, moved and cleared from the cache; peer_up, reached, refused_by, passed_over, peer_down and
/// neighbours_of from peers. Sends `report` to requesters, sync:completed and sync:failed events to `coordinator`, and
/// to each peer who this node's and the other peers' neighbours are.
caf::actor spawn_ledger(caf::actor_system& system, loop& home, caf::actor coordinator);

}  // namespace quicsync
