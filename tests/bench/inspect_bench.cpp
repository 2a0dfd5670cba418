// What it costs an actor to be inspected: nanoseconds a message, with a registry and without, in alternating rounds.
// bench_inspect [ROUNDS]: measure on an idle machine.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <memory>
#include <vector>

#include <quicsync/transport/inspected_actor.hpp>

using namespace quicsync;
using steady = std::chrono::steady_clock;

namespace {
struct tick {
  std::uint64_t left = 0;
};
}  // namespace

QUICSYNC_LOCAL_MESSAGE(tick)

namespace {

constexpr std::uint64_t messages_each = 1'000'000;

class counter : public inspected_actor {
 public:
  counter(caf::actor_config& config, std::promise<void>* done) : inspected_actor(config), done_(done) {}
  const char* name() const override { return "counter"; }
  caf::behavior make_behavior() override {
    return {[this](const tick& m) {
      if (m.left == 0) return done_->set_value();
      if (m.left < messages_each) return;                              // from outside, many at once
      send(this, tick{m.left == messages_each * 2 ? 0 : m.left + 1});  // one after the other
    }};
  }

 private:
  std::promise<void>* done_;
};

double nanoseconds_each(bool inspected, bool one_after_the_other) {
  std::unique_ptr<caf::actor_system_config> config;
  if (inspected)
    config = std::make_unique<inspected_system_config>();
  else
    config = std::make_unique<caf::actor_system_config>();
  caf_compat::set_scheduler(*config, "sharing", 1);
  caf::actor_system system(*config);
  std::promise<void> done;
  auto one = system.spawn<counter>(&done);
  const auto begin = steady::now();
  if (one_after_the_other) {
    caf::anon_send(one, tick{messages_each});
  } else {
    for (std::uint64_t i = 1; i < messages_each; ++i) caf::anon_send(one, tick{i});
    caf::anon_send(one, tick{0});
  }
  done.get_future().wait();
  const auto took = std::chrono::duration<double, std::nano>(steady::now() - begin).count();
  caf::anon_send_exit(one, caf::exit_reason::user_shutdown);
  return took / static_cast<double>(messages_each);
}

double median(std::vector<double> all) {
  std::sort(all.begin(), all.end());
  return all[all.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 9;
  for (const bool in_row : {true, false}) {
    std::vector<double> with, without;
    for (int i = 0; i < rounds; ++i) {
      without.push_back(nanoseconds_each(false, in_row));
      with.push_back(nanoseconds_each(true, in_row));
    }
    std::printf("%s: a message %.1f ns, inspected %.1f ns: %.1f ns more (medians of %d)\n",
                in_row ? "one after the other" : "from another thread", median(without), median(with),
                median(with) - median(without), rounds);
  }
}
