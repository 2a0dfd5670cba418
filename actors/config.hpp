// What a node is configured with; the defaults are here. The file that says it is read by config_file.hpp; what each
// field is called there stands beside it. A plain value.
#pragma once
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <quicsync/actors/peer/backoff.hpp>
#include <quicsync/codec/frame.hpp>

namespace quicsync {

/// How much may flow in one direction between this node and one peer; what is over it waits. 0: no limit.
struct flow_limit {
  std::uint64_t patterns_per_second = 0;
  std::uint64_t bytes_per_second = 0;  ///< of records, before compression
  bool unlimited() const noexcept { return patterns_per_second == 0 && bytes_per_second == 0; }
  bool operator==(const flow_limit&) const = default;
};

/// `limits {in, out}`, for each peer by itself.
struct peer_limits {
  flow_limit in;
  flow_limit out;
  bool operator==(const peer_limits&) const = default;
};

/// `quic.peers[]`.
struct peer_config {
  std::string id;       ///< expected name; empty: any under the trusted CA
  std::string address;  ///< host name or numeric address
  std::uint16_t port = 4433;
  std::optional<int> priority;  ///< 1 to 10, 10 is dialled first; absent is 5
  std::vector<std::string> tags;
  std::optional<std::string> filter;  ///< what this node wants of it; absent: `node_config::filter`
  std::optional<peer_limits> limits;  ///< absent: `node_config::limits`
  bool operator==(const peer_config&) const = default;
};

/// `security.rules`. Names are whole names, or end in `*` and are prefixes. An absent list allows everything; a list
/// that is there allows only what one of its rules names (an empty one: nothing).
struct access_rules {
  /// Peers of these names may hand in patterns of these agents.
  struct write_rule {
    std::string peer;
    std::vector<std::string> agents;
    bool operator==(const write_rule&) const = default;
  };
  /// Peers of these names may read the patterns that match.
  struct read_rule {
    std::string peer;
    std::string filter;  ///< canonical expression; empty: all
    bool operator==(const read_rule&) const = default;
  };
  std::optional<std::vector<write_rule>> write;
  std::optional<std::vector<read_rule>> read;
  /// Who may pass on what others wrote: the write rules are not asked again for what comes from them. Absent: every
  /// peer where there are no write rules, and nobody where there are.
  std::optional<std::vector<std::string>> relay;
  bool operator==(const access_rules&) const = default;
};

/// `security.pinned`: a peer of this name must have this key.
struct pinned_key {
  std::string name;
  std::string fingerprint;  ///< SHA-256 of the public key, lower-case hex
  bool operator==(const pinned_key&) const = default;
};

/// `patterns.syncPriority`: on which lane patterns go that have no priority of their own.
struct type_priorities {
  std::vector<std::string> high, medium, low;
  bool operator==(const type_priorities&) const = default;
};

struct node_config {
  std::string id;  ///< the node's name; empty: what its certificate says
  node_role role = node_role::node;

  /// Where the program answers about itself: the path of a Unix socket, "none", or empty for the program's default. A
  /// library's node has none unless it asks for one.
  std::string admin;

  // -- store
  /// `store.file`: where patterns are kept; "none" or empty: in memory only. The program takes empty for a file of its
  /// own choice.
  std::string store;
  std::filesystem::path store_key;    ///< `store.key`: 32 bytes, mode 0600; empty: not encrypted
  std::uint64_t store_bytes_max = 0;  ///< `store.maxBytes` on disk; 0: as much as there is
  /// `store.required`. When the store fails, true: patterns are refused; false: they are taken into memory only.
  bool store_required = true;

  // -- quic
  bool enabled = true;
  std::string host = "0.0.0.0";
  std::uint16_t port = 4433;  ///< 0: any free one
  std::vector<peer_config> peers;
  std::string filter;  ///< what this node wants of its peers, unless a peer's own says otherwise; empty: all
  std::chrono::milliseconds sync_interval{1000};  ///< how often a peer that has not all is offered it; 0: never
  std::size_t batch_size = 100;                   ///< patterns
  bool compression = true;
  bool deltas = true;  ///< of what a peer holds already, only what changed is sent; not without compression
  std::chrono::microseconds busy_poll{0};  ///< how long the node's loop looks for work before it sleeps
  retry_policy retry;
  std::filesystem::path cert, key, ca;  ///< PEM files
  /// False: a throw-away identity, and the other side is not checked (`--insecure`).
  bool reject_unauthorized = true;

  // -- patterns
  std::optional<std::uint64_t> cache_entries;          ///< absent: only `cache_bytes` counts
  std::uint64_t cache_bytes = 0;                       ///< 0: a quarter of the machine's memory
  std::uint64_t cache_reserve = 0;                     ///< bytes that are taken from the system at the start
  std::optional<std::chrono::milliseconds> cache_ttl;  ///< from arrival; absent: none
  type_priorities sync_priority;
  std::chrono::milliseconds tombstone_horizon = std::chrono::hours(7 * 24);  ///< a deletion is remembered so long

  // -- security
  bool enable_auth = true;                 ///< false: clients need no certificate
  std::vector<std::string> allowed_peers;  ///< empty: any that authenticates
  access_rules rules;
  std::vector<pinned_key> pinned;
  std::vector<std::string> denied;  ///< fingerprints; wins over everything that allows

  // -- limits
  peer_limits limits;

  // -- monitoring
  bool enable_metrics = true;
  std::chrono::milliseconds metrics_interval{5000};
  std::chrono::milliseconds health_check_interval{30000};
};

}  // namespace quicsync
