// The handle on one node: start it, connect it, share patterns and read them. The one header that a program needs.
//
//   auto node = quicsync::server::make(config);          // certificates are read here
//   (*node)->start();                                     // listens
//   (*node)->subscribe({}, quicsync::subscribe_frame::start::now, print);
//   (*node)->sync_pattern(pattern).get();                 // waits until the peers have it
//
// Safe to use from any thread. Handlers run on the node's worker threads: those of one subscription one at a time;
// those of events, reports and answers one at a time; different ones at once. From a handler call only share,
// sync_pattern(s), subscribe, on, ask_peer and connect_to_peer, and wait for no future: what the future waits for may
// need this very thread. A handler that throws is reported as server:error.
#pragma once
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <quicsync/actors/config.hpp>
#include <quicsync/actors/event.hpp>
#include <quicsync/actors/peer_connection.hpp>
#include <quicsync/actors/report.hpp>
#include <quicsync/codec/filter.hpp>
#include <quicsync/codec/pattern.hpp>
#include <quicsync/codec/record.hpp>
#include <quicsync/codec/slab.hpp>

namespace caf {
class actor;
}

namespace quicsync {

class agent_options;
class store_engine;
struct agent_environment;
struct agent_status;
class actor_registry;

class server {
 public:
  /// Reads certificates and makes the node's actor system; nothing listens yet.
  /// Errors: no_file, bad_certificate, key_exposed, certificate_expired, certificate_name (`id` is not the
  /// certificate's), bad_config (more is to be reserved than the machine can have).
  static result<std::unique_ptr<server>> make(node_config config);
  /// With a store of another kind than the configuration names.
  static result<std::unique_ptr<server>> make(
      node_config config, std::function<result<std::unique_ptr<store_engine>>(std::uint64_t key_seed)> open_store);

  /// Stops the node.
  ~server();

  /// Binds the port, reads the store and dials the configured peers; returns when the node listens. Errors:
  /// already_running, address_in_use, bad_address, io_failed, bad_config (more is to be reserved than is free), and
  /// those of pattern_store::open().
  result<void> start();

  /// Says goodbye to every peer and ends; returns when all is gone. Without effect on a node that does not run. A node
  /// that was stopped can be started again; it then holds what its store has.
  void stop();

  /// Takes no more shares, waits (at most so long) until what was shared is acknowledged or has failed, then stop().
  void drain(std::chrono::milliseconds patience = std::chrono::seconds(5));

  /// From now on this configuration: peers, allowed, pinned and denied ones. Connections that it does not touch stay as
  /// they are; rules, limits and filters hold for connections made from now on. Errors: bad_config (something that only
  /// a new start can change, or a list of allowed peers that becomes empty), not_running.
  result<void> reload(node_config next);

  bool running() const noexcept;
  /// The real one, also where 0 was configured; 0 when not running.
  std::uint16_t port() const noexcept;
  const std::string& name() const noexcept;

  // -- peers
  // ----------------------------------------------------------------------------------------------------------------

  /// Dials HOST:PORT and keeps the connection up (a client dials again only with `wish.keep`). Ready with the peer's
  /// name once it is connected, or with an error after `retry.max_attempts`, or at once where trying again is of no use
  /// (certificates). `name`: expected; empty: any under the trusted CA. `wish`: what it is to send here; for a node its
  /// filter and compression count, since a node takes patterns from its peers from the beginning.
  std::future<result<std::string>> connect_to_peer(std::string host_port, std::string name = {}, peer_wish wish = {});

  /// Says goodbye and forgets it. Errors: unknown_peer, not_running.
  result<void> remove_peer(const std::string& name);

  /// A handle on the connection with one peer, which `peer.id` must name. It is connected when connect() was called, or
  /// when the peer is connected anyway. It must not outlive this server.
  std::unique_ptr<peer_connection> connection(peer_config peer, bool compress = true);

  // -- patterns
  // ---------------------------------------------------------------------------------------------------------------

  /// Takes the pattern into the own cache and passes it on. Ready when every peer has acknowledged it, or with what
  /// hindered: `wish.deadline` (30 s unless set) bounds the wait.
  std::future<sync_report> sync_pattern(const pattern& value, delivery_wish wish = {});
  std::future<sync_report> sync_patterns(const std::vector<pattern>& values, delivery_wish wish = {});
  /// With targets: they alone may have it, by whatever way (`wish.only_to`). No targets: an error in the report
  /// (no_peers), and nothing is taken.
  std::future<sync_report> sync_pattern(const pattern& value, std::vector<std::string> targets,
                                        delivery_wish wish = {});
  std::future<sync_report> sync_patterns(const std::vector<pattern>& values, std::vector<std::string> targets,
                                         delivery_wish wish = {});

  /// A deletion, passed on as a pattern is: the next version of the id, without payload. `agent`: who deletes; empty:
  /// who wrote it. Errors, in the report: not_found, not_running.
  std::future<sync_report> delete_pattern(const std::string& id, delivery_wish wish = {}, std::string agent = {});

  /// The same for ready records, without a future: `done` is called once. Precondition: made with new_slab().
  void share(slab_ptr patterns, delivery_wish wish, std::function<void(const sync_report&)> done);
  /// A builder for slabs of this node.
  slab_builder new_slab() const;

  /// Calls `handler` with the records that match, as they come: a batch at a time, valid during the call.
  /// Returns a number for unsubscribe(); 0 when the node is not running.
  using record_handler = std::function<void(std::span<const record_view>)>;
  std::uint64_t subscribe(filter wanted, subscribe_frame::start from, record_handler handler);
  /// No call of the handler begins after this returned.
  void unsubscribe(std::uint64_t subscription);

  /// What the node holds, deletions left out. Errors: not_running.
  result<std::vector<pattern>> cached_patterns(const filter& wanted = {});
  /// One pattern. Errors: not_found, not_running.
  result<pattern> get(const std::string& id);
  /// Forgets all patterns here (not at the peers). Returns how many there were. Errors: not_running.
  result<std::uint64_t> clear_cache();

  /// Asks the peer of this name (empty: the first that is connected) for what it holds (`list`, a filter expression) or
  /// for one pattern (`get`, an id). `page` is called with each part of the answer; the last call has `last` set, and
  /// an error where it failed.
  struct answer {
    std::span<const record_view> records;
    std::optional<error> failure;
    bool last = false;
  };
  void ask_peer(query_frame::kind what, std::string argument, std::function<void(const answer&)> page,
                std::string peer = {});

  // -- agents: include <quicsync/actors/agent/agent.hpp> to write them
  // ----------------------------------------------------------------------------------------------------------

  /// Runs the coroutine `body(agent&, arguments...)` as an actor until it returns, throws, is told to end, or the node
  /// stops. Errors: not_running.
  template <class F, class... Arguments>
  result<caf::actor> spawn_agent(agent_options options, F body, Arguments... arguments);
  /// What agents of this node are made in; null when it is not running.
  std::shared_ptr<const agent_environment> agents() const;
  /// Those that live, and the last that failed.
  std::vector<agent_status> agent_states() const;

  // -- watching
  // ---------------------------------------------------------------------------------------------------------------

  /// Calls `handler` for each event of this name ("" for all but `pattern:received`, which has to be asked for):
  /// docs/ARCHITECTURE.md, "Events". Patterns that came before this call are not told.
  void on(std::string name, std::function<void(const event&)> handler);

  /// Errors: not_running.
  result<node_state> state();

  /// Since the last start; 0: not running.
  std::chrono::milliseconds uptime() const noexcept;

  /// Why the version of this pattern that is held won. Errors: not_found, not_running.
  result<pattern_reason> why(const std::string& id);
  /// Of a peer that is or was connected, by the number that its patterns bear (change_set::source); empty: this node,
  /// or nobody knows any more.
  std::string peer_name(std::uint32_t number);
  /// The configuration in force: reloads and peers that were named by them included.
  result<node_config> configuration();
  /// Tells it to everybody who listens, as the node's own events are told.
  void tell(event what);

  /// From now on what happens on each connection is written down, a file each in this folder (docs/TRACE.md); an empty
  /// one: no longer. Errors: no_file.
  result<void> trace(const std::filesystem::path& folder);

  /// Every actor of the node, agents too; null where the configuration does not let them be counted
  /// (`enable_metrics`). Valid as long as this server.
  actor_registry* actors() const noexcept;

 private:
  struct implementation;
  explicit server(std::unique_ptr<implementation> impl);
  std::unique_ptr<implementation> impl_;
};

}  // namespace quicsync
