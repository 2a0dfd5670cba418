// Every bound that a peer or a user can meet, with its unit last in its name and the reason beside it.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace quicsync::limits {

// -- patterns --------------------------------------------------------------------------------------------
inline constexpr std::size_t pattern_bytes = 16u
                                             << 20;  ///< one pattern as JSON text or record: fits a stream of its own
inline constexpr std::size_t id_bytes = 1024;        ///< one `id`, `agentId`, `type` or `source`: keys, not documents
inline constexpr std::size_t tags = 256;             ///< tags of one pattern
inline constexpr std::size_t json_depth = 64;        ///< nesting of one pattern: bounds recursion and parser state
inline constexpr std::uint64_t version_max = (1ull << 53) - 1;  ///< exact in a JSON number of any language

// -- hand-over: docs/ARCHITECTURE.md, "units" ------------------------------------------------------------
inline constexpr std::size_t slab_records = 256;  ///< records a slab: one reference between actors
inline constexpr std::size_t slab_bytes =
    1u << 20;  ///< record bytes after which a slab takes no further one: bounds what one reference holds
inline constexpr std::size_t turn_records =
    1024;  ///< records an actor handles a turn: no turn holds up the loop's timers
inline constexpr std::size_t turn_bytes = 64u << 10;   ///< record bytes an actor handles a turn
inline constexpr std::size_t batch_bytes = 16u << 10;  ///< records gathered into one block before it leaves

// -- wire -------------------------------------------------------------------------------------------------------------
inline constexpr std::size_t block_bytes = 64u << 10;  ///< a block before compression; larger patterns go on their own
inline constexpr std::size_t block_records =
    16384;  ///< records of a block: more of the smallest than block_bytes holds; bounds what a block unpacks to
inline constexpr std::size_t frame_bytes = 17u << 20;  ///< a frame's payload: the largest pattern and its envelope
inline constexpr std::size_t control_frame_bytes = 64u << 10;  ///< a frame on the control lane
inline constexpr std::size_t filter_bytes = 4096;              ///< a filter expression
inline constexpr std::size_t filter_terms = 64;                ///< its terms
inline constexpr std::size_t sketch_symbols =
    1u << 20;  ///< of one reconciliation: half a million differences; then a full copy is cheaper
inline constexpr std::size_t request_items = 8000;  ///< records asked for in one frame: fits a control frame
inline constexpr std::size_t frame_names = 4096;    ///< names in one frame: an audience, a node's neighbours
inline constexpr std::size_t error_bytes = 1024;    ///< text of an error on the wire: for people, one line
inline constexpr std::size_t name_bytes = 255;      ///< a node's name: as long as a DNS name

// -- peers -----------------------------------------------------------------------------------------------
inline constexpr std::size_t lane_in_flight_bytes = 2u << 20;  ///< sent on a lane and not yet acknowledged by QUIC
inline constexpr std::size_t acknowledgement_islands = 4096;   ///< gaps in what a peer has acknowledged on a lane
inline constexpr std::size_t unacknowledged_blocks = 8192;  ///< sent on a lane and not acknowledged by the application
inline constexpr std::size_t outbox_records =
    1u << 17;  ///< not acknowledged by a peer, 16 MB of usual ones: what is beyond does not keep others from eviction
inline constexpr std::size_t subscriptions = 256;         ///< subscribe frames of one connection
inline constexpr std::size_t slabs_at_once = 16;          ///< decoded from a lane before the cache has applied them
inline constexpr std::chrono::seconds query_timeout{30};  ///< from a question, or its last page, to the next
inline constexpr std::size_t queries_at_once = 8;         ///< that a peer may have open
inline constexpr std::size_t partial_frame_bytes = 256u
                                                   << 10;  ///< of an unfinished frame before its credit is given early
inline constexpr std::chrono::milliseconds greeting_timeout{
    5000};  ///< from an open connection to the other side's hello

// -- agents ----------------------------------------------------------------------------------------------
inline constexpr std::size_t agent_kept_messages =
    4096;                                             ///< messages that an agent does not await yet; more are refused
inline constexpr std::size_t agent_turn_waits = 256;  ///< patterns an agent takes before others get their turn
inline constexpr std::size_t agent_outbox = 64;       ///< posted patterns that leave together
inline constexpr std::size_t agents_remembered = 64;  ///< failed agents whose last error a node can still tell

// -- inspection ------------------------------------------------------------------------------------------
inline constexpr std::uint32_t timed_messages_per_second =
    1000;  ///< of one actor, each by itself: 0.1 ms of a second; beyond, a sample is timed
inline constexpr std::size_t inspected_neighbours = 4096;      ///< senders that are told apart at one actor
inline constexpr std::size_t actors_remembered = 256;          ///< failed actors whose last error a node can still tell
inline constexpr std::chrono::milliseconds stuck_after{1000};  ///< without a move: a handler that long is a defect
inline constexpr std::chrono::milliseconds slow_after{1000};   ///< without an acknowledgement that is due
inline constexpr std::size_t listed_at_once = 1000;            ///< entries of one answer of the admin endpoint
inline constexpr std::size_t scanned_at_once = 16'384;         ///< records that one search over patterns looks at
inline constexpr std::size_t event_streams = 4;                ///< of the admin endpoint at once: half of its threads
inline constexpr std::size_t event_backlog = 1024;  ///< events that wait for a slow reader; it is told what it missed
inline constexpr std::size_t admin_sessions = 64;   ///< browsers that are logged in
inline constexpr std::chrono::hours admin_session_lifetime{12};  ///< a working day
inline constexpr std::size_t logged_text_bytes = 512;            ///< of a peer's words in one line of the log
inline constexpr std::size_t log_lines_per_second = 100;         ///< of one kind; the rest is counted
inline constexpr std::size_t trace_file_bytes = 64u << 20;       ///< of one connection's event trace

// -- connections -----------------------------------------------------------------------------------------
inline constexpr std::chrono::milliseconds handshake_timeout{5000};  ///< from the first packet to a finished handshake
inline constexpr std::chrono::milliseconds idle_timeout{5000};  ///< silence after which a peer is gone, RFC 9000 10.1
inline constexpr int silent_idle_timeouts = 3;  ///< end a connection, whatever its round trip is taken for
inline constexpr std::chrono::milliseconds keep_alive{1500};      ///< three tries fit into the idle timeout
inline constexpr std::size_t lane_window_first_bytes = 1u << 20;  ///< receive window of a new lane
inline constexpr std::size_t lane_window_bytes = 4u << 20;  ///< to which it grows where the peer fills it in no time
inline constexpr std::size_t control_window_bytes = 256u << 10;  ///< reserve of the control lane
inline constexpr std::size_t unacked_bytes = 8u << 20;   ///< stream data kept per connection until it is acknowledged
inline constexpr std::size_t handshakes_at_once = 1024;  ///< half-open connections of a node
inline constexpr std::size_t handshakes_unproven =
    128;  ///< of them with clients that may have forged their address; beyond, they are sent a Retry
inline constexpr std::size_t handshakes_of_host = 512;  ///< of them with one host that has proven its address
inline constexpr double handshakes_per_second = 1000;   ///< begun: about what one core can do
inline constexpr double retries_per_second = 20'000;    ///< about a core's half; each is a tenth of what it answers
inline constexpr double stateless_answers_per_second = 200;      ///< of other kinds: nobody waits for them in earnest
inline constexpr std::chrono::seconds retry_token_lifetime{60};  ///< the answer to a Retry, lost packets included
inline constexpr std::chrono::hours address_token_lifetime{24};  ///< of a NEW_TOKEN: a client that is back the next day
inline constexpr std::size_t address_token_bytes = 512;     ///< kept of a server: those that are known have about 100
inline constexpr std::size_t remembered_servers = 256;      ///< whose tokens and tickets a client keeps
inline constexpr std::size_t handshake_bytes = 256u << 10;  ///< of TLS messages: the longest chain takes a tenth
inline constexpr double idle_packets_per_second =
    10'000;  ///< from a peer, good ones that bring nothing and acknowledge nothing: 2 % of a core
inline constexpr double idle_packets_at_once = 100'000;  ///< acknowledgements around a loss, at 1 GB/s
inline constexpr std::uint64_t key_update_bytes = 64ull
                                                  << 30;  ///< sent under one key; AES-GCM would bear 100 times that
inline constexpr std::size_t tickets_bytes = 64u << 10;   ///< of session tickets on one connection: one takes 1 KB
inline constexpr std::chrono::hours ticket_lifetime{12};  ///< a node that is back the same day resumes
inline constexpr std::size_t early_bytes = 8u << 10;  ///< of a client before its handshake is done: hello and digest
inline constexpr std::chrono::seconds replay_window{10};  ///< early data is taken once, and not when it is older
inline constexpr std::size_t replay_entries = 16'384;  ///< early data within the window: the handshakes' rate, and half
inline constexpr std::size_t connections = 16384;      ///< connections of a node

// -- store: docs/STORE.md ---------------------------------------------------------------------------------
inline constexpr std::size_t unstored_bytes =
    32u << 20;  ///< taken and not on disk yet: a third of a second of a usual disk; beyond, who sends waits
inline constexpr std::size_t store_group_bytes = 4u << 20;  ///< of one commit: bounds how long the first of it waits
inline constexpr std::uint64_t store_position_gap =
    1u << 20;  ///< positions left out after a start: more than unstored_bytes could have taken before it
inline constexpr std::chrono::milliseconds store_slice{10};  ///< of compaction or checkpoint, between two commits
inline constexpr std::size_t store_row_bytes = 64u << 10;  ///< of records in one row, uncompressed; a larger one alone
inline constexpr std::size_t store_row_records = 1024;     ///< of one row: what reading one cold record unpacks
inline constexpr std::size_t store_wal_pages =
    512;  ///< 2 MB of WAL: the next checkpoint takes it in a few milliseconds
inline constexpr std::chrono::milliseconds store_witness_interval{100};  ///< how far the witness may be behind
inline constexpr std::size_t store_note_bytes = 1024;                    ///< one note: a few numbers about a peer
inline constexpr std::size_t store_dead_step =
    4096;  ///< superseded positions looked through at once: half a millisecond

// -- catching up (docs/WIRE.md, "Catching up")
inline constexpr std::size_t offered_records = 3500;      ///< offered in one frame: fits a control frame
inline constexpr std::size_t sketch_page_symbols = 3072;  ///< of one sketch frame: fits a control frame
inline constexpr std::size_t digests_kept =
    64;  ///< kept up to date, one for each filter that peers have: each record costs an addition more
inline constexpr std::size_t sketched_records =
    4u << 20;  ///< in all sketches that a node builds at once, 40 bytes each; beyond, a full copy is made
inline constexpr std::size_t control_in_flight_bytes =
    128u << 10;  ///< of catch-up frames, sent and not yet acknowledged by QUIC: acknowledgements wait behind them
inline constexpr std::size_t slice_records = 2048;    ///< looked at a turn while sets are compared: half a millisecond
inline constexpr std::size_t remembered_logs = 4096;  ///< nodes of which is known how far one has come in their log
inline constexpr std::size_t refusals_remembered =
    16'384;  ///< of a peer: records that it did not take; of older ones it is not said any more that it has them
inline constexpr std::size_t comparisons_at_once = 64;  ///< rounds that a peer may begin, and then one a second
inline constexpr unsigned comparison_doublings = 4;     ///< of the interval, while rounds bring nothing

}  // namespace quicsync::limits
