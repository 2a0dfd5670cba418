// What a node's admin endpoint has answered, read back into values, for the program's tables. Plain; any thread.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <quicsync/codec/error.hpp>

// The fields are those of docs/OPERATIONS.md, "Admin". One that is absent is zero or empty: a program asks nodes of
// other versions, too. `json` is the row as it came. Errors of all functions: bad_json.
namespace quicsync {

struct actor_view {
  std::uint64_t id = 0;
  std::string name, kind, where, state, waits_for, last_error;
  std::uint64_t depth = 0, messages = 0, restarts = 0;
  double rate = 0;        ///< messages a second
  double busy_share = 0;  ///< 0 to 1
  double busy_ms = 0, longest_ms = 0, running_ms = 0, age_ms = 0;
  std::string json;

  /// Somebody has to look at it.
  bool troubled() const { return state == "stuck" || state == "failed" || state == "starved" || state == "restarting"; }
};

/// A page of the list of actors, and what holds for all that match.
struct actors_view {
  std::uint64_t total = 0, matched = 0;
  std::uint64_t messages = 0, depth = 0;
  std::vector<actor_view> actors;
};

struct peer_view {
  std::string id, name, address;  ///< address: HOST:PORT
  bool connected = false, healthy = false, incoming = false, slow = false;
  std::uint64_t errors = 0, patterns_sent = 0, patterns_received = 0, packets_lost = 0;
  double rtt_ms = 0;
  std::uint64_t lag_records = 0, lag_bytes = 0;
  double lag_age_ms = 0;  ///< how long it has acknowledged nothing while something was due
  std::string json;

  bool troubled() const { return !connected || !healthy || slow; }
};

struct stream_view {
  std::string peer, connection, lane, direction;
  std::uint64_t bytes = 0, unacked_bytes = 0, window_bytes = 0;
  std::string json;
};

struct node_view {
  std::string name;
  std::uint64_t patterns = 0, connections = 0, actors = 0, agents = 0;
  double uptime_ms = 0, time_ms = 0;  ///< time: Unix ms, by the node's clock
  std::vector<peer_view> peers;
};

/// Why this version of a pattern is the one that is held.
struct why_view {
  std::string id, agent, type, lane;
  std::uint64_t version = 0;
  bool deleted = false;
  std::string text;       ///< the rule in words
  std::string from;       ///< who brought it; empty: the node itself
  double arrived_ms = 0;  ///< Unix ms
  struct loser {
    std::uint64_t version = 0;
    std::string from;
  };
  std::optional<loser> over;
};

result<actors_view> read_actors(std::string_view answer);
result<std::vector<peer_view>> read_peers(std::string_view answer);
result<std::vector<stream_view>> read_streams(std::string_view answer);
result<node_view> read_node(std::string_view answer);
result<why_view> read_why(std::string_view answer);
/// The same JSON in lines, two spaces a level.
result<std::string> laid_out_json(std::string_view answer);

}  // namespace quicsync
