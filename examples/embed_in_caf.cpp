// A CAF program with actors of its own, to which patterns come as messages: no coroutine, no change of its actor
// system. An agent of the node is asked like any other actor. Prints:
//
//   dashboard: coverage-1 by analyzer
//   dashboard: coverage-2 by analyzer
//   the counter says 2
#include <iostream>

#include <quicsync/actors/agent/subscribe_actor.hpp>

#include "local_node.hpp"

using namespace std::chrono_literals;

namespace {

struct how_many {};

}  // namespace

QUICSYNC_LOCAL_MESSAGE(how_many)

namespace {

caf::behavior dashboard(caf::event_based_actor*, std::promise<void>* done) {
  return {[done, seen = 0](const quicsync::patterns_arrived& message) mutable {
    for (const auto& record : message.records) {
      std::cout << "dashboard: " << record->id() << " by " << record->agent_id() << '\n';
      if (++seen == 2) done->set_value();
    }
  }};
}

/// An agent as a class: counts what it reads, and answers who asks.
class counter {
 public:
  quicsync::task<void> operator()(quicsync::agent& self) {
    auto patterns = self.subscribe("type=coverage_gap", quicsync::subscribe_frame::start::beginning);
    for (;;) {
      auto event = co_await first_of(patterns.next_record(), self.next_request<how_many>());
      if (event.index() == 0)
        ++count_;
      else
        must(std::move(event.get<1>())).answer(count_);
    }
  }

 private:
  int count_ = 0;
};

}  // namespace

int main() {
  caf::actor_system_config config;
  caf::actor_system system{config};  // the program's own
  local_trust trust;
  std::promise<void> done;
  auto node = trust.start_node("node");

  auto screen = system.spawn(dashboard, &done);
  must(quicsync::subscribe_actor(*node, screen, "type=coverage_gap", quicsync::subscribe_frame::start::beginning));
  for (const char* id : {"coverage-1", "coverage-2"}) {
    quicsync::pattern gap;
    gap.id = id;
    gap.agent_id = "analyzer";
    gap.type = "coverage_gap";
    node->sync_pattern(gap).get();
  }
  done.get_future().wait();

  auto counting = must(node->spawn_agent("counter", counter()));
  caf::scoped_actor self{system};
  int count = 0;
  while (count < 2)
    self->request(counting, 10s, how_many{}).receive([&](int n) { count = n; }, [](caf::error&) { std::abort(); });
  std::cout << "the counter says " << count << '\n';
  node->stop();
  self->send_exit(screen, caf::exit_reason::user_shutdown);
}
