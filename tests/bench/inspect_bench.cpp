// What it costs to be inspected: nanoseconds a message at one actor, and patterns a second from a node to another with
// its actors counted, sampled and asked for, against without; in alternating rounds. bench_inspect [ROUNDS
// [messages|flow]]: measure on an idle machine.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include <unistd.h>

#include <quicsync/actors/inspect/admin_answers.hpp>
#include <quicsync/actors/inspect/admin_endpoint.hpp>
#include <quicsync/actors/server.hpp>
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
  counter(caf::actor_config& config, std::promise<void>* over) : inspected_actor(config), done_(over) {}
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

// -- a node that shares with another

constexpr int slabs_each = 4000;

slab_ptr slab_of(server& node, int number) {
  auto builder = node.new_slab();
  pattern one;
  one.agent_id = "bench";
  one.type = "test_execution";
  one.data = R"({"suite":"unit","passed":412,"failed":0,"duration":12.5})";
  one.metadata.source = "bench";
  one.timestamp = 1760000000000 + number;
  one.version = 1;
  for (int i = 0; !builder.full() && i < 256; ++i) {
    one.id = "pattern-" + std::to_string(number) + "-" + std::to_string(i);
    if (!builder.add(one)) std::abort();
  }
  return builder.finish();
}

std::unique_ptr<server> bench_node(const char* name, bool inspected) {
  node_config config;
  config.id = name;
  config.host = "127.0.0.1";
  config.port = 0;
  config.reject_unauthorized = false;
  config.enable_metrics = inspected;
  auto made = server::make(std::move(config));
  if (!made || !(*made)->start()) std::abort();
  return std::move(*made);
}

double patterns_per_second(bool inspected) {
  auto from = bench_node("from", inspected), to = bench_node("to", inspected);
  if (!to->connect_to_peer("127.0.0.1:" + std::to_string(from->port())).get()) std::abort();
  std::unique_ptr<admin_endpoint> admin;
  if (inspected) {
    admin_setup setup;
    setup.where = "/tmp/bench_inspect_" + std::to_string(::getpid()) + ".sock";
    auto opened = admin_endpoint::open(*from, std::move(setup));
    if (!opened) std::abort();
    admin = std::move(*opened);
  }
  std::vector<slab_ptr> slabs;
  std::size_t patterns = 0;
  for (int i = 0; i < slabs_each; ++i) {
    slabs.push_back(slab_of(*from, i));
    patterns += slabs.back()->size();
  }
  std::atomic<int> left{slabs_each};
  std::promise<void> all;
  const auto begin = steady::now();
  for (auto& slab : slabs)
    from->share(std::move(slab), {}, [&](const sync_report& report) {
      if (!report.complete()) std::abort();
      if (--left == 0) all.set_value();
    });
  auto arrived = all.get_future();
  // Whoever looks, looks once a second.
  while (arrived.wait_for(std::chrono::seconds(1)) != std::future_status::ready)
    if (inspected && !admin::metrics(*from)) std::abort();
  const auto took = std::chrono::duration<double>(steady::now() - begin).count();
  admin.reset();
  return static_cast<double>(patterns) / took;
}

double median(std::vector<double> all) {
  std::sort(all.begin(), all.end());
  return all[all.size() / 2];
}

/// Of each round by itself, so that what changes from minute to minute falls out.
std::vector<double> differences(const std::vector<double>& more, const std::vector<double>& less) {
  std::vector<double> out;
  for (std::size_t i = 0; i < more.size(); ++i) out.push_back(more[i] - less[i]);
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 9;
  const std::string part = argc > 2 ? argv[2] : "";
  for (const bool in_row : {true, false}) {
    if (!part.empty() && part != "messages") break;
    std::vector<double> with, without;
    for (int i = 0; i < rounds; ++i) {
      // Whoever goes second finds the processor as the first one left it.
      if (i % 2 != 0) with.push_back(nanoseconds_each(true, in_row));
      without.push_back(nanoseconds_each(false, in_row));
      if (i % 2 == 0) with.push_back(nanoseconds_each(true, in_row));
    }
    std::printf(
        "%s: a message %.1f ns, inspected %.1f ns (medians of %d); more by %.1f ns (median of the differences), "
        "%.1f ns (of the fastest)\n",
        in_row ? "one after the other" : "from another thread", median(without), median(with), rounds,
        median(differences(with, without)),
        *std::min_element(with.begin(), with.end()) - *std::min_element(without.begin(), without.end()));
  }
  if (!part.empty() && part != "flow") return 0;
  std::vector<double> with, without;
  for (int i = 0; i < rounds; ++i) {
    if (i % 2 != 0) with.push_back(patterns_per_second(true));
    without.push_back(patterns_per_second(false));
    if (i % 2 == 0) with.push_back(patterns_per_second(true));
  }
  std::printf(
      "from node to node: %.0f patterns a second, inspected %.0f (medians of %d): %.1f %% less; of the fastest "
      "%.1f %%\n",
      median(without), median(with), rounds, 100 * (1 - median(with) / median(without)),
      100 * (1 - *std::max_element(with.begin(), with.end()) / *std::max_element(without.begin(), without.end())));
}
