// Who says what to whom inside a node. Read from top to bottom this is the flow of docs/ARCHITECTURE.md:
//
//   agent --share--> cache --page--> peer --send_bytes--> transport --> wire
//   agent <--page--- cache <-apply-- peer <-received_bytes-- transport <-- wire
//                      |               '--reached--> ledger --report--> agent
//                      '--track--> ledger
//
// All are plain structs for one process; what they share is immutable and reference-counted. The messages between peers
// and the transport actor stand in transport/messages.hpp.
#pragma once
#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <quicsync/actors/config.hpp>
#include <quicsync/actors/event.hpp>
#include <quicsync/actors/log_cursor.hpp>
#include <quicsync/actors/report.hpp>
#include <quicsync/actors/sharing.hpp>
#include <quicsync/codec/delta.hpp>
#include <quicsync/codec/frame.hpp>
#include <quicsync/codec/limits.hpp>
#include <quicsync/codec/slab.hpp>
#include <quicsync/transport/messages.hpp>

namespace quicsync {

class peer_rules;

/// Names a peer within one node; 0 is the node itself (its agents). A node keeps its number across reconnects.
using peer_number = std::uint32_t;
inline constexpr peer_number this_node = 0;
/// Stands for the node's own store where the ledger waits for it.
inline constexpr peer_number this_store = 0xffffffff;

/// One accepted record in its slab.
struct change {
  log_position_number position = 0;
  std::uint16_t index = 0;  ///< in the slab
  lane on = lane::normal;
};

/// What an accepted record has in common with the version of it that the reader of its page holds.
struct change_delta {
  log_position_number position = 0;
  common_ends kept;
};

/// Accepted records of one slab with where they stand in the log, who brought them and who may have them.
struct change_set {
  slab_ptr records;
  peer_number source = this_node;
  sharing access;
  std::vector<change> changes;
  std::vector<change_delta> deltas = {};  ///< of some of the changes, in their order
};

/// A reader of the log that takes deltas. What it has brought itself it is not given.
struct delta_reader {
  peer_number number = this_node;  ///< this node: it takes none
  log_cursor sent_from;            ///< what was read after this was sent
};

namespace messages {

// -- agent -> cache
// -------------------------------------------------------------------------------------------------------

/// Take these patterns and pass them on. Answered to `requester` by one `report` from the ledger.
struct share {
  std::uint64_t number = 0;  ///< the requester's own
  slab_ptr patterns;
  delivery_wish wish;
  caf::actor requester;
  std::optional<time_point> handed_over = {};  ///< by whoever waits for the report; absent: when the ledger hears of it
  bool takes_bundles = false;                  ///< the requester takes `reports` as well
};

// -- readers (peers, subscribers) -> cache
// ------------------------------------------------------------------------------

/// Give me what follows `after` on these lanes. Answered by one `page`: at once where there is something, else as soon
/// as there is. A reading has one pull under way at most, which is all the flow control between a cache and its
/// readers: who is slow pulls later and finds superseded versions gone.
struct pull {
  caf::actor reader;
  std::uint64_t tag = 0;  ///< given back
  log_cursor after;
  lane_set lanes = lane_set::all_patterns();
  bool wait = true;  ///< false: an empty page at the end of the log, for queries
  std::size_t records_max = limits::turn_records;
  std::size_t bytes_max = limits::turn_bytes;
  std::uint32_t reading = 0;  ///< the reader's own number, for one that reads in several places at once
  delta_reader deltas = {};
};
/// From a reader that ends, or ends one of its readings: its pulls are void.
struct stop_reading {
  caf::actor_addr reader;
  std::optional<std::uint32_t> reading = std::nullopt;  ///< absent: all
};
struct page {
  std::uint64_t tag = 0;
  std::vector<std::shared_ptr<const change_set>> sets;
  log_cursor next;  ///< for the next pull; also passes over what was superseded
  bool at_end = false;
};
/// Where does the log end? Answered with a `log_end`.
struct ask_log_end {
  std::uint64_t tag = 0;
};
struct log_end {
  std::uint64_t tag = 0;
  log_position_number position = 0;
  bool partial = false;                  ///< not all that was accepted is held any more
  ack_level level = ack_level::applied;  ///< the highest one that this node can acknowledge now
};
/// The record of one id. Answered with a `found`; without a slab where there is none.
struct find {
  std::uint64_t tag = 0;
  std::string id;
};
struct found {
  std::uint64_t tag = 0;
  slab_ptr records;
  std::uint16_t index = 0;
  peer_number source = this_node;
  sharing access;
};
/// Forgets everything here, without tombstones. Answered with `cleared` to the sender.
struct clear {};
struct cleared {
  std::uint64_t patterns = 0;
};

// -- peer -> cache
// --------------------------------------------------------------------------------------------------------

/// Records that came from a peer, numbered on their lane from `first_sequence`. Answered with `applied`.
struct apply {
  std::uint64_t tag = 0;  ///< given back
  slab_ptr records;
  peer_number source = 0;
  lane on = lane::normal;
  std::uint64_t first_sequence = 0;
  sharing access;
  /// By the peer's session, in order: not to be taken; `not_wanted` ones, where nothing of the id is held.
  std::vector<std::pair<std::uint32_t, error>> refused = {};
  /// In place of `records` and `refused`: some stand as deltas. Where a base is not held, `applied` says unknown_base.
  std::shared_ptr<const delta_block> deltas = nullptr;
  std::shared_ptr<const peer_rules> rules = nullptr;  ///< for the records of `deltas`; null: all may be written
};
/// They are in the state (accepted, known or settled by something newer), but for the refused ones.
struct applied {
  std::uint64_t tag = 0;
  lane on = lane::normal;
  std::uint64_t first_sequence = 0;
  std::uint32_t count = 0;
  std::vector<std::pair<std::uint32_t, error>> refused;  ///< offset from first_sequence, reason
};

/// Up to this position a node has acknowledged everything on the lane: it need not be kept for it. Said first with 0.
struct progress {
  peer_number peer = 0;
  lane on = lane::normal;
  log_position_number position = 0;
};
/// Nothing is kept for this peer any more.
struct no_progress {
  peer_number peer = 0;
};

// -- cache -> ledger
// ------------------------------------------------------------------------------------------------------

/// A share to be followed until its peers have it.
struct track {
  std::uint64_t number = 0;
  caf::actor requester;
  delivery_wish wish;
  share_outcomes local;  ///< one per pattern, what the cache made of it; goes into the report
  std::vector<std::pair<lane, log_position_number>> places;  ///< one per pattern; position 0: refused here
  std::optional<time_point> handed_over = {};
  bool own_store = false;      ///< this node has one that works
  bool takes_bundles = false;  ///< the requester does
};

/// Records that shares may be waiting for were replaced: what settles them now stands somewhere else in the log.
struct moved {
  struct place {
    log_position_number from = 0;
    lane on = lane::normal;
    log_position_number to = 0;
    bool same_version = false;  ///< it is the same record, and more may have it now
  };
  std::vector<place> places;
};

// -- peer -> ledger
// -------------------------------------------------------------------------------------------------------

/// A peer takes patterns from now on; said again when what it wants has changed.
struct peer_up {
  peer_number peer = 0;
  connection_id connection =
      0;  ///< tells the peer's connections apart: a late peer_down of the last one changes nothing
  std::string name;
  bool counts = true;                   ///< false: a client that only watches; nobody waits for it
  ack_level level = ack_level::stored;  ///< the highest one that it acknowledges
  bool takes_all = false;               ///< it is a node, and everything that may be relayed is sent to it
};
/// Everything up to `position` on the lane that was meant for this peer is acknowledged at this level.
struct reached {
  peer_number peer = 0;
  lane on = lane::normal;
  log_position_number position = 0;
  ack_level level = ack_level::applied;
};
struct refused_by {
  peer_number peer = 0;
  lane on = lane::normal;
  log_position_number position = 0;
  error reason;
};
/// Own patterns that are not sent to this peer: it does not want them, or may not read them.
struct passed_over {
  peer_number peer = 0;
  lane on = lane::normal;
  std::vector<log_position_number> positions;  ///< ascending
};
struct peer_down {
  peer_number peer = 0;
  connection_id connection = 0;
  error reason;
};

/// Whom a peer sends everything to, by its own word: what came from it need not be relayed to them.
struct neighbours_of {
  peer_number peer = 0;
  std::vector<std::string> names;  ///< sorted; none: nothing is known of it any more
};

// -- ledger -> peers
// ------------------------------------------------------------------------------------------------------

/// Whom this node sends everything to, to be told to the other side. Also neighbours_of() of the other peers.
struct our_neighbours {
  std::vector<std::string> names;  ///< sorted
};

// -- ledger -> agent
// ------------------------------------------------------------------------------------------------------

struct report {
  std::uint64_t number = 0;
  sync_report outcome;
};
/// Several of one turn, in their order.
struct reports {
  std::vector<report> all;
};

// -- anyone -> coordinator
// ----------------------------------------------------------------------------------------------

/// Something the outside may want to know.
struct happened {
  event what;
};
/// Several of one turn, in their order.
struct all_happened {
  std::vector<event> what;
};
/// From now on events go to `listener` as `happened` or `all_happened`.
struct listen {
  caf::actor listener;
};

// -- handle -> coordinator
// ------------------------------------------------------------------------------------------------

struct start_node {
  caf::actor requester;  ///< gets `node_started`
};
struct node_started {
  std::optional<error> failure;
  std::uint16_t port = 0;
  caf::actor cache;
};
struct stop_node {
  caf::actor requester;  ///< gets `node_stopped`
};
struct node_stopped {};
struct connect_peer {
  std::uint64_t number = 0;  ///< the requester's own
  std::string host_port;
  std::string name;  ///< expected; empty: any under the trusted CA
  peer_wish wish;
  bool keep = true;      ///< dial again when it is lost
  caf::actor requester;  ///< gets `peer_connected` once: connected, or given up after retry.maxAttempts
};
struct peer_connected {
  std::uint64_t number = 0;
  std::optional<error> failure;
  std::string name;
};
struct remove_peer {
  std::uint64_t number = 0;  ///< the requester's own
  std::string name;
  caf::actor requester;  ///< gets one `peer_removed`, when every connection of that name has ended
};
struct peer_removed {
  std::uint64_t number = 0;
  std::optional<error> failure;
};
/// From now on this configuration: its peers, whom it trusts, rules, filters and limits. Connections that it does not
/// touch stay.
struct reconfigure {
  std::uint64_t number = 0;  ///< the requester's own
  node_config config;
  caf::actor requester;  ///< gets one `reconfigured`
};
struct reconfigured {
  std::uint64_t number = 0;
  std::optional<error> failure;
};
/// The coordinator to itself: dial again for a peer whose actor crashed.
struct respawn {
  std::uint64_t run = 0;  ///< which start of the node it belongs to
  connect_peer wish;
  std::optional<peer_config> configured;
};
/// Answered with a node_state.
struct ask_state {};
/// Who is or was the peer of this number? Answered with `peer_name`; an empty name where nobody knows any more.
struct ask_peer_name {
  peer_number number = 0;
};
struct peer_name {
  peer_number number = 0;
  std::string name;
};
/// The coordinator to itself: the time for a health check has come.
struct check_health {
  std::uint64_t run = 0;  ///< which start of the node it belongs to
};

// -- peer <-> coordinator
// -------------------------------------------------------------------------------------------------

/// The other side's hello agrees with its certificate. Answered with `welcome` or `turn_away`.
struct peer_hello {
  hello_frame hello;
  bool incoming = false;
  std::string fingerprint;       ///< of the key that it proved; empty: none
  connection_id connection = 0;  ///< given back: the answer may come when the peer has another one
};
struct welcome {
  peer_number number = 0;  ///< from now on; a node has the same one each time it comes
  connection_id connection = 0;
};
struct turn_away {
  error reason;
  connection_id connection = 0;
};
/// Patterns can flow.
struct peer_ready {
  std::string address;
};
/// A connection that was ready is over, or (with `was_ready` false) an attempt came to nothing.
struct peer_lost {
  error reason;
  bool was_ready = false;
};
/// The last word of a peer actor: what it has sent in its life.
struct peer_totals {
  std::uint64_t record_bytes_sent = 0;
  std::uint64_t lane_bytes_sent = 0;
};
/// Say goodbye and end.
struct leave {
  error reason;
};
/// End the connection that there is, and say this in the hello of the next.
struct begin_anew {
  error reason;
  std::uint64_t incarnation = 0;  ///< of this node's log
};
/// Dial now, if there is no connection: what stood in the way is gone.
struct dial_again {};
/// Answered with connection_state.
struct ask_connection_state {};
/// Asks the other side (query frame); answers go to `requester` as `query_page`.
struct run_query {
  std::uint64_t number = 0;
  std::string peer;  ///< for the coordinator: whom to ask; empty: the first that is connected
  query_frame::kind what = query_frame::kind::list;
  std::string argument;
  caf::actor requester;
};
struct query_page {
  std::uint64_t number = 0;
  std::vector<slab_ptr> records;
  std::optional<error> failure;
  bool last = false;
};

}  // namespace messages
}  // namespace quicsync

QUICSYNC_SHARED_MESSAGE(quicsync::messages::share)
QUICSYNC_SHARED_MESSAGE(quicsync::messages::pull)
QUICSYNC_SHARED_MESSAGE(quicsync::messages::stop_reading)
QUICSYNC_SHARED_MESSAGE(quicsync::messages::page)
QUICSYNC_SHARED_MESSAGE(quicsync::messages::ask_log_end)
QUICSYNC_SHARED_MESSAGE(quicsync::messages::log_end)
QUICSYNC_SHARED_MESSAGE(quicsync::messages::find)
QUICSYNC_SHARED_MESSAGE(quicsync::messages::found)
QUICSYNC_SHARED_MESSAGE(quicsync::messages::clear)
QUICSYNC_SHARED_MESSAGE(quicsync::messages::cleared)
QUICSYNC_SHARED_MESSAGE(quicsync::messages::apply)
QUICSYNC_SHARED_MESSAGE(quicsync::messages::applied)
QUICSYNC_SHARED_MESSAGE(quicsync::messages::progress)
QUICSYNC_SHARED_MESSAGE(quicsync::messages::no_progress)
QUICSYNC_SHARED_MESSAGE(quicsync::messages::track)
QUICSYNC_SHARED_MESSAGE(quicsync::messages::moved)
QUICSYNC_SHARED_MESSAGE(quicsync::messages::peer_up)
QUICSYNC_SHARED_MESSAGE(quicsync::messages::reached)
QUICSYNC_SHARED_MESSAGE(quicsync::messages::refused_by)
QUICSYNC_SHARED_MESSAGE(quicsync::messages::passed_over)
QUICSYNC_SHARED_MESSAGE(quicsync::messages::peer_down)
QUICSYNC_SHARED_MESSAGE(quicsync::messages::neighbours_of)
QUICSYNC_SHARED_MESSAGE(quicsync::messages::our_neighbours)
QUICSYNC_SHARED_MESSAGE(quicsync::messages::report)
QUICSYNC_SHARED_MESSAGE(quicsync::messages::reports)
QUICSYNC_SHARED_MESSAGE(quicsync::messages::happened)
QUICSYNC_SHARED_MESSAGE(quicsync::messages::all_happened)
QUICSYNC_SHARED_MESSAGE(quicsync::messages::listen)
QUICSYNC_SHARED_MESSAGE(quicsync::messages::start_node)
QUICSYNC_SHARED_MESSAGE(quicsync::messages::node_started)
QUICSYNC_SHARED_MESSAGE(quicsync::messages::stop_node)
QUICSYNC_SHARED_MESSAGE(quicsync::messages::node_stopped)
QUICSYNC_SHARED_MESSAGE(quicsync::messages::connect_peer)
QUICSYNC_SHARED_MESSAGE(quicsync::messages::peer_connected)
QUICSYNC_SHARED_MESSAGE(quicsync::messages::remove_peer)
QUICSYNC_SHARED_MESSAGE(quicsync::messages::peer_removed)
QUICSYNC_SHARED_MESSAGE(quicsync::messages::ask_state)
QUICSYNC_SHARED_MESSAGE(quicsync::messages::reconfigure)
QUICSYNC_SHARED_MESSAGE(quicsync::messages::reconfigured)
QUICSYNC_SHARED_MESSAGE(quicsync::messages::respawn)
QUICSYNC_SHARED_MESSAGE(quicsync::messages::ask_peer_name)
QUICSYNC_SHARED_MESSAGE(quicsync::messages::peer_name)
QUICSYNC_SHARED_MESSAGE(quicsync::messages::check_health)
QUICSYNC_SHARED_MESSAGE(quicsync::messages::peer_hello)
QUICSYNC_SHARED_MESSAGE(quicsync::messages::begin_anew)
QUICSYNC_SHARED_MESSAGE(quicsync::messages::welcome)
QUICSYNC_SHARED_MESSAGE(quicsync::messages::turn_away)
QUICSYNC_SHARED_MESSAGE(quicsync::messages::peer_ready)
QUICSYNC_SHARED_MESSAGE(quicsync::messages::peer_lost)
QUICSYNC_SHARED_MESSAGE(quicsync::messages::peer_totals)
QUICSYNC_SHARED_MESSAGE(quicsync::messages::leave)
QUICSYNC_SHARED_MESSAGE(quicsync::messages::dial_again)
QUICSYNC_SHARED_MESSAGE(quicsync::messages::ask_connection_state)
QUICSYNC_SHARED_MESSAGE(quicsync::messages::run_query)
QUICSYNC_SHARED_MESSAGE(quicsync::messages::query_page)
QUICSYNC_SHARED_MESSAGE(quicsync::node_state)
QUICSYNC_SHARED_MESSAGE(quicsync::connection_state)
