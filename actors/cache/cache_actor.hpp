// The cache actor: the one owner of a node's patterns. It merges what agents share and peers bring, feeds the readers
// of its log, and lets go what is over. Lives on the node's loop.
#pragma once
#include <functional>

#include <quicsync/actors/cache/pattern_table.hpp>
#include <quicsync/actors/config.hpp>
#include <quicsync/actors/messages.hpp>
#include <quicsync/transport/loop_actor.hpp>

namespace quicsync {

struct cache_setup {
  table_config table;
  std::function<std::int64_t()> wall_clock_ms;  ///< Unix ms
  caf::actor ledger;                            ///< gets `track`, `moved` and `cleared`
  caf::actor coordinator;                       ///< gets events
  caf::actor store;                             ///< gets `persist` and `forget_all`; null: memory only
  bool goes_on_without_store = false;  ///< when the store has failed: take patterns all the same, into memory only
};

/// Messages: share, apply, pull, find, clear, ask_log_end, progress, no_progress; of the store restore, restored,
/// durable, store_broke.
caf::actor spawn_cache(caf::actor_system& system, loop& home, cache_setup setup);

/// What the configuration says of the table. Without a size it may take a quarter of the machine's memory.
table_config table_config_of(const node_config& config, std::uint64_t key_seed);

}  // namespace quicsync
