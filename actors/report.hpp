// What a share asks for and what became of it, and the state of a node and its connections. Plain values.
#pragma once
#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <quicsync/actors/latency_buckets.hpp>
#include <quicsync/actors/log_cursor.hpp>
#include <quicsync/codec/error.hpp>
#include <quicsync/codec/frame.hpp>
#include <quicsync/codec/limits.hpp>
#include <quicsync/codec/merge.hpp>
#include <quicsync/transport/endpoint.hpp>

namespace quicsync {

/// Whom a share is for, whom it waits for, how far it must get there, and how long.
struct delivery_wish {
  delivery_wish() = default;  ///< no aggregate: docs/decisions/coroutine-agents.md
  /// The targets: names of those who alone may have these versions. Empty: everybody. A later share of the same version
  /// may name more, or everybody; nobody can be taken off again.
  std::vector<std::string> only_to;
  bool pass_on = false;  ///< those of `only_to` may pass them on among themselves; else they keep them
  /// Whose acknowledgements to wait for; keeps nobody from getting them. Empty: those of `only_to`, or every node that
  /// is connected.
  std::vector<std::string> wait_for;
  ack_level level = ack_level::applied;
  std::chrono::milliseconds deadline{30000};
};

/// What the own node made of one shared pattern.
struct share_outcome {
  enum class verdict : std::uint8_t {
    accepted,    ///< new, or replaced an older version
    duplicate,   ///< this very version was held already
    superseded,  ///< a newer version is held
    refused,     ///< see `reason`
  } what = verdict::accepted;
  error reason;
};

/// What the own node made of the patterns of a share, by their places in it; takes room only for those that were not
/// simply accepted.
class share_outcomes {
 public:
  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  /// Precondition: index < size().
  const share_outcome& operator[](std::size_t index) const noexcept;
  /// Throws std::out_of_range.
  const share_outcome& at(std::size_t index) const;
  const share_outcome& front() const noexcept { return (*this)[0]; }
  /// At least one of them came to this, which is not `accepted`.
  bool has(share_outcome::verdict what) const noexcept;

  /// Further ones are accepted.
  void resize(std::size_t patterns) { size_ = patterns; }
  /// Precondition: index < size().
  void set(std::size_t index, share_outcome outcome);

 private:
  std::size_t size_ = 0;
  std::vector<std::pair<std::uint32_t, share_outcome>> others_;  ///< by index, ascending
};

/// What became of one pattern at one peer.
enum class pattern_fate : std::uint8_t {
  acknowledged,  ///< at the level of the outcome
  superseded,    ///< replaced here before the peer had it; it has the newer version
  refused,       ///< see `peer_outcome::refused`
  filtered,      ///< the peer does not want it or may not read it
  pending,       ///< not acknowledged when the wait ended
};

/// What one peer made of a share.
struct peer_outcome {
  std::string peer;
  error failure;                         ///< code none: all but the refused ones are acknowledged
  ack_level level = ack_level::applied;  ///< the level that was waited for: the wish, or the highest that the peer has
  std::vector<std::pair<std::uint32_t, error>> refused;  ///< index in the share, reason
  std::chrono::microseconds latency{0};                  ///< from hand-over to the last acknowledgement
  std::vector<pattern_fate> fates = {};                  ///< one per pattern; empty: all acknowledged
  pattern_fate fate(std::size_t index) const noexcept {
    return index < fates.size() ? fates[index] : pattern_fate::acknowledged;
  }
};

/// What became of a share at all its peers.
struct sync_report {
  share_outcomes local;  ///< one per pattern
  std::vector<peer_outcome> peers;
  /// How far this node itself has it: `stored` only where that was wished for and this node's store has it on disk.
  ack_level own_level = ack_level::applied;
  error failure;  ///< no_patterns, no_peers, not_running, or why not one pattern could be encoded; code none otherwise

  /// Every pattern was taken here and acknowledged by every peer.
  bool complete() const noexcept;
};

/// What a peer connection is for, from this side.
struct peer_wish {
  bool subscribe = true;  ///< ask the other side for patterns
  std::string filter;     ///< which ones; canonical expression
  subscribe_frame::start from = subscribe_frame::start::beginning;
  std::optional<bool> compress{};  ///< what is sent; absent: as the node is configured
  bool keep = false;               ///< dial again when it is lost, and go on where it was; a node does so anyway
};

/// What went over one lane of a connection; bytes of records, before compression.
struct lane_flow {
  std::uint64_t patterns_sent = 0;
  std::uint64_t patterns_received = 0;
  std::uint64_t record_bytes_sent = 0;
  std::uint64_t record_bytes_received = 0;
};

/// One peer connection. All measured, none estimated.
struct connection_state {
  std::string id;
  std::string peer_id;
  std::string address;
  std::uint16_t port = 0;
  bool connected = false;
  /// Connected, fewer than `unhealthy_errors` errors since the last acknowledgement, and not overdue: nothing that
  /// waits for an acknowledgement has waited `unhealthy_silence`, as far as the last health check saw.
  bool healthy = false;
  bool incoming = false;
  bool sync_due = false;          ///< something that was sent is not acknowledged
  std::int64_t last_sync_ms = 0;  ///< Unix ms of the last acknowledgement; 0: none yet
  std::uint64_t sync_count = 0;   ///< batches acknowledged
  std::uint64_t error_count = 0;
  std::uint64_t errors_in_row = 0;  ///< since the last acknowledgement
  std::uint64_t patterns_sent = 0;
  std::uint64_t patterns_received = 0;
  std::uint64_t record_bytes_sent = 0;  ///< records before framing and compression
  std::uint64_t lane_bytes_sent = 0;    ///< frames on the lanes
  /// Of the last share that it acknowledged, from hand-over; before any: of the last batch, from sending. 0: none yet.
  double latency_ms = 0;
  std::uint64_t rate_delays_out = 0;                   ///< how often sending waited for the rate limit
  std::uint64_t rate_delays_in = 0;                    ///< how often taking did
  std::uint64_t patterns_filtered = 0;                 ///< not sent: not wanted, or not to be read by this peer
  std::uint64_t deltas_sent = 0;                       ///< of patterns_sent, those that went as what changed
  std::uint64_t deltas_missed = 0;                     ///< of those, what it had no base for and was sent whole
  std::map<std::string, std::uint64_t> refused_here;   ///< patterns of it that this side did not take, by errc name
  std::map<std::string, std::uint64_t> refused_there;  ///< patterns that it did not take

  std::uint64_t actor = 0;                         ///< who keeps it, by its number among the node's actors
  connection_id connection = 0;                    ///< 0: none now
  std::array<lane_flow, lane_count> lanes{};       ///< over all of its connections
  latency_buckets acknowledgements;                ///< of batches, from sending
  log_cursor read_to;                              ///< how far it has been given the log
  bool reads = false;                              ///< it wants patterns, and is given them
  std::uint64_t unacknowledged_records = 0;        ///< on the way to it
  std::uint64_t unacknowledged_bytes = 0;          ///< of records, likewise
  std::uint64_t records_left = 0;                  ///< in the log, not given to it yet
  std::chrono::nanoseconds unacknowledged_for{0};  ///< how long the oldest of them has been on the way
  bool slow() const noexcept { return unacknowledged_for > limits::slow_after; }
  connection_statistics quic;  ///< of the connection that there is now
};

/// Why a node holds the version of a pattern that it holds.
struct pattern_reason {
  std::string from;                           ///< the peer that brought it; empty: the node itself
  std::int64_t arrived_ms = 0;                ///< Unix ms
  std::optional<std::uint64_t> over_version;  ///< what it replaced; none: the first of its id
  std::string over_from;
  order_part decided = order_part::none;  ///< in what the two differed first
  lane on = lane::normal;                 ///< where it stands
};

struct node_statistics {
  std::uint64_t total_syncs = 0;
  std::uint64_t total_patterns = 0;
  std::uint64_t successful_syncs = 0;
  std::uint64_t failed_syncs = 0;
  double average_latency_ms = 0;
  std::uint64_t bytes_transferred = 0;  ///< UDP payload sent and received
  std::uint64_t bytes_sent = 0;         ///< of which sent
  std::uint64_t record_bytes_sent = 0;  ///< records before framing and compression, over all connections so far
  std::uint64_t lane_bytes_sent = 0;    ///< frames on the lanes, likewise
  double compression_ratio = 0;         ///< lane bytes over record bytes sent; 0: nothing sent yet
  latency_buckets deliveries;           ///< of shares, once for each peer, from hand-over to its acknowledgement
  endpoint_statistics quic;
};

/// The node's store.
struct node_store_state {
  std::string condition = "none";  ///< none, loading, working, failed
  std::string file;
  error failure;                     ///< why it has failed, or what of it was lost; code none: all is well
  std::uint64_t incarnation = 0;     ///< of the log; new when something of it was lost
  std::uint64_t position = 0;        ///< everything up to there is on disk
  std::uint64_t bytes = 0;           ///< on disk
  std::uint64_t live = 0;            ///< records
  std::uint64_t commits = 0;         ///< since the start; each was waited for
  std::uint64_t quarantined = 0;     ///< rows set aside because they were damaged
  std::uint64_t unstored_bytes = 0;  ///< taken and not on disk yet
};

struct node_state {
  bool running = false;
  std::uint16_t port = 0;
  std::size_t connections = 0;
  std::size_t patterns = 0;
  std::vector<connection_state> peers;
  node_statistics stats;
  node_store_state store;
};

}  // namespace quicsync
