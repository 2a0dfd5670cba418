#include <algorithm>
#include <random>
#include <set>

#include <fmt/format.h>

#include <quicsync/actors/cache/cache_actor.hpp>
#include <quicsync/actors/coordinator/coordinator_actor.hpp>
#include <quicsync/actors/coordinator/health.hpp>
#include <quicsync/actors/coordinator/membership.hpp>
#include <quicsync/actors/coordinator/reload.hpp>
#include <quicsync/actors/coordinator/state_gathering.hpp>
#include <quicsync/actors/inspect/inspect_messages.hpp>
#include <quicsync/actors/peer/ledger_actor.hpp>
#include <quicsync/actors/peer/peer_actor.hpp>
#include <quicsync/actors/store/store_actor.hpp>
#include <quicsync/transport/inspect_messages.hpp>
#include <quicsync/transport/inspected_actor.hpp>
#include <quicsync/transport/transport_actor.hpp>

namespace quicsync {
namespace {

using caf_compat::tell;
namespace transport = transport_messages;

class coordinator_actor : public inspected_actor {
 public:
  coordinator_actor(caf::actor_config& actor_config, node_config config, node_parts parts)
      : inspected_actor(actor_config),
        config_(std::move(config)),
        parts_(std::move(parts)),
        random_(parts_.seed),
        hello_(own_hello()),
        members_(hello_, {}) {
    members_.set_trust({config_.allowed_peers, config_.pinned, config_.denied});
  }

  const char* name() const override { return "coordinator"; }

  caf::behavior make_behavior() override {
    set_down_handler([this](caf::down_msg& m) { on_down(m); });
    return {
        // handle
        [this](messages::start_node& m) { on_start(m); },
        [this](messages::stop_node& m) { on_stop(m); },
        [this](messages::connect_peer& m) { on_connect(m); },
        [this](messages::remove_peer& m) { on_remove(m); },
        [this](messages::reconfigure& m) { on_reconfigure(m); },
        [this](messages::respawn& m) { on_respawn(m); },
        [this](messages::listen& m) { listeners_.push_back(std::move(m.listener)); },
        [this](messages::run_query& m) { on_query(m); },
        [this](messages::ask_state) { return on_ask_state(); },
        [this](inspect_messages::ask_config) { return config_; },
        [this](const messages::ask_peer_name& m) { return messages::peer_name{m.number, members_.name_of(m.number)}; },
        [this](const messages::check_health& m) { on_check_health(m); },
        [this](const messages::happened& m) { emit(m.what); },
        [this](const messages::all_happened& m) {
          for (const auto& each : m.what) count(each);
          for (const auto& listener : listeners_) tell(this, listener, m);
        },
        // transport
        [this](const transport::listening& m) { on_listening(m); },
        [this](transport::accepted& m) { on_accepted(m); },
        [this](const transport::rejected& m) {
          event what;
          what.name = "peer:error";
          what.address = m.remote.to_string();
          what.failure = m.reason;
          emit(what);
        },
        // store
        [this](messages::store_opened& m) { on_store_opened(m); },
        [this](const messages::store_broke& m) { on_store_broke(m.reason); },
        // peers
        [this](const messages::peer_hello& m) { on_hello(m); },
        [this](messages::peer_ready& m) { on_ready(m); },
        [this](const messages::peer_lost& m) { on_lost(m); },
        [this](const messages::peer_totals& m) {
          statistics_.record_bytes_sent += m.record_bytes_sent;
          statistics_.lane_bytes_sent += m.lane_bytes_sent;
        },
    };
  }

  void on_exit() override {
    listeners_.clear();
    actors_.clear();
    transport_ = cache_ = ledger_ = store_ = nullptr;
  }

 private:
  /// A peer that this node dials for as long as it runs.
  struct dialled {
    messages::connect_peer wish;
    std::optional<peer_config> configured;  ///< by the configuration, and so what a reload can take away
  };

  hello_frame own_hello() {
    hello_frame hello;
    hello.name = config_.id.empty() && parts_.quic.identity ? parts_.quic.identity->name() : config_.id;
    hello.role = config_.role;
    hello.instance = random_();
    hello.pattern_bytes_max = limits::pattern_bytes;
    hello.level = ack_level::applied;
    hello.log.incarnation = random_();
    return hello;
  }

  // -- start and stop
  // -------------------------------------------------------------------------------------------------------

  void on_start(messages::start_node& m) {
    auto refuse = [&](error reason) { tell(this, m.requester, messages::node_started{std::move(reason), 0, nullptr}); };
    if (running_ || starting_)
      return refuse({errc::already_running, fmt::format("node '{}' is already running", hello_.name)});
    auto socket = parts_.open_socket();
    if (!socket) return refuse(std::move(socket.error()));
    auto quic = endpoint::make(parts_.quic);
    if (!quic) return refuse(std::move(quic.error()));

    hello_.log.incarnation = random_();  // a new cache begins a new log
    // And lacks what it brought to others: as another instance it is sent that, too.
    hello_.instance = random_();
    members_.set_instance(hello_.instance);
    auto self = caf::actor_cast<caf::actor>(this);
    if (parts_.open_store)
      store_ = spawn_store(system(), {parts_.open_store, parts_.key_seed, parts_.store_thread, self, board_});
    ledger_ = spawn_ledger(system(), *parts_.home, self);
    auto table = table_config_of(config_, parts_.key_seed);
    table.stored = store_ != nullptr;
    cache_ = spawn_cache(system(), *parts_.home,
                         {std::move(table), parts_.wall_clock_ms, ledger_, self, store_, !config_.store_required});
    for (const auto& a : {ledger_, cache_}) monitor(a);
    starting_ = std::move(m.requester);
    way_out_ = {std::move(*quic), std::move(*socket)};
    if (!store_) return go_out();
    monitor(store_);
    tell(this, store_, messages::open_store{cache_});
  }

  // The socket is bound before the store is read, so that peers that dial meanwhile wait in it.
  void go_out() {
    transport_ = spawn_transport(system(), *parts_.home, std::move(way_out_.quic), std::move(way_out_.socket),
                                 caf::actor_cast<caf::actor>(this), parts_.traces);
    monitor(transport_);
  }

  void on_store_opened(messages::store_opened& m) {
    if (!starting_) return;
    if (m.failure) {
      way_out_ = {};
      for (auto* a : {&store_, &cache_, &ledger_})
        if (*a) send_exit(std::exchange(*a, nullptr), caf::exit_reason::user_shutdown);
      tell(this, std::exchange(starting_, nullptr), messages::node_started{std::move(m.failure), 0, nullptr});
      for (auto& requester_of_stop : std::exchange(stopping_, {}))
        tell(this, requester_of_stop, messages::node_stopped{});
      return;
    }
    hello_.log.incarnation = m.incarnation;
    for (auto& [number, name] : m.sources) members_.remember(number, std::move(name));
    if (!m.lost.empty()) {
      event what;
      what.name = "store:lost";
      what.failure = {errc::store_lost, std::move(m.lost)};
      emit(what);
    }
    go_out();
  }

  // The peers learn from the next hello that nothing is said to be stored any more, and that this is another log: what
  // it takes from now on will not be there after a restart.
  void on_store_broke(const error& reason) {
    hello_.log.incarnation = random_();
    event what;
    what.name = "store:failed";
    what.failure = reason;
    emit(what);
    const messages::begin_anew again{{errc::connection_closed, "the node's store has failed"}, hello_.log.incarnation};
    for (const auto& [id, a] : actors_) tell(this, a, again);
  }

  void on_listening(const transport::listening& m) {
    running_ = true;
    port_ = m.local.port();
    tell(this, std::exchange(starting_, nullptr), messages::node_started{std::nullopt, port_, cache_});
    event what;
    what.name = "server:started";
    what.port = port_;
    emit(what);
    if (!stopping_.empty()) return begin_stop();
    auto peers = config_.peers;
    std::stable_sort(peers.begin(), peers.end(), [](const peer_config& a, const peer_config& b) {
      return a.priority.value_or(default_priority) > b.priority.value_or(default_priority);
    });
    for (const auto& peer : peers) dial_configured(peer);
    check_health_later(++run_);
  }

  void dial_configured(const peer_config& peer) {
    messages::connect_peer wish;
    wish.host_port = host_port_of(peer);
    wish.name = peer.id;
    wish.wish.filter = peer.filter.value_or(config_.filter);
    spawn_dialling(std::move(wish), peer);
  }

  void on_reconfigure(messages::reconfigure& m) {
    auto plan = plan_reload(config_, m.config);
    if (!plan) return tell(this, m.requester, messages::reconfigured{m.number, std::move(plan.error())});
    m.config.id = config_.id;
    config_ = std::move(m.config);
    for (auto& [id, reason] : members_.set_trust({config_.allowed_peers, config_.pinned, config_.denied}))
      tell(this, actors_.at(id), messages::turn_away{std::move(reason)});
    for (const auto& [id, kept] : dialled_)
      if (kept.configured &&
          std::find(plan->removed.begin(), plan->removed.end(), *kept.configured) != plan->removed.end())
        tell(this, actors_.at(id), messages::leave{{errc::connection_closed, "the peer is not configured any more"}});
    if (running_)
      for (const auto& peer : plan->added) dial_configured(peer);
    tell(this, m.requester, messages::reconfigured{m.number, std::nullopt});
  }

  // A crash of one peer's actor is the defect of one connection: it is made anew, and the new one starts from the log's
  // beginning, so nothing that the old one knew is needed.
  void respawn_later(const dialled& lost) {
    delayed_send(this, config_.retry.base_delay, messages::respawn{run_, lost.wish, lost.configured});
  }

  void on_respawn(messages::respawn& m) {
    if (running_ && m.run == run_) spawn_dialling(std::move(m.wish), std::move(m.configured));
  }

  void on_stop(messages::stop_node& m) {
    if (!running_ && !starting_ && stopping_.empty()) return tell(this, m.requester, messages::node_stopped{});
    stopping_.push_back(std::move(m.requester));
    if (running_) begin_stop();
  }

  void begin_stop() {
    running_ = false;
    for (const auto& [id, a] : actors_) send_exit(a, caf::exit_reason::user_shutdown);
    stop_further();
  }

  // First the peers say goodbye, then the transport sends what they said, then the rest ends.
  void stop_further() {
    if (stopping_.empty() || running_ || starting_ || !actors_.empty()) return;
    if (transport_) {
      send_exit(transport_, caf::exit_reason::user_shutdown);
      return;
    }
    if (ledger_) send_exit(std::exchange(ledger_, nullptr), caf::exit_reason::user_shutdown);
    // The cache hands over what it took last; when the store has that on disk, its file is free for the next start.
    if (cache_) return send_exit(cache_, caf::exit_reason::user_shutdown);
    if (store_) return tell(this, store_, messages::close_store{});
    event what;
    what.name = "server:stopped";
    emit(what);
    for (auto& requester_of_stop : std::exchange(stopping_, {}))
      tell(this, requester_of_stop, messages::node_stopped{});
  }

  void on_down(caf::down_msg& m) {
    if (transport_ && m.source == transport_.address()) {
      transport_ = nullptr;
      if (stopping_.empty() || running_ || starting_) lose_vital_actor("transport", m.reason);
      stop_further();
      return;
    }
    if (store_ && m.source == store_.address()) {
      store_ = nullptr;
      if (running_ || starting_) {
        const error reason{errc::store_failed, fmt::format("the store actor ended: {}", system().render(m.reason))};
        tell(this, cache_, messages::store_broke{reason});
        if (running_) return on_store_broke(reason);
        messages::store_opened never;
        never.failure = reason;
        return on_store_opened(never);
      }
      return stop_further();
    }
    for (auto* vital : {&cache_, &ledger_})
      if (*vital && m.source == vital->address()) {
        *vital = nullptr;
        if (running_ || starting_) lose_vital_actor("cache or ledger", m.reason);
        return stop_further();
      }
    auto it = std::find_if(actors_.begin(), actors_.end(), [&](const auto& a) { return a.second == m.source; });
    if (it == actors_.end()) return;
    member_id id = it->first;
    bool crashed = m.reason && m.reason != caf::exit_reason::normal && m.reason != caf::exit_reason::user_shutdown;
    actors_.erase(it);
    if (auto kept = dialled_.extract(id); crashed && running_ && !kept.empty()) respawn_later(kept.mapped());
    forget_member(id, crashed ? error{errc::internal, system().render(m.reason)} : error{});
    stop_further();
  }

  // A node without one of these does nothing any more: it ends, and says why. Whoever runs it starts it again.
  void lose_vital_actor(std::string_view what_ended, const caf::error& reason) {
    event what;
    what.name = "server:error";
    what.failure = {errc::internal, fmt::format("the {} actor ended: {}", what_ended, system().render(reason))};
    emit(what);
    if (starting_) tell(this, std::exchange(starting_, nullptr), messages::node_started{what.failure, 0, nullptr});
    running_ = false;
    for (const auto& [id, a] : actors_) send_exit(a, caf::exit_reason::user_shutdown);
    for (auto* a : {&transport_, &cache_, &ledger_})
      if (*a) send_exit(*a, caf::exit_reason::user_shutdown);
    if (store_) tell(this, store_, messages::close_store{});
  }

  // -- peers
  // ------------------------------------------------------------------------------------------------------------------

  peer_setup common_setup() {
    peer_setup setup;
    setup.number = members_.next_number();
    setup.session.hello = hello_;
    setup.session.batch_patterns = config_.batch_size;
    setup.session.compress = config_.compression;
    setup.session.deltas = config_.deltas;
    setup.session.key_seed = parts_.key_seed;
    setup.session.check_name = parts_.quic.verify.check_peer;
    setup.session.sync_interval = config_.sync_interval;
    setup.session.sketch_seed = random_();
    setup.session.rules = config_.rules;
    setup.session.limits = config_.limits;
    setup.session.wish.subscribe = config_.role == node_role::node;
    setup.session.wish.filter = config_.filter;
    setup.wall_clock_ms = parts_.wall_clock_ms;
    setup.traces = parts_.traces;
    setup.transport = transport_;
    setup.cache = cache_;
    setup.ledger = ledger_;
    setup.coordinator = caf::actor_cast<caf::actor>(this);
    return setup;
  }

  void adopt_actor(member_id id, peer_setup setup) {
    caf::actor peer = spawn_peer(system(), *parts_.home, std::move(setup));
    monitor(peer);
    ids_.emplace(peer.address(), id);
    actors_.emplace(id, std::move(peer));
  }

  void spawn_dialling(messages::connect_peer wish, std::optional<peer_config> configured = std::nullopt) {
    peer_setup setup = common_setup();
    membership::member first;
    first.name = wish.name;
    first.address = wish.host_port;
    first.number = setup.number;
    if (config_.role == node_role::client)
      setup.session.wish = wish.wish;
    else if (configured || !wish.wish.filter.empty())
      setup.session.wish.filter = wish.wish.filter;
    setup.session.compress = wish.wish.compress.value_or(config_.compression);
    dialled kept{wish, std::move(configured)};
    kept.wish.requester = nullptr;
    setup.dial = peer_setup::outgoing{std::move(wish), config_.retry, random_()};
    const member_id id = members_.add(std::move(first));
    if (kept.wish.keep) dialled_.emplace(id, std::move(kept));
    adopt_actor(id, std::move(setup));
  }

  void on_connect(messages::connect_peer& m) {
    if (!running_) {
      messages::peer_connected answer{m.number, error{errc::not_running, "the node is not running"}, m.name};
      return tell(this, m.requester, std::move(answer));
    }
    spawn_dialling(std::move(m));
  }

  void on_accepted(transport::accepted& m) {
    if (!running_)
      return tell(this, transport_, transport::close_connection{m.id, {errc::not_running, "the node stops"}});
    peer_setup setup = common_setup();
    membership::member first;
    first.name = m.peer.name;
    first.address = m.remote.to_string();
    first.number = setup.number;
    first.incoming = true;
    setup.accepted = std::move(m);
    adopt_actor(members_.add(std::move(first)), std::move(setup));
  }

  std::optional<member_id> sender_id() {
    auto it = ids_.find(current_sender() ? current_sender()->address() : caf::actor_addr{});
    return it == ids_.end() ? std::nullopt : std::optional(it->second);
  }

  void on_hello(const messages::peer_hello& m) {
    auto id = sender_id();
    if (!id || !actors_.count(*id)) return;
    members_.set_connection(*id, m.connection);
    auto decision = members_.greet(*id, m.hello, m.incoming, m.fingerprint);
    if (decision.refusal.code != errc::none)
      return tell(this, actors_.at(*id), messages::turn_away{std::move(decision.refusal), m.connection});
    if (decision.replaces) {
      error reason{errc::duplicate_peer, fmt::format("'{}' has another connection", m.hello.name)};
      tell(this, actors_.at(*decision.replaces),
           messages::turn_away{std::move(reason), members_.find(*decision.replaces)->connection});
    }
    // Before the cache can have anything of it: the store keeps names, since numbers end with the process.
    if (store_) tell(this, store_, messages::peer_name{decision.number, m.hello.name});
    tell(this, actors_.at(*id), messages::welcome{decision.number, m.connection});
  }

  void on_ready(messages::peer_ready& m) {
    auto id = sender_id();
    const auto* member = id ? members_.find(*id) : nullptr;
    if (!member) return;
    event what;
    what.name = "peer:connected";
    what.peer_id = member->name;
    what.address = m.address;
    members_.ready(*id, std::move(m.address));
    emit(what);
  }

  void on_lost(const messages::peer_lost& m) {
    auto id = sender_id();
    if (id) lose(*id, m.was_ready, m.reason);
  }

  void lose(member_id id, bool was_ready, const error& reason) {
    const auto* member = members_.find(id);
    if (!member) return;
    event what;
    what.peer_id = member->name;
    what.address = member->address;
    bool expected = reason.code == errc::none || reason.code == errc::connection_closed ||
                    reason.code == errc::duplicate_peer || reason.code == errc::cancelled;
    if (!expected) {
      what.name = "peer:error";
      what.failure = reason;
      emit(what);
    }
    if (was_ready) {
      what.name = "peer:disconnected";
      what.failure = {};
      emit(what);
    }
    for (member_id freed : members_.lost(id))
      if (auto it = actors_.find(freed); it != actors_.end()) tell(this, it->second, messages::dial_again{});
  }

  void forget_member(member_id id, const error& crash) {
    const auto* member = members_.find(id);
    if (member) {
      latencies_ms_.erase(member->name);
      lose(id, member->ready, crash);
    }
    members_.remove(id);
    health_.forget(id);
    std::erase_if(ids_, [&](const auto& entry) { return entry.second == id; });
    for (auto& r : removals_) r.left.erase(id);
    std::erase_if(removals_, [this](removal& r) {
      if (!r.left.empty()) return false;
      event what;
      what.name = "peer:removed";
      what.peer_id = r.question.name;
      emit(what);
      tell(this, r.question.requester, messages::peer_removed{r.question.number, std::nullopt});
      return true;
    });
  }

  void on_remove(messages::remove_peer& m) {
    auto found = members_.with_name(m.name);
    if (found.empty()) {
      messages::peer_removed answer{m.number, error{errc::unknown_peer, fmt::format("there is no peer '{}'", m.name)}};
      return tell(this, m.requester, std::move(answer));
    }
    for (member_id id : found)
      tell(this, actors_.at(id), messages::leave{{errc::connection_closed, "the peer was removed"}});
    removals_.push_back({std::move(m), {found.begin(), found.end()}});
  }

  void on_query(messages::run_query& m) {
    for (const auto& [id, member] : members_.all())
      if (member.ready && (m.peer.empty() || m.peer == member.name)) return tell(this, actors_.at(id), std::move(m));
    error reason{errc::not_connected,
                 m.peer.empty() ? "no peer is connected" : fmt::format("no connection to peer '{}'", m.peer)};
    messages::query_page answer{m.number, {}, std::move(reason), true};
    tell(this, m.requester, std::move(answer));
  }

  // -- events and state
  // -----------------------------------------------------------------------------------------------------

  void emit(const event& what) {
    count(what);
    for (const auto& listener : listeners_) tell(this, listener, messages::happened{what});
  }

  void count(const event& what) {
    if (what.name == "sync:completed") {
      ++statistics_.total_syncs;
      ++statistics_.successful_syncs;
      statistics_.total_patterns += what.pattern_count;
      latency_sum_ms_ += what.latency_ms;
      latencies_ms_[what.peer_id] = what.latency_ms;
      statistics_.deliveries.add(std::chrono::nanoseconds(static_cast<std::int64_t>(what.latency_ms * 1e6)));
    } else if (what.name == "sync:failed") {
      ++statistics_.total_syncs;
      ++statistics_.failed_syncs;
    }
  }

  void gather(std::function<void(state_gathering&)> then) {
    auto g = std::make_shared<state_gathering>();
    g->done = std::move(then);
    g->state.running = running_;
    g->state.port = port_;
    g->state.connections = members_.connections();
    g->state.stats = statistics_;
    g->state.store = board_->get();
    if (store_) g->state.store.file = config_.store;
    if (statistics_.successful_syncs != 0)
      g->state.stats.average_latency_ms = latency_sum_ms_ / static_cast<double>(statistics_.successful_syncs);
    auto ask = [this, g](const caf::actor& whom, auto question, auto take) {
      ++g->missing;
      request(whom, state_timeout, std::move(question)).then(std::move(take), [g](caf::error&) { g->arrived(); });
    };
    for (const auto& [id, a] : actors_)
      ask(a, messages::ask_connection_state{}, [this, g, whose = id](connection_state& s) {
        if (auto it = latencies_ms_.find(s.peer_id); it != latencies_ms_.end()) s.latency_ms = it->second;
        s.healthy = health_.is_healthy(whose, s, parts_.wall_clock_ms());
        g->ids.push_back(whose);
        g->state.peers.push_back(std::move(s));
        g->arrived();
      });
    if (cache_)
      ask(cache_, messages::ask_state{}, [g](const node_state& s) {
        g->state.patterns = s.patterns;
        g->state.store.unstored_bytes = s.store.unstored_bytes;
        g->arrived();
      });
    if (transport_)
      ask(transport_, transport::ask_connections{}, [g](transport::connections& s) {
        g->state.stats.bytes_transferred = s.totals.bytes_sent + s.totals.bytes_received;
        g->state.stats.bytes_sent = s.totals.bytes_sent;
        g->state.stats.quic = s.totals;
        g->connections = std::move(s.all);
        g->arrived();
      });
    g->arrived();
  }

  // What each peer has not been given yet is known when it is known how far each has come.
  caf::result<node_state> on_ask_state() {
    auto promise = make_response_promise();
    gather([this, promise](state_gathering& g) mutable {
      auto state = std::make_shared<node_state>(std::move(g.state));
      inspect_messages::ask_left question;
      for (const auto& peer : state->peers) question.after.push_back(peer.read_to);
      if (!cache_) return promise.deliver(std::move(*state));
      request(cache_, state_timeout, std::move(question))
          .then(
              [promise, state](const inspect_messages::left& answer) mutable {
                for (std::size_t i = 0; i < state->peers.size(); ++i)
                  if (state->peers[i].reads) state->peers[i].records_left = answer.records[i];
                promise.deliver(std::move(*state));
              },
              [promise, state](caf::error&) mutable { promise.deliver(std::move(*state)); });
    });
    return promise;
  }

  void check_health_later(std::uint64_t run) {
    if (config_.role == node_role::node) delayed_send(this, config_.health_check_interval, messages::check_health{run});
  }

  void on_check_health(const messages::check_health& m) {
    if (!running_ || m.run != run_) return;
    gather([this](state_gathering& g) {
      for (std::size_t i = 0; i < g.ids.size(); ++i) {
        auto& peer = g.state.peers[i];
        if (!health_.check(g.ids[i], peer, parts_.wall_clock_ms())) continue;
        peer.healthy = false;
        event what;
        what.name = "peer:health:degraded";
        what.peer_id = peer.peer_id;
        what.state = std::make_shared<const connection_state>(peer);
        emit(what);
      }
    });
    check_health_later(m.run);
  }

  static constexpr std::chrono::seconds state_timeout{2};
  static constexpr int default_priority = 5;

  node_config config_;
  node_parts parts_;
  std::mt19937_64 random_;
  hello_frame hello_;
  membership members_;
  std::map<member_id, caf::actor> actors_;
  std::map<member_id, dialled> dialled_;  ///< those to be kept up
  std::map<caf::actor_addr, member_id> ids_;
  struct removal {
    messages::remove_peer question;
    std::set<member_id> left;  ///< connections of that name that have not ended yet
  };
  std::vector<removal> removals_;
  std::vector<caf::actor> listeners_;
  caf::actor transport_, cache_, ledger_, store_;
  std::shared_ptr<store_board> board_ = std::make_shared<store_board>();
  struct {
    std::unique_ptr<endpoint> quic;
    std::unique_ptr<datagram_socket> socket;
  } way_out_;  ///< while the store is read
  caf::actor starting_;
  std::vector<caf::actor> stopping_;  ///< all who wait for the end
  bool running_ = false;
  std::uint16_t port_ = 0;
  node_statistics statistics_;
  double latency_sum_ms_ = 0;
  std::map<std::string, double> latencies_ms_;  ///< of each peer's last share
  health_watch health_;
  std::uint64_t run_ = 0;  ///< counts the starts
};

}  // namespace

caf::actor spawn_coordinator(caf::actor_system& system, node_config config, node_parts parts) {
  return system.spawn<coordinator_actor>(std::move(config), std::move(parts));
}

}  // namespace quicsync
