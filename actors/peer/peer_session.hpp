// The sync protocol with one peer over one connection (docs/WIRE.md): greeting, subscription, records and
// acknowledgements both ways, queries. Sans-IO: bytes, pages and answers go in; what is to be done goes to its host.
// Made anew for each connection; owned by the peer actor.
#pragma once
#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <absl/container/flat_hash_set.h>

#include <quicsync/actors/cache/comparison_messages.hpp>
#include <quicsync/actors/config.hpp>
#include <quicsync/actors/messages.hpp>
#include <quicsync/actors/peer/peer_rules.hpp>
#include <quicsync/actors/peer/rate_limit.hpp>
#include <quicsync/actors/peer/reconciliation.hpp>
#include <quicsync/actors/peer/settled_sequences.hpp>
#include <quicsync/actors/store/store_messages.hpp>
#include <quicsync/codec/block.hpp>
#include <quicsync/codec/filter.hpp>
#include <quicsync/codec/frame.hpp>
#include <quicsync/codec/slab.hpp>

namespace quicsync {

/// What a session asks of the world. Calls come from inside the session's functions; none may call back into it.
class peer_session_host {
 public:
  virtual ~peer_session_host() = default;

  // -- of the loop
  virtual time_point now() const = 0;
  /// Call peer_session::wake() then; replaces what was asked for before.
  virtual void wake_at(time_point when) = 0;

  // -- to the transport
  virtual void send_frames(lane on, shared_bytes bytes) = 0;
  virtual void consumed(lane on, std::uint64_t bytes) = 0;
  /// The connection cannot go on; an error frame has been sent.
  virtual void fail(error reason) = 0;

  // -- to the coordinator
  /// Answer with peer_session::welcome() or end the connection.
  virtual void greeted(const hello_frame& hello) = 0;
  /// Patterns can flow; once.
  virtual void established() = 0;
  /// The other side ends the connection on purpose; close it.
  virtual void said_goodbye(const error& reason) = 0;

  // -- to the cache
  /// All but the `refused` ones (by their place in the slab, ascending).
  virtual void apply(slab_ptr records, lane on, std::uint64_t first_sequence, const sharing& access,
                     std::vector<std::pair<std::uint32_t, error>> refused) = 0;
  /// All but what `rules` do not allow (null: they allow everything).
  virtual void apply_deltas(std::shared_ptr<const delta_block> records, lane on, std::uint64_t first_sequence,
                            const sharing& access, std::shared_ptr<const peer_rules> rules) = 0;
  /// `bounds`: no more than so many records, and bytes.
  virtual void pull(std::uint64_t tag, const log_cursor& after, lane_set lanes, bool wait, std::size_t records_max,
                    std::size_t bytes_max) = 0;
  virtual void find(std::uint64_t tag, std::string id) = 0;
  virtual void ask_log_end() = 0;

  // -- to the cache, while catching up: comparison_messages.hpp
  virtual void ask_digest(std::shared_ptr<const comparison_view> view) = 0;
  virtual void ask_symbols(std::uint64_t key, std::size_t first, std::size_t count) = 0;
  virtual void select_records(std::vector<sketch_item> items, std::vector<offered_record> offered) = 0;
  /// Answer with peer_session::take_page() and this tag.
  virtual void pull_selected(std::uint64_t tag, std::size_t records_max, std::size_t bytes_max) = 0;
  virtual void end_round() = 0;
  /// Everything of the other side's log up to there that is meant for this node is held.
  virtual void remember(const log_position& theirs) = 0;

  // -- to the ledger
  /// With each subscription. `takes_all`: everything that may be relayed is sent there.
  virtual void subscribed(bool takes_all) = 0;
  virtual void reached(lane on, log_position_number position, ack_level level) = 0;
  virtual void refused(lane on, log_position_number position, const error& reason) = 0;
  /// Own patterns that are not for this peer; positions ascend.
  virtual void passed_over(lane on, std::vector<log_position_number> positions) = 0;
  /// Sorted.
  virtual void neighbours(std::vector<std::string> names) = 0;

  // -- to whoever looks
  /// Before it is dealt with; views in it hold during the call.
  virtual void heard([[maybe_unused]] const frame& value) {}

  // -- to whoever asked the other side
  virtual void answered(std::uint64_t query, std::vector<slab_ptr> records, std::optional<error> failure,
                        bool last) = 0;
};

/// What a session needs to know of its own side.
struct peer_session_config {
  hello_frame hello;
  peer_wish wish;
  std::size_t batch_patterns = 100;
  bool compress = true;
  bool deltas = true;  ///< both ways; sent only where `compress` is set, too
  std::uint64_t key_seed = 0;
  bool check_name = true;                         ///< the other side's hello must agree with its certificate
  std::chrono::milliseconds sync_interval{1000};  ///< between looks at what may differ; 0: none
  std::uint64_t sketch_seed = 0;                  ///< secret, of this connection
  access_rules rules;                             ///< of this node; what they say of the peer is looked up by its name
  peer_limits limits;
};

struct peer_session_statistics {
  std::uint64_t patterns_sent = 0;
  std::uint64_t patterns_received = 0;
  std::uint64_t record_bytes_sent = 0;
  std::uint64_t lane_bytes_sent = 0;
  std::uint64_t batches_acknowledged = 0;
  std::uint64_t deltas_sent = 0;
  std::uint64_t deltas_missed = 0;      ///< of those, what the other side had no base for
  std::uint64_t patterns_filtered = 0;  ///< not sent: not wanted, or not to be read
  std::uint64_t rate_delays_out = 0;    ///< waits
  std::uint64_t rate_delays_in = 0;
  std::map<errc, std::uint64_t> refused_here, refused_there;
  std::chrono::nanoseconds latency{0};  ///< of the last batch that was acknowledged
  latency_buckets latencies;            ///< of all of them
  std::array<lane_flow, lane_count> lanes{};

  /// Adds the counts of a later session.
  void add(const peer_session_statistics& later);
};

class peer_session {
 public:
  peer_session(peer_session_config config, peer_identity certificate, peer_session_host& host);

  /// Says hello, with where the own log stands, whether something of it is no longer held, and the highest level that
  /// can be acknowledged. Once; nothing that came is looked at before.
  void open(log_position_number position = 0, bool partial = false, ack_level level = ack_level::applied);

  /// The coordinator agrees with the hello: go on. `remembered`: of the other side's log, by an earlier connection.
  void welcome(peer_number number, const std::optional<remembered_log>& remembered = std::nullopt);

  /// Bytes of a lane.
  void receive(lane on, shared_bytes bytes);
  /// QUIC has so many bytes of the lane acknowledged.
  void acknowledged(lane on, std::uint64_t bytes);

  // -- answers of the cache
  void applied(const messages::applied& answer);
  void stored(const messages::stored& answer);
  void log_ends_at(log_position_number position);
  void take_page(const messages::page& page);
  void take_found(const messages::found& found);
  void take_digest(const messages::digest_answer& own);
  void take_symbols(messages::symbols_answer own);
  void take_selected(messages::selected answer);
  /// The other side brought something older than these.
  void answer_older(const std::vector<messages::answer_older::pair>& pairs);

  /// The time asked for with host.wake_at() has come.
  void wake();

  /// Whom this node sends everything to; told to the other side where it is a node.
  void set_our_neighbours(const std::vector<std::string>& names);
  /// Whom another peer sends everything to: what came from it is not relayed to them. Where this one is no longer among
  /// them, what was left to that peer so far is sent now.
  void set_neighbours_of(peer_number other, const std::vector<std::string>& names);

  /// Asks the other side; answers come through host.answered() with this number.
  void query(std::uint64_t number, query_frame::kind what, std::string argument);

  /// Says goodbye; the caller then closes the connection.
  void leave(const error& reason);

  bool is_established() const noexcept { return established_; }
  /// Something that was sent is not acknowledged by the other side.
  bool has_unacknowledged() const noexcept {
    for (const auto& lane : outgoing_)
      if (!lane.applied.blocks.empty()) return true;
    return false;
  }
  /// What is on its way to the other side: records, their bytes, and when the oldest left (max: nothing is).
  struct under_way {
    std::uint64_t records = 0;
    std::uint64_t bytes = 0;
    time_point since = time_point::max();
  };
  under_way unacknowledged() const noexcept;
  /// For the messages::pull of this tag: whether the other side is sent deltas.
  delta_reader deltas_wanted(std::uint64_t tag) const;
  /// How far the other side was given the log; nullopt: it takes nothing.
  std::optional<log_cursor> given_to() const { return reading_ ? std::optional(read_to_) : std::nullopt; }
  const std::optional<hello_frame>& their_hello() const noexcept { return their_hello_; }
  const peer_session_statistics& statistics() const noexcept { return statistics_; }

 private:
  /// A record that was sent as a delta, until it is settled: whoever lacks the base is sent it whole.
  struct sent_delta {
    std::uint64_t sequence = 0;
    slab_ptr records;  ///< null: it was sent whole since
    std::uint16_t index = 0;
  };
  /// What was sent on a lane and where it stands in the log.
  struct sent_block {
    std::uint64_t first_sequence = 0;
    time_point sent_at;
    std::vector<log_position_number> positions;  ///< one a record
    bool in_order = true;                        ///< of the log; false: what the other side was found to lack
    std::uint64_t bytes = 0;                     ///< of the records
    std::uint64_t end_sequence() const noexcept { return first_sequence + positions.size(); }
  };
  /// How far the other side has acknowledged at one level.
  struct acknowledged_level {
    settled_sequences settled;
    std::deque<std::shared_ptr<const sent_block>> blocks;  ///< not settled yet, in the order sent
  };
  struct outgoing_lane {
    block_encoder encoder;
    std::uint64_t next_sequence = 0;
    std::uint64_t in_flight_bytes = 0;
    std::uint64_t in_order_from = 0;  ///< blocks before it tell nothing of how far the other side is in the log
    acknowledged_level applied;
    acknowledged_level stored;            ///< used when the other side has a store
    std::deque<sent_delta> deltas;        ///< by sequence, those of blocks that are not settled
    std::deque<std::uint64_t> asked_for;  ///< of those, what is to be sent whole
    /// Of late, of blocks without deltas: what their records had, and what of that went over the wire.
    std::uint64_t whole_record_bytes = 0, whole_wire_bytes = 0;
    explicit outgoing_lane(bool compress) : encoder(compress) {}
  };
  struct credit {
    std::uint64_t end_sequence = 0;
    std::uint64_t bytes = 0;
  };
  struct incoming_lane {
    frame_reader frames;
    block_decoder decoder;
    std::uint64_t next_sequence = 0;
    std::uint64_t applied_before = 0;  ///< sequences below are in the cache, or missing
    std::set<std::uint64_t> missing;   ///< deltas without a base, until they come whole
    std::uint64_t received_bytes = 0;  ///< of the lane
    std::uint64_t credited_bytes = 0;  ///< given back, or attached to records under way
    bool paused = false;               ///< enough is unpacked; goes on when the cache has applied it
    std::deque<credit> credits;        ///< to be given back when the cache has applied
    explicit incoming_lane(std::size_t frame_bytes) : frames(frame_bytes) {}
  };
  /// Records taken from a lane, and who may have them.
  struct received_slab {
    slab_ptr records;
    sharing access;
    std::shared_ptr<const delta_block> deltas = nullptr;  ///< in place of `records`
    std::optional<std::uint64_t> again = std::nullopt;    ///< the number that its one record has had before
  };
  /// A question of the other side that is being answered.
  struct served_query {
    std::uint64_t number = 0;
    filter wanted;
    log_cursor after;
    std::optional<std::string> id;  ///< of a `get`
  };

  // peer_session.cpp: greeting, control frames, queries asked
  void process(lane on);
  result<void> handle(lane on, const frame& value, std::vector<received_slab>& slabs);
  result<void> handle_control(const frame& value);
  result<void> take_hello(const hello_frame& hello);
  result<void> take_neighbours(const neighbours_frame& around);
  subscribe_frame own_subscription(const std::optional<remembered_log>& remembered) const;
  result<void> take_reply(const reply_frame& reply);
  void establish();
  void say(const frame& value, lane on = lane::control);
  void abandon(error reason);

  // peer_session_catch_up.cpp: where the other side begins to read, and what it is found to lack
  enum class drawn_from : std::uint8_t { log, selection, answer };
  result<void> take_subscribe(const subscribe_frame& wish);
  bool is_comparable(const subscribe_frame& wish) const;
  bool make_reconciliation();
  void read_from(const log_cursor& after);
  bool sends_the_rest() const;
  void send_the_rest(const reconciliation::send_the_rest& rest);
  void read_all();
  void caught_up();
  result<void> take_catch_up(const frame& value);
  result<void> take_mark(const mark_frame& mark);
  void check_marks();
  bool is_applied(const mark_frame& mark) const;
  bool is_settled() const;
  result<void> compare_when_settled();
  void begin_round();
  void carry_out();
  void end_round();
  void send_catch_up_frames();
  void pull_selected();
  void say_mark(std::uint64_t round, log_position_number position);
  void note_activity();
  void tick();
  std::chrono::nanoseconds tick_interval() const;
  void tick_after(std::chrono::nanoseconds time);

  // peer_session_outgoing.cpp: what goes to the other side and what it acknowledges
  void pull_more();
  bool is_left_to(peer_number source) const;
  bool may_be_sent(const change_set& set) const;
  bool leaves_to_another(const change_set& set);
  bool is_rest(const change_set& set, const change& c) const;
  bool wants(const slab& records, std::uint16_t index);
  void send_again_from(const log_cursor& first, peer_number source);
  bool was_sent_before(const change_set& set, const change& c) const;
  bool is_for_them(drawn_from origin, const change_set& set, const change& c);
  void send_records(const std::vector<std::shared_ptr<const change_set>>& sets, drawn_from origin = drawn_from::log);
  result<void> take_acknowledgement(const acknowledgement_frame& ack);
  result<void> take_refusal(const refusal_frame& refusal);
  void advance(lane on, ack_level level, acknowledged_level& track);
  void report_progress(lane on);
  void note_sent(lane on, sent_block block);
  bool sends_deltas(const change_set& set, drawn_from origin) const;
  bool is_worth_it(const outgoing_lane& to, common_ends kept) const noexcept;
  result<void> take_unknown_base(const unknown_base_frame& unknown);
  void send_whole(lane on);
  bool has_room(lane on) const noexcept;
  void send_on(lane on, byte_buffer&& bytes);

  // peer_session_queries.cpp: what the other side asks
  void serve(const query_frame& query);
  void serve_more();
  void reply_with(const served_query& query, const std::vector<std::shared_ptr<const change_set>>& sets, bool last);

  // peer_session_incoming.cpp: what comes from it
  result<void> take_batch(lane on, const batch_frame& batch, std::vector<received_slab>& slabs);
  result<void> take_deltas(lane on, bytes_view block, std::vector<received_slab>& slabs);
  result<void> take_again(lane on, const again_frame& again, std::vector<received_slab>& slabs);
  void note_taken(lane on, std::size_t patterns, std::size_t record_bytes);
  void apply_slabs(lane on, std::vector<received_slab> slabs);
  std::vector<std::pair<std::uint32_t, error>> judge(const slab& records);
  bool wait_for_rate(lane on);
  void wake_for_rates();
  void give_credit(lane on);

  outgoing_lane& outgoing(lane on) { return outgoing_[index_of(on)]; }
  const outgoing_lane& outgoing(lane on) const { return outgoing_[index_of(on)]; }
  incoming_lane& incoming(lane on) { return incoming_[index_of(on)]; }

  peer_session_config config_;
  peer_identity certificate_;
  peer_session_host& host_;
  std::vector<outgoing_lane> outgoing_;
  std::vector<incoming_lane> incoming_;
  slab_builder builder_;
  sharing building_for_;  ///< of the records in builder_
  block_decoder reply_decoder_;

  std::optional<hello_frame> their_hello_;
  bool opened_ = false;
  time_point opened_at_;
  bool welcomed_ = false;
  bool established_ = false;
  bool over_ = false;
  peer_number number_ = 0;

  std::optional<filter> their_filter_;  ///< set once they subscribed
  peer_rules rules_;                    ///< what they may; known with their hello
  std::shared_ptr<const peer_rules>
      judged_by_;  ///< these and the own filter, for the cache; null: nothing they bring is judged
  rate_limit in_limit_, out_limit_;
  bool waiting_for_out_rate_ = false;
  std::array<bool, lane_count> waiting_for_in_rate_{};
  /// Keys of the ids of which they were sent a version that they want: of those they are sent the version that they do
  /// not want any more, too. Kept only where they do not want everything. Never iterated.
  absl::flat_hash_set<std::uint64_t> given_;

  std::vector<std::string> told_neighbours_;   ///< the last that were sent
  std::set<peer_number> serving_it_;           ///< other peers that say that they send everything to this one
  std::uint64_t neighbours_heard_ = 0;         ///< frames
  std::map<peer_number, log_cursor> left_to_;  ///< before the first record that was left to it
  log_cursor sent_before_;                     ///< up to there it is sent again,
  std::vector<peer_number> sent_again_;        ///< and only what came from these

  std::shared_ptr<const comparison_view> view_;  ///< what is compared; null: nothing
  std::optional<reconciliation> reconciliation_;
  bool starting_ = false;                    ///< reading begins where the log ends now, once that is known
  bool caught_up_ = false;                   ///< what was there before is sent, or known to be there
  unsigned copies_ = 0;                      ///< of everything, since both were last equal
  log_cursor outside_until_;                 ///< up to there only what is not compared is read
  log_cursor rest_until_;                    ///< up to there what is not compared is left to nobody
  log_cursor sent_from_;                     ///< after this everything that was read for them was sent
  log_cursor deletions_until_;               ///< up to there deletions are sent whatever they want
  std::deque<byte_buffer> catch_up_frames_;  ///< wait for room on the control lane
  bool sending_selection_ = false, selection_pulled_ = false;
  std::uint64_t selection_tag_ = 0;
  std::optional<mark_frame> their_mark_, their_round_mark_;  ///< the last ones, until they are applied
  log_position_number wished_position_ = 0;                  ///< of a subscription that waits for the log's end
  log_position_number marked_ = 0;                           ///< the last position that was told
  bool at_log_end_ = false;
  bool active_ = false;  ///< since the last tick
  unsigned busy_ticks_ = 0, rounds_in_vain_ = 0;
  std::optional<digest_frame> their_digest_;  ///< waits until what was sent is acknowledged
  bool compares_when_settled_ = false;
  std::uint64_t rounds_begun_ = 0;      ///< looks at the own digest included
  std::size_t found_last_ = 0;          ///< differences, in the last round that found some
  std::size_t subscriptions_told_ = 0;  ///< to the host
  time_point next_tick_ = time_point::max(), try_again_at_{};

  bool reading_ = false;  ///< the start of their subscription is known
  std::size_t subscriptions_ = 0;
  bool pull_under_way_ = false;
  lane_set pulled_lanes_;  ///< of the pull under way
  std::uint64_t reading_tag_ =
      0;  ///< of its pulls; a new one with each subscription, so that a page of the last is void
  log_cursor read_to_;

  std::map<std::uint64_t, served_query> served_;  ///< by tag
  bool answering_ = false;                        ///< the cache has been asked for one of them
  std::uint64_t last_served_ = 0;
  std::uint64_t next_tag_ = 1;
  peer_session_statistics statistics_;
};

}  // namespace quicsync
