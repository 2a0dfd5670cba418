// What agents cost: an await against a plain handler of CAF, memory of an idle agent, and one worker thread against
// two. bench_agents [AGENTS]: how many idle ones; a million unless said. Measure on an idle machine.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include <unistd.h>

#include <quicsync/actors/agent/agent.hpp>
#include <quicsync/actors/agent/agent_roster.hpp>

using namespace quicsync;
using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

namespace {
struct tick {
  std::uint64_t number = 0;
};
struct stop {};
}  // namespace

QUICSYNC_LOCAL_MESSAGE(tick)
QUICSYNC_LOCAL_MESSAGE(stop)

namespace {

/// An actor system with so many workers, and agents without a node.
class bare_agents {
 public:
  explicit bare_agents(std::size_t threads) {
    caf_compat::set_scheduler(config_, "sharing", threads);
    system_ = std::make_unique<caf::actor_system>(config_);
    auto made = std::make_shared<agent_environment>();
    made->system = system_.get();
    made->roster = std::make_shared<agent_roster>();
    environment = std::move(made);
  }
  ~bare_agents() { environment->roster->close(); }
  caf::actor_system& system() { return *system_; }

  agent_environment_ptr environment;

 private:
  caf::actor_system_config config_;
  std::unique_ptr<caf::actor_system> system_;
};

double seconds_since(steady::time_point begin) { return std::chrono::duration<double>(steady::now() - begin).count(); }

std::size_t resident_bytes() {
  std::ifstream statistics("/proc/self/statm");
  std::size_t whole = 0, resident = 0;
  statistics >> whole >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

// -- await against handler: each message sends the next ---------------------------------------------------------------

constexpr std::uint64_t messages_each = 1000000;

task<void> awaits(agent& self, std::promise<void>* done) {
  const auto me = self.handle();
  for (;;) {
    auto got = co_await self.receive<tick>();
    if (got->number == messages_each) break;
    self.tell(me, tick{got->number + 1});
  }
  done->set_value();
}

caf::behavior handles(caf::event_based_actor* self, std::promise<void>* done) {
  return {[self, done](const tick& m) {
    if (m.number == messages_each) {
      done->set_value();
      self->quit();
    } else {
      self->send(self, tick{m.number + 1});
    }
  }};
}

double nanoseconds_each(bool as_agent) {
  bare_agents world(1);
  std::promise<void> done;
  auto one = as_agent ? spawn_agent(world.environment, "awaits", awaits, &done) : world.system().spawn(handles, &done);
  const auto begin = steady::now();
  caf::anon_send(one, tick{1});
  done.get_future().wait();
  return seconds_since(begin) * 1e9 / static_cast<double>(messages_each);
}

void measure_await() {
  double plain = 1e9, agents = 1e9;
  for (int round = 0; round < 5; ++round) {
    plain = std::min(plain, nanoseconds_each(false));
    agents = std::min(agents, nanoseconds_each(true));
  }
  std::printf("a message, sent and handled: plain handler %.0f ns, await %.0f ns: %.2f times\n", plain, agents,
              agents / plain);
}

// -- idle agents ------------------------------------------------------------------------------------------------------

task<void> idle(agent& self) { co_await self.receive<stop>(); }

void measure_idle(std::size_t count) {
  bare_agents world(2);
  std::vector<caf::actor> all;
  all.reserve(count);
  const auto before = resident_bytes();
  auto begin = steady::now();
  for (std::size_t i = 0; i < count; ++i) all.push_back(spawn_agent(world.environment, "idle", idle));
  while (world.environment->roster->size() < count) std::this_thread::sleep_for(10ms);
  const double spawned = seconds_since(begin);
  const auto bytes = resident_bytes() - before;
  begin = steady::now();
  world.environment->roster->close();
  all.clear();
  std::printf("%zu idle agents: %.2f GB, %zu bytes each; spawned in %.2f s, ended in %.2f s, left over: %zu\n", count,
              static_cast<double>(bytes) / 1e9, bytes / count, spawned, seconds_since(begin),
              world.environment->roster->size());
}

// -- work on one thread and on two
// --------------------------------------------------------------------------------------

constexpr int workers = 64;
constexpr int pieces_each = 1500;

void work_for(std::chrono::microseconds time) {
  const auto end = steady::now() + time;
  while (steady::now() < end) {
  }
}

task<void> worker(agent& self, caf::actor whom) {
  for (int i = 0; i < pieces_each; ++i) {
    co_await self.receive<tick>();
    work_for(5us);
  }
  self.tell(whom, stop{});
}

task<void> overseer(agent& self, std::promise<void>* done) {
  for (int i = 0; i < workers; ++i) co_await self.receive<stop>();
  done->set_value();
}

double seconds_of_work(std::size_t threads) {
  bare_agents world(threads);
  std::promise<void> done;
  auto boss = spawn_agent(world.environment, "overseer", overseer, &done);
  std::vector<caf::actor> all;
  for (int i = 0; i < workers; ++i) all.push_back(spawn_agent(world.environment, "worker", worker, boss));
  const auto begin = steady::now();
  for (int n = 0; n < pieces_each; ++n)
    for (auto& one : all) caf::anon_send(one, tick{});
  done.get_future().wait();
  return seconds_since(begin);
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t idle_agents = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1000000;
  measure_await();
  const double one = seconds_of_work(1), two = seconds_of_work(2);
  std::printf("%d pieces of 5 us: one thread %.2f s, two %.2f s: %.2f times faster\n", workers * pieces_each, one, two,
              one / two);
  measure_idle(idle_agents);
}
