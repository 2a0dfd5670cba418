#include <fmt/format.h>

#include <quicsync/actors/cache/comparison_messages.hpp>
#include <quicsync/actors/peer/frame_words.hpp>
#include <quicsync/actors/peer/peer_actor.hpp>
#include <quicsync/codec/limits.hpp>

namespace quicsync {
namespace {

using caf_compat::tell;
namespace transport = transport_messages;

/// Trying again would end the same way until somebody changes something.
bool is_final(errc code) {
  switch (code) {
    case errc::certificate_untrusted:
    case errc::certificate_expired:
    case errc::certificate_name:
    case errc::certificate_missing:
    case errc::certificate_refused:
    case errc::no_common_protocol:
    case errc::wire_version:
    case errc::not_allowed:
    case errc::self_dial:
    case errc::bad_address:
    case errc::bad_filter:
      return true;
    default:
      return false;
  }
}

class peer_actor : public loop_actor, private loop::source, private peer_session_host {
 public:
  peer_actor(caf::actor_config& config, loop& home, peer_setup setup)
      : loop_actor(config, home),
        setup_(std::move(setup)),
        number_(setup_.number),
        backoff_(setup_.dial ? setup_.dial->retry : retry_policy{}, setup_.dial ? setup_.dial->seed : 0) {}

  const char* name() const override { return "peer"; }

  caf::behavior make_behavior() override {
    home().add(this, -1, 0);
    known_as("peer " + (setup_.dial
                            ? (setup_.dial->wish.name.empty() ? setup_.dial->wish.host_port : setup_.dial->wish.name)
                            : setup_.accepted->peer.name));
    set_exit_handler([this](caf::exit_msg& m) {
      leave({errc::connection_closed, "the node stops"});
      quit(m.reason);
    });
    if (setup_.accepted) {
      tell(this, setup_.transport, transport::adopt{setup_.accepted->id, caf::actor_cast<caf::actor>(this)});
      start_session(setup_.accepted->id, setup_.accepted->peer, setup_.accepted->remote);
    } else {
      dial();
    }
    return {
        // transport
        [this](const transport::opened& m) {
          if (m.attempt == attempt_ && connection_ == 0) start_session(m.id, m.peer, m.remote);
        },
        [this](transport::received_bytes& m) {
          if (m.id != connection_) return;
          session_->receive(m.on, std::move(m.bytes));
          trace_rates();
        },
        [this](const transport::acknowledged_bytes& m) {
          if (m.id == connection_) session_->acknowledged(m.on, m.bytes);
        },
        [this](transport::ended& m) { on_ended(m); },
        // cache
        [this](messages::applied& m) {
          trace("sync:applied", [&] {
            return lane_field(m.on) + trace_field("first", m.first_sequence) + trace_field("records", m.count) +
                   trace_field("refused", m.refused.size());
          });
          answer(m, [&](auto& s) { s.applied(m); });
        },
        [this](messages::stored& m) { answer(m, [&](auto& s) { s.stored(m); }); },
        [this](messages::page& m) {
          trace("sync:page", [&] {
            std::uint64_t records = 0;
            for (const auto& set : m.sets) records += set->changes.size();
            return trace_field("records", records) + trace_field("atEnd", std::uint64_t{m.at_end});
          });
          answer(m, [&](auto& s) { s.take_page(m); });
          trace_rates();
        },
        [this](messages::found& m) { answer(m, [&](auto& s) { s.take_found(m); }); },
        [this](messages::digest_answer& m) { answer(m, [&](auto& s) { s.take_digest(m); }); },
        [this](messages::symbols_answer& m) { answer(m, [&](auto& s) { s.take_symbols(std::move(m)); }); },
        [this](messages::selected& m) { answer(m, [&](auto& s) { s.take_selected(std::move(m)); }); },
        [this](messages::answer_older& m) { answer(m, [&](auto& s) { s.answer_older(m.pairs); }); },
        [this](messages::recalled_log& m) { answer(m, [&](auto& s) { s.welcome(number_, m.what); }); },
        [this](messages::log_end& m) {
          answer(m, [&](auto& s) {
            if (std::exchange(opening_, false))
              s.open(m.position, m.partial, m.level);
            else
              s.log_ends_at(m.position);
          });
        },
        // coordinator
        [this](const messages::welcome& m) {
          if (connection_ == 0 || m.connection != connection_) return;
          number_ = m.number;
          send_to_cache(messages::recall_log{tagged(0), their_name_});
        },
        [this](const messages::turn_away& m) {
          if (m.connection == connection_) on_turned_away(m.reason);
        },
        [this](const messages::leave& m) {
          leave(m.reason);
          ending_ = true;
          if (connection_ == 0) end({errc::cancelled, "the peer was removed"});
        },
        [this](const messages::begin_anew& m) {
          setup_.session.hello.log.incarnation = m.incarnation;
          on_turned_away(m.reason);
        },
        [this](messages::dial_again) {
          if (connection_ == 0 && setup_.dial && !ending_) dial();
        },
        [this](messages::run_query& m) { on_query(m); },
        [this](messages::ask_connection_state) { return state(); },
        // ledger
        [this](const messages::our_neighbours& m) {
          if (session_) session_->set_our_neighbours(m.names);
        },
        [this](const messages::neighbours_of& m) {
          if (session_) session_->set_neighbours_of(m.peer, m.names);
        },
    };
  }

  void on_exit() override {
    for (auto& [number, asked] : queries_)
      tell(this, asked.by, messages::query_page{number, {}, error{errc::connection_lost, "the peer is gone"}, true});
    if (setup_.cache) tell(this, setup_.cache, messages::stop_reading{address()});
    if (setup_.cache && connection_ != 0) tell(this, setup_.cache, messages::no_progress{number_});
    if (setup_.ledger && connection_ != 0)
      tell(this, setup_.ledger,
           messages::peer_down{number_, connection_, {errc::connection_lost, "the peer actor ended"}});
    home().remove(this);
    tell_requester({errc::cancelled, "the peer actor ended"});
    auto sum = total();
    if (setup_.coordinator)
      tell(this, setup_.coordinator, messages::peer_totals{sum.record_bytes_sent, sum.lane_bytes_sent});
    session_.reset();
    setup_ = {};
  }

 private:
  /// Questions to the cache carry the connection's epoch in the upper half of their tag: what was asked for one
  /// connection must never be taken for the answer to the next one's question.
  std::uint64_t tagged(std::uint64_t tag) const noexcept { return epoch_ << 32 | tag; }
  template <class Answer, class F>
  void answer(Answer& m, F&& take) {
    if (!session_ || m.tag >> 32 != epoch_) return;
    m.tag &= 0xffffffff;
    take(*session_);
  }

  // -- the connection's life
  // ----------------------------------------------------------------------------------------------

  void dial() {
    ++attempt_;
    static constexpr wait_label connecting{"the connection that it dials"};
    waits_for(&connecting);
    tell(this, setup_.transport,
         transport::dial{caf::actor_cast<caf::actor>(this), attempt_, setup_.dial->wish.host_port,
                         setup_.dial->wish.name});
  }

  void start_session(connection_id id, const peer_identity& certificate, const quicsync::address& remote) {
    ++epoch_;
    connection_ = id;
    remote_ = remote;
    their_name_ = certificate.name;
    fingerprint_ = certificate.fingerprint;
    session_.emplace(setup_.session, certificate, static_cast<peer_session_host&>(*this));
    told_ = {};
    delays_told_ = {};
    delays_told_to_ = setup_.traces != nullptr ? setup_.traces->generation() : 0;
    opening_ = true;
    static constexpr wait_label greeting{"the peer's hello"};
    waits_for(&greeting);
    ask_log_end();  // the hello says where the log stands
    session_wakes_ = time_point::max();
    set_phase_deadline(home().now() + limits::greeting_timeout);
  }

  /// Of dialling and greeting; the session has one of its own.
  void set_phase_deadline(time_point when) {
    phase_ends_ = when;
    arm();
  }
  void arm() {
    auto first = std::min(phase_ends_, session_wakes_);
    for (const auto& [number, asked] : queries_) first = std::min(first, asked.until);
    home().set_deadline(this, first);
  }

  void on_deadline() override {
    run_in_context([this] {
      if (session_wakes_ <= home().now()) {
        session_wakes_ = time_point::max();
        if (session_) session_->wake();
      }
      end_overdue_queries();
      if (phase_ends_ > home().now()) return arm();
      set_phase_deadline(time_point::max());
      if (connection_ == 0) {
        if (setup_.dial && !ending_) dial();
      } else if (!session_->is_established()) {
        fail({errc::timed_out, "the peer did not say hello in time"});
      }
    });
  }
  void on_ready(unsigned) override {}
  void on_turn_end() override {}

  void on_ended(transport::ended& m) {
    bool mine = connection_ != 0 ? m.id == connection_ : setup_.dial && m.attempt == attempt_;
    if (!mine) return;
    // What the session or the coordinator found wrong says more than how the connection then ended.
    error reason = failure_.code != errc::none ? std::exchange(failure_, {}) : std::move(m.reason);
    bool was_ready = session_ && session_->is_established();
    if (reason.code != errc::none && reason.code != errc::cancelled) note_error(to_string(reason));
    static constexpr wait_label again{"its time to dial again"};
    waits_for(&again);
    if (connection_ != 0) tell(this, setup_.ledger, messages::peer_down{number_, connection_, reason});
    remember_statistics();
    session_.reset();
    session_wakes_ = time_point::max();
    connection_ = 0;
    tell(this, setup_.cache, messages::stop_reading{address()});
    tell(this, setup_.cache, messages::no_progress{number_});
    for (auto& [number, asked] : queries_) tell(this, asked.by, messages::query_page{number, {}, reason, true});
    queries_.clear();
    if (reason.code != errc::connection_closed && reason.code != errc::cancelled) count_error();
    tell(this, setup_.coordinator, messages::peer_lost{reason, was_ready});
    if (ending_ || !setup_.dial) return end(reason);

    bool dormant = reason.code == errc::duplicate_peer;
    if (dormant) {
      tell_requester({});
      set_phase_deadline(time_point::max());
      return;
    }
    if (was_ready) backoff_.reset();
    auto wait = backoff_.next();
    if (is_final(reason.code) || backoff_.exhausted() || !setup_.dial->wish.keep) tell_requester(reason);
    if (!setup_.dial->wish.keep && (was_ready || backoff_.exhausted() || is_final(reason.code))) return end(reason);
    set_phase_deadline(home().now() + wait);
  }

  void on_turned_away(const error& reason) {
    if (connection_ == 0) return;
    failure_ = reason;
    leave(reason);
  }

  void leave(const error& reason) {
    if (connection_ == 0) return;
    session_->leave(reason);
    tell(this, setup_.transport, transport::close_connection{connection_, reason});
  }

  void end(const error& reason) {
    tell_requester(reason);
    quit(caf::exit_reason::normal);
  }

  void tell_requester(error failure) {
    if (!setup_.dial || !setup_.dial->wish.requester) return;
    messages::peer_connected answer{setup_.dial->wish.number, std::nullopt, their_name_};
    if (failure.code != errc::none) answer.failure = std::move(failure);
    tell(this, std::exchange(setup_.dial->wish.requester, nullptr), std::move(answer));
  }

  // -- what the session wants (peer_session_host)
  // ---------------------------------------------------------------------------

  /// Fields are made only where somebody reads them.
  template <class F>
  void trace(std::string_view what, F&& fields) {
    if (traced()) setup_.traces->write(connection_, home().now(), what, fields());
  }
  bool traced() const { return setup_.traces != nullptr && setup_.traces->on(); }
  static std::string lane_field(lane on) { return trace_field("lane", to_string(on)); }
  void trace_frame(const char* way, const frame& value) {
    if (const auto words = words_of(value))
      trace(words->event, [&] { return trace_field("way", way) + words->fields; });
  }
  /// Whole frames that leave: those of control one by one, batches as one hand-over.
  void trace_sent(lane on, const shared_bytes& bytes, const lane_flow& told, const lane_flow& flow) {
    frame_reader frames(limits::frame_bytes);
    frames.feed(bytes);
    for (auto next = frames.next(); next && *next; next = frames.next()) trace_frame("out", **next);
    if (flow.patterns_sent == told.patterns_sent) return;
    trace("sync:sent", [&] {
      return lane_field(on) + trace_field("first", told.patterns_sent) +
             trace_field("records", flow.patterns_sent - told.patterns_sent) +
             trace_field("recordBytes", flow.record_bytes_sent - told.record_bytes_sent) +
             trace_field("bytes", bytes.size());
    });
  }
  /// That records wait for a rate limit. Where tracing began anew, waits of before are nobody's news.
  void trace_rates() {
    if (!traced() || !session_) return;
    const auto generation = setup_.traces->generation();
    const bool anew = std::exchange(delays_told_to_, generation) != generation;
    const auto& now = session_->statistics();
    for (const auto& [way, count, told] : {std::tuple{"out", now.rate_delays_out, &delays_told_[0]},
                                           std::tuple{"in", now.rate_delays_in, &delays_told_[1]}})
      if (std::exchange(*told, count) < count && !anew)
        trace("sync:rate_wait", [&, w = way] { return trace_field("way", w); });
  }

  void send_to_cache(auto&& message) { tell(this, setup_.cache, std::forward<decltype(message)>(message)); }

  void heard(const frame& value) override {
    if (traced()) trace_frame("in", value);
  }
  void send_frames(lane on, shared_bytes bytes) override {
    // Also where nobody reads it: who begins to read is not told what left before.
    const auto& flow = session_->statistics().lanes[index_of(on)];
    const auto told = std::exchange(told_[index_of(on)], flow);
    if (traced()) trace_sent(on, bytes, told, flow);
    tell(this, setup_.transport, transport::send_bytes{connection_, on, std::move(bytes)});
  }
  void consumed(lane on, std::uint64_t bytes) override {
    tell(this, setup_.transport, transport::consumed{connection_, on, bytes});
  }
  void fail(error reason) override {
    failure_ = reason;
    tell(this, setup_.transport, transport::close_connection{connection_, std::move(reason)});
  }
  void greeted(const hello_frame& hello) override {
    their_name_ = hello.name;
    known_as("peer " + their_name_);
    tell(this, setup_.coordinator, messages::peer_hello{hello, setup_.accepted.has_value(), fingerprint_, connection_});
  }
  void established() override {
    trace("sync:established", [] { return std::string(); });
    waits_for(nullptr);
    set_phase_deadline(time_point::max());
    tell(this, setup_.coordinator, messages::peer_ready{remote_.to_string()});
    tell_requester({});
  }
  void said_goodbye(const error& reason) override {
    failure_ = {errc::connection_closed, fmt::format("the peer left: {}", to_string(reason))};
    tell(this, setup_.transport, transport::close_connection{connection_, failure_});
  }
  time_point now() const override { return home().now(); }
  void wake_at(time_point when) override {
    session_wakes_ = when;
    arm();
  }
  void apply(slab_ptr records, lane on, std::uint64_t first_sequence, const sharing& access,
             std::vector<std::pair<std::uint32_t, error>> refused) override {
    trace("sync:records_in", [&] {
      return lane_field(on) + trace_field("first", first_sequence) + trace_field("records", records->size()) +
             trace_field("bytes", records->record_bytes()) + trace_field("refused", refused.size());
    });
    send_to_cache(
        messages::apply{tagged(0), std::move(records), number_, on, first_sequence, access, std::move(refused)});
  }
  void apply_deltas(std::shared_ptr<const delta_block> records, lane on, std::uint64_t first_sequence,
                    const sharing& access, std::shared_ptr<const peer_rules> rules) override {
    trace("sync:records_in", [&] {
      return lane_field(on) + trace_field("first", first_sequence) + trace_field("records", records->size()) +
             trace_field("bytes", records->record_bytes()) + trace_field("deltas", records->deltas().size());
    });
    messages::apply m{tagged(0), nullptr, number_, on, first_sequence, access};
    m.deltas = std::move(records);
    m.rules = std::move(rules);
    send_to_cache(std::move(m));
  }
  void pull(std::uint64_t tag, const log_cursor& after, lane_set lanes, bool wait, std::size_t records_max,
            std::size_t bytes_max) override {
    messages::pull m{caf::actor_cast<caf::actor>(this), tagged(tag), after, lanes, wait, records_max, bytes_max};
    m.deltas = session_->deltas_wanted(tag);
    send_to_cache(std::move(m));
  }
  void find(std::uint64_t tag, std::string id) override { send_to_cache(messages::find{tagged(tag), std::move(id)}); }
  void ask_digest(std::shared_ptr<const comparison_view> view) override {
    send_to_cache(messages::ask_digest{tagged(0), std::move(view)});
  }
  void ask_symbols(std::uint64_t key, std::size_t first, std::size_t count) override {
    send_to_cache(messages::ask_symbols{tagged(0), key, first, count});
  }
  void select_records(std::vector<sketch_item> items, std::vector<offered_record> offered) override {
    send_to_cache(messages::select_records{tagged(0), std::move(items), std::move(offered)});
  }
  void pull_selected(std::uint64_t tag, std::size_t records_max, std::size_t bytes_max) override {
    send_to_cache(messages::pull_selected{tagged(tag), records_max, bytes_max});
  }
  void end_round() override { send_to_cache(messages::end_round{}); }
  void remember(const log_position& theirs) override {
    send_to_cache(messages::remember_log{their_name_, {theirs, setup_.session.wish.filter}});
  }
  void ask_log_end() override { send_to_cache(messages::ask_log_end{tagged(0)}); }
  void subscribed(bool takes_all) override {
    const auto& hello = *session_->their_hello();
    bool counts = hello.role == node_role::node;
    if (counts) send_to_cache(messages::progress{number_, lane::control, 0});
    tell(this, setup_.ledger, messages::peer_up{number_, connection_, their_name_, counts, hello.level, takes_all});
  }
  void reached(lane on, log_position_number position, ack_level level) override {
    trace("sync:acknowledged", [&] {
      return lane_field(on) + trace_field("position", position) +
             trace_field("level", static_cast<std::uint64_t>(level));
    });
    last_sync_ms_ = setup_.wall_clock_ms();
    errors_in_row_ = 0;
    if (level == ack_level::applied && session_->their_hello()->role == node_role::node)
      send_to_cache(messages::progress{number_, on, position});
    tell(this, setup_.ledger, messages::reached{number_, on, position, level});
  }
  void refused(lane on, log_position_number position, const error& reason) override {
    trace("sync:refused", [&] {
      return lane_field(on) + trace_field("position", position) + trace_field("reason", to_string(reason));
    });
    count_error();
    tell(this, setup_.ledger, messages::refused_by{number_, on, position, reason});
  }
  void passed_over(lane on, std::vector<log_position_number> positions) override {
    trace("sync:passed_over", [&] { return lane_field(on) + trace_field("records", positions.size()); });
    tell(this, setup_.ledger, messages::passed_over{number_, on, std::move(positions)});
  }
  void neighbours(std::vector<std::string> names) override {
    tell(this, setup_.ledger, messages::neighbours_of{number_, std::move(names)});
  }
  void answered(std::uint64_t query, std::vector<slab_ptr> records, std::optional<error> failure, bool last) override {
    auto it = queries_.find(query);
    if (it == queries_.end()) return;
    tell(this, it->second.by, messages::query_page{query, std::move(records), std::move(failure), last});
    it->second.until = home().now() + limits::query_timeout;
    if (last) queries_.erase(it);
  }

  // -- queries and state
  // --------------------------------------------------------------------------------------------------

  void on_query(messages::run_query& m) {
    if (!session_ || !session_->is_established()) {
      error reason{errc::not_connected, fmt::format("no connection to peer '{}'", their_name_)};
      return tell(this, m.requester, messages::query_page{m.number, {}, std::move(reason), true});
    }
    queries_.insert_or_assign(m.number, open_query{m.requester, home().now() + limits::query_timeout});
    arm();
    session_->query(m.number, m.what, std::move(m.argument));
  }

  void count_error() {
    ++error_count_;
    ++errors_in_row_;
  }

  // What comes for it later finds nobody waiting.
  void end_overdue_queries() {
    for (auto it = queries_.begin(); it != queries_.end();) {
      if (it->second.until > home().now()) {
        ++it;
        continue;
      }
      error reason{errc::timed_out, fmt::format("peer '{}' does not answer", their_name_)};
      tell(this, it->second.by, messages::query_page{it->first, {}, std::move(reason), true});
      it = queries_.erase(it);
    }
  }

  void remember_statistics() {
    if (session_) before_ = total();
  }

  peer_session_statistics total() const {
    auto sum = before_;
    if (session_) sum.add(session_->statistics());
    return sum;
  }

  connection_state state() const {
    auto sum = total();
    connection_state s;
    s.id = fmt::format("peer-{}", number_);
    s.peer_id = their_name_.empty() && setup_.dial ? setup_.dial->wish.name : their_name_;
    s.address = remote_.family() == AF_UNSPEC && setup_.dial ? setup_.dial->wish.host_port : remote_.host();
    s.port = remote_.port();
    s.connected = session_ && session_->is_established();
    s.incoming = setup_.accepted.has_value();
    s.last_sync_ms = last_sync_ms_;
    s.sync_count = sum.batches_acknowledged;
    s.error_count = error_count_;
    s.errors_in_row = errors_in_row_;
    s.sync_due = session_ && session_->has_unacknowledged();
    s.patterns_sent = sum.patterns_sent;
    s.patterns_received = sum.patterns_received;
    s.record_bytes_sent = sum.record_bytes_sent;
    s.lane_bytes_sent = sum.lane_bytes_sent;
    s.latency_ms = std::chrono::duration<double, std::milli>(sum.latency).count();
    s.rate_delays_out = sum.rate_delays_out;
    s.rate_delays_in = sum.rate_delays_in;
    s.patterns_filtered = sum.patterns_filtered;
    s.deltas_sent = sum.deltas_sent;
    s.deltas_missed = sum.deltas_missed;
    s.actor = caf::event_based_actor::id();
    s.connection = connection_;
    s.lanes = sum.lanes;
    s.acknowledgements = sum.latencies;
    if (session_) {
      const auto waits = session_->unacknowledged();
      s.unacknowledged_records = waits.records;
      s.unacknowledged_bytes = waits.bytes;
      if (waits.records != 0) s.unacknowledged_for = home().now() - waits.since;
      const auto given = session_->given_to();
      s.reads = given.has_value();
      s.read_to = given.value_or(log_cursor{});
    }
    for (const auto& [code, count] : sum.refused_here) s.refused_here.emplace(to_string(code), count);
    for (const auto& [code, count] : sum.refused_there) s.refused_there.emplace(to_string(code), count);
    return s;
  }

  peer_setup setup_;
  peer_number number_;
  backoff backoff_;
  std::uint64_t attempt_ = 0;
  std::uint64_t epoch_ = 0;
  connection_id connection_ = 0;
  quicsync::address remote_;
  std::string their_name_, fingerprint_;
  error failure_;
  bool opening_ = false;  ///< the session waits for the cache before it says hello
  bool ending_ = false;
  time_point phase_ends_ = time_point::max();
  time_point session_wakes_ = time_point::max();
  std::optional<peer_session> session_;
  struct open_query {
    caf::actor by;
    time_point until;
  };
  std::map<std::uint64_t, open_query> queries_;

  peer_session_statistics before_;              ///< of earlier connections
  std::array<lane_flow, lane_count> told_{};    ///< what has left on this connection's lanes, as the trace tells it
  std::array<std::uint64_t, 2> delays_told_{};  ///< out, in
  std::uint64_t delays_told_to_ = 0;            ///< the generation of the traces
  std::uint64_t error_count_ = 0;
  std::uint64_t errors_in_row_ = 0;  ///< since the last acknowledgement
  std::int64_t last_sync_ms_ = 0;
};

}  // namespace

caf::actor spawn_peer(caf::actor_system& system, loop& home, peer_setup setup) {
  return system.spawn<peer_actor>(home, std::move(setup));
}

}  // namespace quicsync
