// The cache actor: the one owner of a node's patterns. It merges what agents share and peers bring, and feeds the
// readers of its log. Lives on the node's loop.
#pragma once
#include <quicsync/actors/messages.hpp>
#include <quicsync/transport/loop_actor.hpp>

namespace quicsync {

/// Messages: share, apply, pull, find, clear, ask_log_end. `ledger` gets `track`, `coordinator` gets events.
caf::actor spawn_cache(caf::actor_system& system, loop& home, std::uint64_t key_seed, caf::actor ledger,
                       caf::actor coordinator);

}  // namespace quicsync
