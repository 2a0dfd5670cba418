#include <atomic>
#include <mutex>
#include <thread>

#include <fmt/format.h>

#include <quicsync/actors/agent/agent.hpp>
#include <quicsync/actors/agent/agent_roster.hpp>
#include <quicsync/actors/agent/loop_alarms.hpp>
#include <quicsync/actors/cache/cache_actor.hpp>
#include <quicsync/actors/cache/memory_blocks.hpp>
#include <quicsync/actors/cache/slab_pool.hpp>
#include <quicsync/actors/coordinator/coordinator_actor.hpp>
#include <quicsync/actors/gate_actor.hpp>
#include <quicsync/actors/inspect/inspect_messages.hpp>
#include <quicsync/actors/peer_connection.hpp>
#include <quicsync/actors/server.hpp>
#include <quicsync/actors/subscriber.hpp>
#include <quicsync/transport/actor_registry.hpp>
#include <quicsync/transport/crypto.hpp>
#include <quicsync/transport/event_loop.hpp>
#include <quicsync/transport/udp_socket.hpp>

namespace quicsync {
namespace {

constexpr std::size_t pool_threads = 2;

std::uint64_t random_number() {
  std::uint64_t n = 0;
  crypto::random_bytes(reinterpret_cast<std::uint8_t*>(&n), sizeof n);
  return n;
}

std::int64_t unix_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

std::unique_ptr<caf::actor_system_config> make_system_config(bool inspected) {
  std::unique_ptr<caf::actor_system_config> config;
  if (inspected)
    config = std::make_unique<inspected_system_config>();
  else
    config = std::make_unique<caf::actor_system_config>();
  caf_compat::set_scheduler(*config, "sharing", pool_threads);
  return config;
}

result<std::shared_ptr<const credentials>> identity_of(const node_config& config) {
  if (!config.reject_unauthorized && config.cert.empty())
    return credentials::make_insecure(config.id.empty() ? fmt::format("insecure-{:08x}", random_number() >> 32)
                                                        : config.id);
  // A client lets the node judge whether its certificate is still good: then the node's log has it, too.
  return credentials::load({config.cert, config.key, config.ca}, config.role == node_role::client);
}

error cannot_reserve(std::uint64_t bytes, std::string_view because) {
  return {errc::bad_config, fmt::format("patterns.cacheReserve: {} bytes cannot be reserved: {}", bytes, because)};
}

/// What no machine like this one can give; what is in use is looked at when the node starts.
result<void> check_reserve(const node_config& config) {
  const auto wanted = config.cache_reserve;
  if (const auto most = memory_blocks::physical_bytes() / 4 * 3; wanted > most)
    return fail(cannot_reserve(wanted, fmt::format("the most is {}, three quarters of this machine's memory", most)));
  if (const auto most = table_config_of(config, 0).bytes_max; wanted > most)
    return fail(cannot_reserve(wanted, fmt::format("the cache takes no more than {} (cacheBytes)", most)));
  return {};
}

result<std::unique_ptr<memory_blocks::reserve>> reserve_memory(std::uint64_t bytes) {
  // Taken all the same it would be somebody's end.
  if (const auto free = memory_blocks::available_bytes(); bytes > free)
    return fail(cannot_reserve(bytes, fmt::format("{} are not in use now", free)));
  auto reserved = std::make_unique<memory_blocks::reserve>(bytes);
  if (!reserved->complete()) return fail(cannot_reserve(bytes, "the system does not give them"));
  return reserved;
}

/// A question to an actor from outside of any, and its answer.
template <class Answer, class Question>
result<Answer> ask(caf::actor_system& system, const caf::actor& whom, Question question) {
  if (!whom) return fail(errc::not_running, "the node is not running");
  caf::scoped_actor self{system};
  result<Answer> out = fail(errc::not_running, "the node stopped");
  self->request(whom, std::chrono::seconds(30), std::move(question))
      .receive([&](Answer& answer) { out = std::move(answer); },
               [&](caf::error& e) { out = fail(errc::not_running, system.render(e)); });
  return out;
}

}  // namespace

struct server::implementation {
  explicit implementation(bool inspected) : system_config(make_system_config(inspected)) {}

  node_config config;
  std::shared_ptr<const credentials> identity;
  std::uint64_t key_seed = random_number();
  store_opener open_store;  ///< null: as the configuration says

  std::unique_ptr<memory_blocks::reserve> reserved;  ///< from the first start on
  connection_traces traces;
  std::unique_ptr<caf::actor_system_config> system_config;
  caf::actor_system system{*system_config};
  std::unique_ptr<event_loop> home;
  std::thread loop_thread;
  caf::actor coordinator, gate;
  const std::shared_ptr<share_desk> shares = std::make_shared<share_desk>();

  std::mutex mutex;  ///< guards what follows
  caf::actor cache;
  std::map<std::uint64_t, caf::actor> subscriptions;
  std::uint64_t last_subscription = 0;
  agent_environment_ptr agents;  ///< null: not running
  std::atomic<std::uint16_t> port{0};
  std::atomic<std::int64_t> started_ms{0};  ///< Unix ms

  caf::actor current_cache() {
    std::lock_guard lock(mutex);
    return cache;
  }

  node_parts parts();
  void end();
};

node_parts server::implementation::parts() {
  node_parts p;
  p.home = home.get();
  p.quic.identity = identity;
  p.quic.verify.check_peer = config.reject_unauthorized;
  p.quic.verify.require_client_certificate = config.reject_unauthorized && config.enable_auth;
  p.quic.accept = config.role == node_role::node;
  p.open_socket = [host = config.host, port = config.port]() -> result<std::unique_ptr<datagram_socket>> {
    auto where = resolve({host, port});
    if (!where) return fail(std::move(where.error()));
    auto socket = udp_socket::bind(*where);
    if (!socket) return fail(std::move(socket.error()));
    return std::unique_ptr<datagram_socket>(std::move(*socket));
  };
  p.wall_clock_ms = unix_ms;
  p.seed = random_number();
  p.key_seed = key_seed;
  p.open_store = open_store;
  if (!open_store && !config.store.empty() && config.store != "none") {
    store_options options;
    options.path = config.store;
    options.key_file = config.store_key;
    options.size_max = config.store_bytes_max;
    options.clock = [] { return std::chrono::steady_clock::now().time_since_epoch(); };
    options.random = crypto::random_bytes;
    p.open_store = open_pattern_store(std::move(options));
  }
  p.traces = p.quic.traces = &traces;
  return p;
}

server::server(std::unique_ptr<implementation> impl) : impl_(std::move(impl)) {}

result<std::unique_ptr<server>> server::make(node_config config) { return make(std::move(config), nullptr); }

result<std::unique_ptr<server>> server::make(node_config config, store_opener open_store) {
  auto identity = identity_of(config);
  if (!identity) return fail(std::move(identity.error()));
  if (!config.id.empty() && config.id != (*identity)->name())
    return fail(errc::certificate_name, fmt::format("the id is '{}', but the certificate {} is for '{}'", config.id,
                                                    config.cert.string(), (*identity)->name()));
  auto impl = std::make_unique<implementation>(config.enable_metrics);
  impl->config = std::move(config);
  impl->config.id = (*identity)->name();
  impl->identity = std::move(*identity);
  impl->open_store = std::move(open_store);
  use_slab_memory(slab_pool::instance());
  if (auto possible = check_reserve(impl->config); !possible) return fail(std::move(possible.error()));
  auto home = event_loop::make(impl->system, impl->config.busy_poll);
  if (!home) return fail(std::move(home.error()));
  impl->home = std::move(*home);
  impl->loop_thread = std::thread([loop = impl->home.get()] { loop->run(); });
  impl->coordinator = spawn_coordinator(impl->system, impl->config, impl->parts());
  impl->gate = spawn_gate(impl->system, impl->coordinator, impl->shares);
  return std::unique_ptr<server>(new server(std::move(impl)));
}

void server::implementation::end() {
  caf::anon_send_exit(gate, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(coordinator, caf::exit_reason::user_shutdown);
  gate = coordinator = nullptr;
  home->request_stop();
  loop_thread.join();
}

server::~server() {
  stop();
  impl_->end();
}

result<void> server::start() {
  if (!impl_->reserved) {
    auto reserved = reserve_memory(impl_->config.cache_reserve);
    if (!reserved) return fail(std::move(reserved.error()));
    impl_->reserved = std::move(*reserved);
  }
  auto done = std::make_shared<std::promise<messages::node_started>>();
  auto started = done->get_future();
  caf_compat::anon_send(impl_->gate, gate_messages::await_start{std::move(done)});
  auto outcome = started.get();
  if (outcome.failure) return fail(*outcome.failure);
  std::lock_guard lock(impl_->mutex);
  impl_->cache = outcome.cache;
  impl_->started_ms = unix_ms();
  impl_->port = outcome.port;
  auto agents = std::make_shared<agent_environment>();
  agents->system = &impl_->system;
  agents->cache = outcome.cache;
  agents->home = impl_->home.get();
  agents->alarms = std::make_shared<loop_alarms>(*impl_->home);
  agents->roster = std::make_shared<agent_roster>();
  agents->key_seed = impl_->key_seed;
  agents->wall_clock_ms = unix_ms;
  impl_->agents = std::move(agents);
  return {};
}

void server::stop() {
  std::map<std::uint64_t, caf::actor> subscriptions;
  agent_environment_ptr agents;
  {
    std::lock_guard lock(impl_->mutex);
    subscriptions.swap(impl_->subscriptions);
    agents.swap(impl_->agents);
    impl_->cache = nullptr;
    impl_->port = 0;
  }
  if (agents) agents->roster->close();
  auto done = std::make_shared<std::promise<void>>();
  auto stopped = done->get_future();
  caf_compat::anon_send(impl_->gate, gate_messages::await_stop{std::move(done)});
  stopped.get();
  caf::scoped_actor self{impl_->system};
  for (auto& [number, subscriber] : subscriptions) {
    self->send_exit(subscriber, caf::exit_reason::user_shutdown);
    self->wait_for(subscriber);
  }
}

void server::drain(std::chrono::milliseconds patience) {
  auto done = std::make_shared<std::promise<void>>();
  auto drained = done->get_future();
  caf_compat::anon_send(impl_->gate, gate_messages::await_drained{std::move(done)});
  drained.wait_for(patience);
  stop();
}

result<void> server::reload(node_config next) {
  if (!running()) return fail(errc::not_running, "the node is not running");
  auto done = std::make_shared<std::promise<result<void>>>();
  auto reloaded = done->get_future();
  messages::reconfigure question;
  question.config = std::move(next);
  caf_compat::anon_send(impl_->gate, gate_messages::await_reload{std::move(question), std::move(done)});
  return reloaded.get();
}

bool server::running() const noexcept { return impl_->port != 0; }
std::uint16_t server::port() const noexcept { return impl_->port; }
const std::string& server::name() const noexcept { return impl_->config.id; }

// -- peers
// --------------------------------------------------------------------------------------------------------------------

std::future<result<std::string>> server::connect_to_peer(std::string host_port, std::string name, peer_wish wish) {
  auto done = std::make_shared<std::promise<result<std::string>>>();
  auto connected = done->get_future();
  messages::connect_peer question;
  question.host_port = std::move(host_port);
  question.name = std::move(name);
  question.wish = std::move(wish);
  question.keep = impl_->config.role == node_role::node || question.wish.keep;
  caf_compat::anon_send(impl_->gate, gate_messages::await_connection{std::move(question), std::move(done)});
  return connected;
}

result<void> server::remove_peer(const std::string& name) {
  if (!running()) return fail(errc::not_running, "the node is not running");
  auto done = std::make_shared<std::promise<result<void>>>();
  auto removed = done->get_future();
  caf_compat::anon_send(impl_->gate, gate_messages::await_removal{{0, name, nullptr}, std::move(done)});
  return removed.get();
}

std::unique_ptr<peer_connection> server::connection(peer_config peer, bool compress) {
  return std::make_unique<peer_connection>(*this, std::move(peer), compress);
}

// -- patterns
// -----------------------------------------------------------------------------------------------------------------

slab_builder server::new_slab() const { return slab_builder(impl_->key_seed); }

void server::share(slab_ptr patterns, delivery_wish wish, std::function<void(const sync_report&)> done) {
  messages::share question;
  question.patterns = std::move(patterns);
  question.wish = std::move(wish);
  question.requester = impl_->gate;
  // Refused, it is answered where reports are: whoever calls may hold a lock that `done` takes.
  if (impl_->shares->hand_over(question, done))
    caf_compat::anon_send(impl_->gate, gate_messages::await_report{std::move(question), std::move(done)});
}

std::future<sync_report> server::sync_pattern(const pattern& value, delivery_wish wish) {
  return sync_patterns({value}, std::move(wish));
}

namespace {

/// Puts the reports of several slabs together; what could not be encoded has its outcome from the start.
struct report_assembly {
  std::promise<sync_report> done;
  std::mutex mutex;
  sync_report whole;
  std::size_t missing = 0;
  ack_level own_level = ack_level::stored;  ///< the least of the parts so far

  void add(const sync_report& part, const std::vector<std::uint32_t>& indexes) {
    std::unique_lock lock(mutex);
    for (std::size_t i = 0; i < part.local.size() && i < indexes.size(); ++i)
      whole.local.set(indexes[i], part.local[i]);
    for (const auto& peer : part.peers) merge(peer, indexes);
    if (part.failure.code != errc::none) whole.failure = part.failure;
    own_level = std::min(own_level, part.own_level);
    whole.own_level = own_level;
    if (--missing != 0) return;
    lock.unlock();
    done.set_value(std::move(whole));
  }

  void merge(const peer_outcome& part, const std::vector<std::uint32_t>& indexes) {
    auto same = [&](const peer_outcome& p) { return p.peer == part.peer; };
    auto it = std::find_if(whole.peers.begin(), whole.peers.end(), same);
    if (it == whole.peers.end()) it = whole.peers.insert(it, peer_outcome{part.peer, {}, part.level, {}, {}});
    if (part.failure.code != errc::none) it->failure = part.failure;
    it->latency = std::max(it->latency, part.latency);
    for (const auto& [index, reason] : part.refused) it->refused.emplace_back(indexes[index], reason);
    if (!part.fates.empty()) it->fates.resize(whole.local.size());
    for (std::size_t i = 0; i < part.fates.size(); ++i) it->fates[indexes[i]] = part.fates[i];
  }
};

}  // namespace

std::future<sync_report> server::sync_patterns(const std::vector<pattern>& values, delivery_wish wish) {
  auto assembly = std::make_shared<report_assembly>();
  auto reported = assembly->done.get_future();
  if (values.empty()) {
    assembly->whole.failure = {errc::no_patterns, "there are no patterns to share"};
    assembly->done.set_value(std::move(assembly->whole));
    return reported;
  }
  assembly->whole.local.resize(values.size());
  std::vector<std::pair<slab_ptr, std::vector<std::uint32_t>>> slabs;
  std::vector<std::uint32_t> indexes;
  auto builder = new_slab();
  for (std::uint32_t i = 0; i < values.size(); ++i) {
    if (auto added = builder.add(values[i]); !added) {
      assembly->whole.local.set(i, {share_outcome::verdict::refused, std::move(added.error())});
      continue;
    }
    indexes.push_back(i);
    if (builder.full()) slabs.emplace_back(builder.finish(), std::exchange(indexes, {}));
  }
  if (!builder.empty()) slabs.emplace_back(builder.finish(), std::move(indexes));
  if (slabs.empty()) {
    assembly->whole.failure = assembly->whole.local.front().reason;
    assembly->done.set_value(std::move(assembly->whole));
    return reported;
  }
  assembly->missing = slabs.size();
  for (auto& [slab, which] : slabs)
    share(std::move(slab), wish,
          [assembly, which = std::move(which)](const sync_report& part) { assembly->add(part, which); });
  return reported;
}

std::future<sync_report> server::sync_pattern(const pattern& value, std::vector<std::string> targets,
                                              delivery_wish wish) {
  return sync_patterns({value}, std::move(targets), std::move(wish));
}

std::future<sync_report> server::sync_patterns(const std::vector<pattern>& values, std::vector<std::string> targets,
                                               delivery_wish wish) {
  if (targets.empty()) {
    // Whoever computed them and found none did not mean everybody.
    sync_report failed;
    failed.failure = {errc::no_peers, "no targets are named"};
    std::promise<sync_report> done;
    done.set_value(std::move(failed));
    return done.get_future();
  }
  wish.only_to = std::move(targets);
  return sync_patterns(values, std::move(wish));
}

std::future<sync_report> server::delete_pattern(const std::string& id, delivery_wish wish, std::string agent) {
  auto done = std::make_shared<std::promise<sync_report>>();
  auto reported = done->get_future();
  auto builder = new_slab();
  auto added = get(id).and_then([&](const pattern& held) {
    return builder.add_tombstone(id, agent.empty() ? held.agent_id : agent, std::max(unix_ms(), held.timestamp),
                                 held.version + 1);
  });
  if (added) {
    share(builder.finish(), std::move(wish), [done](const sync_report& report) { done->set_value(report); });
  } else {
    sync_report failed;
    failed.failure = std::move(added.error());
    done->set_value(std::move(failed));
  }
  return reported;
}

std::uint64_t server::subscribe(filter wanted, subscribe_frame::start from, record_handler handler) {
  std::lock_guard lock(impl_->mutex);
  if (!impl_->cache) return 0;
  auto subscriber = spawn_subscriber(impl_->system, impl_->cache, std::move(wanted), from, std::move(handler));
  impl_->subscriptions.emplace(++impl_->last_subscription, std::move(subscriber));
  return impl_->last_subscription;
}

void server::unsubscribe(std::uint64_t subscription) {
  caf::actor subscriber;
  {
    std::lock_guard lock(impl_->mutex);
    auto it = impl_->subscriptions.find(subscription);
    if (it == impl_->subscriptions.end()) return;
    subscriber = std::move(it->second);
    impl_->subscriptions.erase(it);
  }
  caf::scoped_actor self{impl_->system};
  self->send_exit(subscriber, caf::exit_reason::user_shutdown);
  self->wait_for(subscriber);
}

result<std::vector<pattern>> server::cached_patterns(const filter& wanted) {
  auto cache = impl_->current_cache();
  if (!cache) return fail(errc::not_running, "the node is not running");
  std::vector<pattern> out;
  log_cursor after;
  caf::scoped_actor self{impl_->system};
  for (bool more = true; more;) {
    self->send(cache, messages::pull{caf::actor_cast<caf::actor>(self), 0, after, lane_set::all_patterns(), false});
    bool answered = false;
    self->receive(
        [&](const messages::page& m) {
          answered = true;
          more = !m.at_end;
          after = m.next;
          for (const auto& set : m.sets)
            for (const change& c : set->changes)
              if (auto record = set->records->record(c.index); wanted.matches(record))
                if (auto value = record.to_pattern(); value && !value->deleted) out.push_back(std::move(*value));
        },
        caf::after(std::chrono::seconds(30)) >> [] {});
    if (!answered) return fail(errc::not_running, "the node stopped");
  }
  return out;
}

result<pattern> server::get(const std::string& id) {
  auto found = ask<messages::found>(impl_->system, impl_->current_cache(), messages::find{0, id});
  if (!found) return fail(std::move(found.error()));
  if (!found->records) return fail(errc::not_found, fmt::format("no pattern '{}'", id));
  auto value = found->records->record(found->index).to_pattern();
  if (value && value->deleted) return fail(errc::not_found, fmt::format("pattern '{}' was deleted", id));
  return value;
}

result<std::uint64_t> server::clear_cache() {
  auto cleared = ask<messages::cleared>(impl_->system, impl_->current_cache(), messages::clear{});
  if (!cleared) return fail(std::move(cleared.error()));
  return cleared->patterns;
}

void server::ask_peer(query_frame::kind what, std::string argument, std::function<void(const answer&)> page,
                      std::string peer) {
  gate_messages::await_pages question;
  question.question.what = what;
  question.question.argument = std::move(argument);
  question.question.peer = std::move(peer);
  question.page = std::move(page);
  caf_compat::anon_send(impl_->gate, std::move(question));
}

// -- agents
// ------------------------------------------------------------------------------------------------------------------

std::shared_ptr<const agent_environment> server::agents() const {
  std::lock_guard lock(impl_->mutex);
  return impl_->agents;
}

std::vector<agent_status> server::agent_states() const {
  auto running = agents();
  return running ? running->roster->list() : std::vector<agent_status>{};
}

// -- watching
// -----------------------------------------------------------------------------------------------------------------

void server::on(std::string name, std::function<void(const event&)> handler) {
  caf_compat::anon_send(impl_->gate, gate_messages::on_event{std::move(name), std::move(handler)});
}

std::chrono::milliseconds server::uptime() const noexcept {
  if (!running()) return std::chrono::milliseconds(0);
  return std::chrono::milliseconds(unix_ms() - impl_->started_ms);
}

result<pattern_reason> server::why(const std::string& id) {
  auto told = ask<inspect_messages::because>(impl_->system, impl_->current_cache(), inspect_messages::ask_why{id});
  if (!told) return fail(std::move(told.error()));
  if (!told->why) return fail(errc::not_found, fmt::format("no pattern '{}'", id));
  const auto& found = *told->why;
  return pattern_reason{peer_name(found.source), found.arrived_ms,
                        found.over_version,      found.over_version ? peer_name(found.over_source) : std::string(),
                        found.decided,           found.on};
}

std::string server::peer_name(std::uint32_t number) {
  if (number == this_node) return {};
  auto told = ask<messages::peer_name>(impl_->system, impl_->coordinator, messages::ask_peer_name{number});
  return told ? std::move(told->name) : std::string();
}

result<node_config> server::configuration() {
  return ask<node_config>(impl_->system, impl_->coordinator, inspect_messages::ask_config{});
}

void server::tell(event what) { caf_compat::anon_send(impl_->coordinator, messages::happened{std::move(what)}); }

result<void> server::trace(const std::filesystem::path& folder) {
  if (!folder.empty()) return impl_->traces.begin(folder);
  impl_->traces.end();
  return {};
}

actor_registry* server::actors() const noexcept { return registry_of(impl_->system); }

result<node_state> server::state() { return ask<node_state>(impl_->system, impl_->coordinator, messages::ask_state{}); }

}  // namespace quicsync
