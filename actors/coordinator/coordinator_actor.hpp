// The coordinator: membership, events, statistics and supervision of one node. It spawns the node's other actors and
// never touches a pattern. Runs on CAF's pool.
#pragma once
#include <functional>
#include <memory>

#include <quicsync/actors/config.hpp>
#include <quicsync/actors/messages.hpp>
#include <quicsync/actors/store/store_engine.hpp>
#include <quicsync/transport/connection_traces.hpp>
#include <quicsync/transport/datagram_socket.hpp>
#include <quicsync/transport/endpoint.hpp>
#include <quicsync/transport/loop.hpp>

namespace quicsync {

/// All that a node is made of and that differs between the real world and a simulation.
struct node_parts {
  loop* home = nullptr;  ///< outlives the node
  endpoint_config quic;
  std::function<result<std::unique_ptr<datagram_socket>>()> open_socket;
  std::function<std::int64_t()> wall_clock_ms;  ///< Unix ms
  std::uint64_t seed = 0;                       ///< of everything random that is no secret: instance numbers, jitter
  store_opener open_store;                      ///< null: patterns are held in memory only
  bool store_thread = true;                     ///< the store has one of its own, because it waits for the disk
  std::uint64_t key_seed = 0;                   ///< secret: of the hash that spreads ids in the cache (slab_item::key)
  connection_traces* traces = nullptr;          ///< null: none; outlives the node
};

/// Messages: start_node, stop_node, connect_peer, remove_peer, ask_state, listen, clear; `happened` from the others.
caf::actor spawn_coordinator(caf::actor_system& system, node_config config, node_parts parts);

}  // namespace quicsync
