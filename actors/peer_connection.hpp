// A handle on the connection with one peer, for programs that think in connections: the same verbs as server, for this
// peer alone. Made by server::connection(); safe to use from any thread; must not outlive its server.
#pragma once
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include <quicsync/actors/config.hpp>
#include <quicsync/actors/event.hpp>
#include <quicsync/actors/report.hpp>
#include <quicsync/codec/pattern.hpp>

namespace quicsync {

class server;

class peer_connection {
 public:
  /// Precondition: `peer.id` is not empty. `compress`: what is sent over it, once connect() has made it.
  peer_connection(server& node, peer_config peer, bool compress);
  /// The connection stays as it is.
  ~peer_connection();
  peer_connection(const peer_connection&) = delete;
  peer_connection& operator=(const peer_connection&) = delete;

  const std::string& peer_id() const noexcept { return peer_.id; }

  /// Dials and keeps the connection up; ready as server::connect_to_peer() is, with the same errors.
  std::future<result<std::string>> connect();
  /// Says goodbye and forgets the peer. Errors: unknown_peer, not_running.
  result<void> disconnect();

  /// Shares with this peer alone; it keeps them to itself. Without a connection the report's outcome for it is
  /// not_connected and names it.
  std::future<sync_report> send_patterns(const std::vector<pattern>& values);

  /// Connected, fewer than 5 errors since the last acknowledgement, and not overdue (connection_state::healthy).
  bool is_healthy() const;
  /// Errors: unknown_peer (it was never connected to, or was disconnected), not_running.
  result<connection_state> state() const;

  /// Calls `handler` for `connected`, `disconnected`, `error`, `sync:completed`, `sync:failed`, `pattern:received`,
  /// `health:degraded` of this peer, with the fields of the node's event. It may still be called after this handle has
  /// gone, until the server goes.
  void on(std::string name, std::function<void(const event&)> handler);

 private:
  server& node_;
  const peer_config peer_;
  const bool compress_;
};

}  // namespace quicsync
