// An agent that fails is started again, after a wait that grows, and its handle stays good. One that fails too often
// ends, with the last exception's text as its exit reason, and the node still knows of it. Prints:
//
//   worker begins, attempt 1
//   worker begins, attempt 2
//   worker is done with job 7
//   hopeless ended: no such database
#include <atomic>
#include <iostream>
#include <thread>

#include <quicsync/actors/agent/agent.hpp>
#include <quicsync/actors/agent/agent_roster.hpp>

#include "local_node.hpp"

using namespace std::chrono_literals;
using quicsync::agent;
using quicsync::task;

namespace {

struct job {
  int number = 0;
};

}  // namespace

QUICSYNC_LOCAL_MESSAGE(job)

namespace {

task<void> work(agent& self, std::atomic<int>* attempts, std::promise<void>* done) {
  std::cout << "worker begins, attempt " << ++*attempts << '\n';
  auto next = must(co_await self.receive<job>(10s));
  if (*attempts == 1) throw std::runtime_error("job " + std::to_string(next.number) + " broke the worker");
  std::cout << "worker is done with job " << next.number << '\n';
  done->set_value();
}

task<void> despair(agent&) {
  throw std::runtime_error("no such database");
  co_return;
}

}  // namespace

int main() {
  local_trust trust;
  std::atomic<int> attempts = 0;
  std::promise<void> done;
  auto node = trust.start_node("node");
  quicsync::retry_policy policy;
  policy.max_attempts = 3;
  policy.base_delay = 10ms;

  auto worker =
      must(node->spawn_agent(quicsync::agent_options("worker").restart_on_failure(policy), work, &attempts, &done));
  caf::anon_send(worker, job{6});
  caf::anon_send(worker, job{7});  // kept while the worker is down
  done.get_future().wait();

  must(node->spawn_agent(quicsync::agent_options("hopeless").restart_on_failure(policy), despair));
  for (;;) {
    for (const auto& agent : node->agent_states())
      if (agent.name == "hopeless" && agent.what == quicsync::agent_status::state::failed) {
        std::cout << agent.name << " ended: " << agent.last_error << '\n';
        return 0;
      }
    std::this_thread::sleep_for(5ms);
  }
}
