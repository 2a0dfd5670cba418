// What it costs to be inspected: nanoseconds a message at one actor, and the time and processor time of a pattern from
// a node to another whose actors are counted, sampled and asked for, against two whose are not. Many short rounds, each
// of both ways with nothing in between, so that what changes from second to second falls out; told are the median of
// the rounds' differences or ratios, and where it lies at 95 %. bench_inspect [ROUNDS [messages|flow]].
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include <time.h>
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

constexpr std::uint64_t messages_each = 200'000;

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

double processor_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// One measured thing: as the clock on the wall has it, and as the processor has it.
struct cost {
  double wall = 0, processor = 0;
};

/// An actor system, inspected or not, in which one actor handles messages.
class message_way {
 public:
  explicit message_way(bool inspected)
      : config_(inspected ? std::make_unique<inspected_system_config>()
                          : std::make_unique<caf::actor_system_config>()) {
    caf_compat::set_scheduler(*config_, "sharing", 1);
    system_ = std::make_unique<caf::actor_system>(*config_);
  }
  /// Nanoseconds a message.
  cost run(bool one_after_the_other) {
    std::promise<void> done;
    auto one = system_->spawn<counter>(&done);
    const auto begin = steady::now();
    const auto processor = processor_seconds();
    if (one_after_the_other) {
      caf::anon_send(one, tick{messages_each});
    } else {
      for (std::uint64_t i = 1; i < messages_each; ++i) caf::anon_send(one, tick{i});
      caf::anon_send(one, tick{0});
    }
    done.get_future().wait();
    const cost took{std::chrono::duration<double, std::nano>(steady::now() - begin).count() / messages_each,
                    1e9 * (processor_seconds() - processor) / messages_each};
    caf::anon_send_exit(one, caf::exit_reason::user_shutdown);
    return took;
  }

 private:
  std::unique_ptr<caf::actor_system_config> config_;
  std::unique_ptr<caf::actor_system> system_;
};

// -- a node that shares with another

constexpr int slabs_each = 400;

/// Of the same ids in each round, so that what is held stays as large.
slab_ptr slab_of(server& node, int number, std::uint64_t version) {
  auto builder = node.new_slab();
  pattern one;
  one.agent_id = "bench";
  one.type = "test_execution";
  one.data = R"({"suite":"unit","passed":412,"failed":0,"duration":12.5})";
  one.metadata.source = "bench";
  one.timestamp = 1760000000000 + number;
  one.version = version;
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

/// A node and another that it shares with, side by side with a pair of the other kind.
class pattern_way {
 public:
  explicit pattern_way(bool inspected)
      : inspected_(inspected), from_(bench_node("from", inspected)), to_(bench_node("to", inspected)) {
    if (!to_->connect_to_peer("127.0.0.1:" + std::to_string(from_->port())).get()) std::abort();
    if (!inspected) return;
    admin_setup setup;
    setup.where = "/tmp/bench_inspect_" + std::to_string(::getpid()) + ".sock";
    auto opened = admin_endpoint::open(*from_, std::move(setup));
    if (!opened) std::abort();
    admin_ = std::move(*opened);
  }
  /// Nanoseconds a pattern. Whoever looks, looks once in each round: more often than anybody would.
  cost run() {
    std::vector<slab_ptr> slabs;
    ++version_;
    std::size_t patterns = 0;
    for (int i = 0; i < slabs_each; ++i) {
      slabs.push_back(slab_of(*from_, i, version_));
      patterns += slabs.back()->size();
    }
    std::atomic<int> left{slabs_each};
    std::promise<void> all;
    const auto begin = steady::now();
    const auto processor = processor_seconds();
    for (auto& slab : slabs)
      from_->share(std::move(slab), {}, [&](const sync_report& report) {
        if (!report.complete()) std::abort();
        if (--left == 0) all.set_value();
      });
    if (inspected_ && !admin::metrics(*from_)) std::abort();
    all.get_future().wait();
    const auto each = static_cast<double>(patterns);
    return {std::chrono::duration<double, std::nano>(steady::now() - begin).count() / each,
            1e9 * (processor_seconds() - processor) / each};
  }

 private:
  bool inspected_;
  std::unique_ptr<server> from_, to_;
  std::unique_ptr<admin_endpoint> admin_;
  std::uint64_t version_ = 0;
};

double median(std::vector<double> all) {
  std::sort(all.begin(), all.end());
  return all[all.size() / 2];
}

/// The median of values, and between which of them it lies at 95 % (order statistics: no matter how they are spread).
struct estimate {
  double median = 0, low = 0, high = 0;
};
estimate estimate_of(std::vector<double> all) {
  std::sort(all.begin(), all.end());
  const auto count = static_cast<double>(all.size());
  const auto reach = 0.98 * std::sqrt(count);
  const auto at = [&](double place) {
    return all[static_cast<std::size_t>(std::clamp(std::round(place), 0.0, count - 1))];
  };
  return {all[all.size() / 2], at(count / 2 - reach - 1), at(count / 2 + reach)};
}

struct rounds_of {
  std::vector<cost> with, without;
  std::vector<double> of(const std::vector<cost>& all, double cost::* what) const {
    std::vector<double> out;
    for (const auto& each : all) out.push_back(each.*what);
    return out;
  }
  std::vector<double> each_by_itself(double cost::* what, bool ratio) const {
    std::vector<double> out;
    for (std::size_t i = 0; i < with.size(); ++i)
      out.push_back(ratio ? with[i].*what / (without[i].*what) : with[i].*what - without[i].*what);
    return out;
  }
};

/// Whoever goes second finds the processor as the first one left it: each goes first in every other round.
template <class F>
rounds_of alternate(int rounds, F&& run) {
  rounds_of out;
  for (int i = -2; i < rounds; ++i) {
    cost with, without;
    if (i % 2 != 0) with = run(true);
    without = run(false);
    if (i % 2 == 0) with = run(true);
    if (i < 0) continue;  // memory is touched for the first time
    out.with.push_back(with);
    out.without.push_back(without);
  }
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::max(std::atoi(argv[1]), 3) : 41;
  const std::string part = argc > 2 ? argv[2] : "";
  if (part.empty() || part == "messages") {
    message_way plain(false), inspected(true);
    for (const bool in_row : {true, false}) {
      const auto all = alternate(rounds, [&](bool with) { return (with ? inspected : plain).run(in_row); });
      for (const auto& [name, what] :
           {std::pair{"wall clock", &cost::wall}, std::pair{"processor", &cost::processor}}) {
        const auto more = estimate_of(all.each_by_itself(what, false));
        std::printf(
            "%s, %s: a message %.1f ns, inspected %.1f ns (medians of %d); more by %.1f ns (95 %%: %.1f to %.1f)\n",
            in_row ? "one after the other" : "from another thread", name, median(all.of(all.without, what)),
            median(all.of(all.with, what)), rounds, more.median, more.low, more.high);
      }
    }
  }
  if (part.empty() || part == "flow") {
    pattern_way plain(false), inspected(true);
    const auto all = alternate(rounds, [&](bool with) { return (with ? inspected : plain).run(); });
    for (const auto& [name, what] : {std::pair{"wall clock", &cost::wall}, std::pair{"processor", &cost::processor}}) {
      const auto ratio = estimate_of(all.each_by_itself(what, true));
      std::printf(
          "from node to node, %s: a pattern %.0f ns, inspected %.0f ns (medians of %d); more by %.1f %% "
          "(95 %%: %.1f to %.1f)\n",
          name, median(all.of(all.without, what)), median(all.of(all.with, what)), rounds, 100 * (ratio.median - 1),
          100 * (ratio.low - 1), 100 * (ratio.high - 1));
    }
  }
}
