#include <algorithm>

#include <fmt/format.h>
#include <tests/sim/sync_node.hpp>

namespace quicsync::sim {

class sync_node::speaker : public caf::event_based_actor {
 public:
  speaker(caf::actor_config& config, simulated_world& world, std::string whose, std::shared_ptr<log> into)
      : caf::event_based_actor(config), world_(world), whose_(std::move(whose)), log_(std::move(into)) {}

  caf::behavior make_behavior() override {
    return {
        [this](const messages::node_started& m) {
          log_->started = !m.failure;
          log_->failure = m.failure;
          log_->cache = m.cache;
        },
        [this](messages::node_stopped) {
          log_->stopped = true;
          log_->cache = nullptr;
        },
        [this](const messages::happened& m) { note(m.what); },
        [this](const messages::all_happened& m) {
          for (const auto& each : m.what) note(each);
        },
        [this](const messages::peer_connected&) {},
        [this](const messages::peer_removed&) { ++log_->answered; },
        [this](const messages::reconfigured&) { ++log_->answered; },
        [this](const messages::report& m) { log_->reports.push_back(m.outcome); },
        [this](const messages::page& m) { take(m); },
        [this](const node_state& m) { log_->statistics = m; },
        [this](const messages::query_page& m) {
          for (const auto& slab : m.records)
            for (std::size_t i = 0; i < slab->size(); ++i) log_->answer.emplace(slab->record(i).id());
          log_->answer_whole |= m.last;
        },
    };
  }

 private:
  void note(const event& what) {
    log_->events.push_back(what);
    if (trace_is_wanted())
      world_.remark(fmt::format("{}: {} {} {}", whose_, what.name, what.peer_id, to_string(what.failure)));
  }
  void take(const messages::page& m) {
    for (const auto& set : m.sets)
      for (const change& c : set->changes) {
        auto p = set->records->record(c.index).to_pattern();
        if (p) log_->state[p->id] = fmt::format("{}={}", p->version, p->data);
      }
    log_->state_whole = m.at_end;
    if (!m.at_end)
      caf_compat::tell(this, log_->cache,
                       messages::pull{caf::actor_cast<caf::actor>(this), 0, m.next, lane_set::all_patterns(), false});
  }

  simulated_world& world_;
  std::string whose_;
  std::shared_ptr<log> log_;
};

sync_node::sync_node(simulated_world& world, const std::string& name, node_config config,
                     std::shared_ptr<tests::memory_disk> disk)
    : world_(world), name_(name), node_(world.add(name)), log_(std::make_shared<log>()) {
  config.id = name;
  node_parts parts;
  parts.home = &node_.home();
  parts.quic = node_.quic(tests::identity_of(name));
  parts.open_socket = [this] { return node_.open_socket(); };
  parts.wall_clock_ms = node_.wall_clock_ms();
  parts.seed = node_.seed();
  parts.key_seed = node_.seed() ^ 1;
  if (disk) parts.open_store = tests::memory_store::on(std::move(disk));
  parts.store_thread = false;
  speaker_ = node_.system().spawn<speaker>(world_, name_, log_);
  coordinator_ = spawn_coordinator(node_.system(), std::move(config), std::move(parts));
  caf_compat::anon_send(coordinator_, messages::listen{speaker_});
  caf_compat::anon_send(coordinator_, messages::start_node{speaker_});
  world_.run_until([this] { return log_->started || log_->failure; });
}

void sync_node::connect(const sync_node& other) {
  messages::connect_peer wish;
  wish.host_port = other.node_.at().to_string();
  wish.name = other.name_;
  wish.requester = speaker_;
  caf_compat::anon_send(coordinator_, std::move(wish));
}

void sync_node::share(const std::vector<pattern>& patterns, delivery_wish wish) {
  slab_builder builder(node_.seed() ^ 1);
  for (const auto& p : patterns) tests::must(builder.add(p));
  caf_compat::anon_send(log_->cache, messages::share{++last_share_, builder.finish(), std::move(wish), speaker_});
}

void sync_node::remove_peer(const std::string& name) {
  caf_compat::anon_send(coordinator_, messages::remove_peer{1, name, speaker_});
}

void sync_node::reload(node_config next) {
  caf_compat::anon_send(coordinator_, messages::reconfigure{1, std::move(next), speaker_});
}

void sync_node::stop() { caf_compat::anon_send(coordinator_, messages::stop_node{speaker_}); }

std::set<std::string> sync_node::ask(const sync_node& other, query_frame::kind what, std::string argument) {
  log_->answer.clear();
  log_->answer_whole = false;
  caf_compat::anon_send(coordinator_, messages::run_query{1, other.name_, what, std::move(argument), speaker_});
  world_.run_until([this] { return log_->answer_whole; });
  return log_->answer;
}

std::size_t sync_node::count(const std::string& event_name) const {
  return static_cast<std::size_t>(
      std::count_if(log_->events.begin(), log_->events.end(), [&](const event& e) { return e.name == event_name; }));
}

node_state sync_node::ask_state() {
  log_->statistics.reset();
  caf::send_as(speaker_, coordinator_, messages::ask_state{});
  world_.run_until([this] { return log_->statistics.has_value(); });
  return log_->statistics.value_or(node_state{});
}

std::map<std::string, std::string> sync_node::state() {
  log_->state.clear();
  log_->state_whole = false;
  caf_compat::anon_send(log_->cache, messages::pull{speaker_, 0, {}, lane_set::all_patterns(), false});
  world_.run_until([this] { return log_->state_whole; });
  return log_->state;
}

}  // namespace quicsync::sim
