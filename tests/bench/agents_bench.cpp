// What agents cost: an await against a plain handler of CAF, one worker thread against two, memory of an idle agent,
// and the way of a pattern from an agent to another through two nodes. bench_agents [PART [AGENTS]]: await, threads,
// way or idle; how many idle ones, a million unless said. Measure on an idle machine.
#include <algorithm>
#include <array>
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

#include "agent_way.hpp"

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

// The machine is not equally fast all the time: each round compares what was measured side by side.
void measure_await() {
  constexpr std::size_t rounds = 11;
  std::array<double, rounds> plain, agents, ratio;
  for (std::size_t i = 0; i < rounds; ++i) {
    plain[i] = nanoseconds_each(false);
    agents[i] = nanoseconds_each(true);
    ratio[i] = agents[i] / plain[i];
  }
  for (auto* figures : {&plain, &agents, &ratio}) std::sort(figures->begin(), figures->end());
  std::printf(
      "a message, sent and handled: plain handler %.0f ns, await %.0f ns; of %zu rounds the middle one %.2f times, "
      "%.2f to %.2f\n",
      plain[rounds / 2], agents[rounds / 2], rounds, ratio[rounds / 2], ratio.front(), ratio.back());
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

// -- work on one thread and on two ------------------------------------------------------------------------------------

constexpr int workers = 64;
constexpr int pieces_each = 4000;

/// Work that the processor has to do, however long the clock says that it took.
std::uint64_t spin(std::uint64_t rounds) {
  std::uint64_t x = rounds;
  for (std::uint64_t i = 0; i < rounds; ++i) {
    x = x * 6364136223846793005u + 1442695040888963407u;
    asm volatile("" : "+r"(x));
  }
  return x;
}

std::uint64_t rounds_of_5us() {
  constexpr std::uint64_t tried = 1000000;
  double best = 1;
  for (int i = 0; i < 10; ++i) {
    const auto begin = steady::now();
    spin(tried);
    best = std::min(best, seconds_since(begin));
  }
  return static_cast<std::uint64_t>(5e-6 * static_cast<double>(tried) / best);
}

// A message to itself after each piece: what is measured are the workers, not who feeds them.
task<void> worker(agent& self, caf::actor whom, std::uint64_t rounds) {
  const auto me = self.handle();
  for (int i = 0; i < pieces_each; ++i) {
    co_await self.receive<tick>();
    spin(rounds);
    if (i + 1 < pieces_each) self.tell(me, tick{});
  }
  self.tell(whom, stop{});
}

task<void> overseer(agent& self, std::promise<void>* done) {
  for (int i = 0; i < workers; ++i) co_await self.receive<stop>();
  done->set_value();
}

double seconds_of_work(std::size_t threads, std::uint64_t rounds) {
  bare_agents world(threads);
  std::promise<void> done;
  auto boss = spawn_agent(world.environment, "overseer", overseer, &done);
  std::vector<caf::actor> all;
  for (int i = 0; i < workers; ++i) all.push_back(spawn_agent(world.environment, "worker", worker, boss, rounds));
  const auto begin = steady::now();
  for (auto& one : all) caf::anon_send(one, tick{});
  done.get_future().wait();
  return seconds_since(begin);
}

void measure_threads() {
  const auto rounds = rounds_of_5us();
  double one = 1e9, two = 1e9;
  for (int i = 0; i < 2; ++i) {
    one = std::min(one, seconds_of_work(1, rounds));
    two = std::min(two, seconds_of_work(2, rounds));
  }
  std::printf("%d messages with 5 us of work each: one thread %.2f s, two %.2f s: %.2f times faster\n",
              workers * pieces_each, one, two, one / two);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string part = argc > 1 ? argv[1] : "";
  const std::size_t idle_agents = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1000000;
  if (part.empty() || part == "await") measure_await();
  if (part.empty() || part == "threads") measure_threads();
  if (part.empty() || part == "way") bench::measure_way();
  if (part.empty() || part == "idle") measure_idle(idle_agents);
}
