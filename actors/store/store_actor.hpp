// The store actor: writes what the cache has taken, everything that waits in one commit, and says up to where it is on
// disk. In a node it has a thread of its own, because it waits for the disk; in a simulation it is an actor of the
// pool.
#pragma once
#include <memory>
#include <mutex>

#include <quicsync/actors/store/store_engine.hpp>
#include <quicsync/actors/store/store_messages.hpp>

namespace quicsync {

/// What the store last said of itself, read by whoever wants to know without waiting for the disk. Any thread.
class store_board {
 public:
  void set(node_store_state state) {
    std::lock_guard lock(mutex_);
    state_ = std::move(state);
  }
  node_store_state get() const {
    std::lock_guard lock(mutex_);
    return state_;
  }

 private:
  mutable std::mutex mutex_;
  node_store_state state_;
};

struct store_setup {
  store_opener open;
  std::uint64_t key_seed = 0;
  bool own_thread = false;
  caf::actor coordinator;              ///< gets store_opened and store_broke
  std::shared_ptr<store_board> board;  ///< never null
};

/// Messages: open_store, persist, fetch, forget_all, close_store, peer_name (of those that bring patterns).
caf::actor spawn_store(caf::actor_system& system, store_setup setup);

}  // namespace quicsync
