// The store actor: writes what the cache has taken, everything that waits in one commit, and says up to where it is on
// disk. In a node it has a thread of its own, because it waits for the disk; in a simulation it is an actor of the
// pool.
#pragma once
#include <quicsync/actors/store/store_engine.hpp>
#include <quicsync/actors/store/store_messages.hpp>

namespace quicsync {

struct store_setup {
  store_opener open;
  std::uint64_t key_seed = 0;
  bool own_thread = false;
  caf::actor coordinator;  ///< gets store_opened, store_broke and events
};

/// Messages: open_store, persist, forget_all, close_store, peer_name (of those that bring patterns), ask_state.
caf::actor spawn_store(caf::actor_system& system, store_setup setup);

}  // namespace quicsync
