#include <sys/epoll.h>
#include <tests/sim/simulated_node.hpp>
#include <tests/sim/simulated_socket.hpp>
#include <tests/sim/simulated_world.hpp>

namespace quicsync::sim {

namespace {
constexpr int rounds_of_killing = 4;
}

simulated_node::simulated_node(simulated_world& world, std::string name, const address& at, int descriptor,
                               std::uint64_t seed)
    : world_(world),
      name_(std::move(name)),
      at_(at),
      descriptor_(descriptor),
      seed_(seed),
      random_(std::make_shared<tests::seeded_random>(seed)) {
  caf_compat::set_scheduler(config_, "testing", 1);
  system_ = std::make_unique<caf::actor_system>(config_);
  loop_ = std::make_unique<stepped_loop>(*system_, [this] { return world_.now(); });
  loop_->on_job = [this](caf::resumable& job) { remember(job); };
  // One clock for all: CAF's own begins at its epoch.
  advance(world_.now() - scheduler().clock().now());
  scheduler().run();
  own_actors_ = system_->latest_actor_id();
}

simulated_node::~simulated_node() {
  // Timers hold their actors; they go before the loop does.
  scheduler().clock().cancel_all();
  // An actor that was made and never ran is seen, and killed, only when it has run; whoever held it may be gone by
  // then.
  is_dying_ = true;
  for (int round = 0; round < rounds_of_killing && !seen_.empty(); ++round) {
    kill_actors();
    while (choices() > 0) step(0, 1);
  }
  held_to_the_end_.clear();
  while (choices() > 0) step(0, 1);
  loop_.reset();
}

caf::scheduler::test_coordinator& simulated_node::scheduler() const {
  return dynamic_cast<caf::scheduler::test_coordinator&>(system_->scheduler());
}

result<std::unique_ptr<datagram_socket>> simulated_node::open_socket() {
  if (listening_) return fail(errc::address_in_use, "UDP port 4433 is in use at " + at_.to_string());
  listening_ = true;
  simulated_socket::surroundings around;
  around.network = &world_.network();
  around.somebody_at = [&world = world_](const address& to) { return world.somebody_at(to); };
  around.wake = [this] { loop_->signal(descriptor_, EPOLLIN); };
  around.closed = [this] { listening_ = false; };
  return std::make_unique<simulated_socket>(at_, descriptor_, std::move(around));
}

std::function<void(std::uint8_t*, std::size_t)> simulated_node::random() const {
  return [random = random_](std::uint8_t* out, std::size_t count) { random->fill(out, count); };
}

endpoint_config simulated_node::quic(std::shared_ptr<const credentials> identity) const {
  endpoint_config config;
  config.identity = std::move(identity);
  config.random = random();
  return config;
}

std::function<std::int64_t()> simulated_node::wall_clock_ms() const {
  return [&world = world_, ahead_ms = ahead_ms_] { return world.wall_clock_ms() + *ahead_ms; };
}

// -- stepping -----------------------------------------------------------------------------------------------------

std::size_t simulated_node::choices() const { return loop_->choices() + scheduler().jobs.size(); }

void simulated_node::step(std::size_t choice, std::size_t messages) {
  const auto on_loop = loop_->choices();
  if (choice < on_loop) return loop_->step(choice, messages);
  auto& jobs = scheduler().jobs;
  const auto at = jobs.begin() + static_cast<std::ptrdiff_t>(choice - on_loop);
  auto* job = *at;
  jobs.erase(at);
  jobs.push_front(job);
  remember(*job);
  scheduler().run_once();
}

time_point simulated_node::next_event() const {
  const auto& timers = scheduler().clock().schedule();
  const auto next_timer = timers.empty() ? time_point::max() : timers.begin()->first;
  return std::min(loop_->next_deadline(), next_timer);
}

void simulated_node::advance(std::chrono::nanoseconds time) { scheduler().advance_time(time); }

void simulated_node::remember(caf::resumable& job) {
  auto* actor = dynamic_cast<caf::scheduled_actor*>(&job);
  if (actor == nullptr || actor->id() <= own_actors_) return;
  seen_.emplace(actor->id(), actor->ctrl());
  if (is_dying_) held_to_the_end_.emplace_back(actor->ctrl());
}

void simulated_node::kill_actors() {
  for (auto& [id, weak] : seen_)
    if (auto alive = weak.lock()) caf::anon_send_exit(caf::actor_cast<caf::actor>(alive), caf::exit_reason::kill);
  seen_.clear();
}

}  // namespace quicsync::sim
