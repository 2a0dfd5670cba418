#include <algorithm>
#include <array>
#include <future>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <quicsync/actors/agent/agent.hpp>
#include <quicsync/actors/cache/memory_blocks.hpp>
#include <quicsync/actors/server.hpp>
#include <quicsync/transport/certificates.hpp>

#include "bench_receiver.hpp"
#include "bench_yardstick.hpp"
#include "commands.hpp"
#include "delivery.hpp"
#include "errors.hpp"
#include "freed_memory.hpp"
#include "losses.hpp"
#include "output.hpp"
#include "temporary_directory.hpp"
#include "wait_point.hpp"

namespace quicsync::cli {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

constexpr auto arrival_deadline = 60s;
constexpr auto latency_duration = 3s;

struct bench_options {
  std::size_t patterns = 1'000'000;
  std::size_t peers = 1;
  std::size_t batch = 100;
  std::size_t size = 348;
  std::size_t rate = 1000;
  std::chrono::microseconds::rep busy_poll = 0;
  bool store = false;
};

/// What one run came to.
struct bench_figures {
  double patterns_per_second = 0;
  double p50_us = 0;  ///< on the loop, of the first receiver; 0: not measured
};

/// Patterns in the manner of a test fleet, each JSON text of about `bytes`.
class pattern_source {
 public:
  explicit pattern_source(std::size_t bytes) : bytes_(bytes) {}

  pattern next() {
    const auto n = ++count_;
    pattern value;
    value.id = fmt::format("bench-{}", n);
    value.agent_id = fmt::format("agent-{}", n % 16);
    value.type = "test_execution";
    value.metadata.source = value.agent_id;
    value.metadata.tags = {"bench", n % 3 == 0 ? "unit" : "integration"};
    value.version = 1;
    value.data =
        fmt::format(R"({{"testCase":"case_{}","duration":{},"coverage":0.{:04},"result":"{}","commit":"{:016x}")",
                    n % 5000, mix(n) % 900, mix(n + 1) % 10000, n % 7 == 0 ? "failed" : "passed", mix(n + 2));
    const std::size_t others = 230;
    for (std::size_t length = value.data.size() + others, line = 0; length < bytes_; ++line) {
      const auto more = fmt::format(R"(,"line{}":{})", line, mix(n + line) % 2000);
      value.data += more;
      length += more.size();
    }
    value.data += '}';
    value.timestamp = bench_clock_ns();  // what comes before is not the node's
    return value;
  }

 private:
  static std::uint64_t mix(std::uint64_t n) noexcept {
    n = (n ^ (n >> 31)) * 0x9E3779B97F4A7C15ull;
    return n ^ (n >> 29);
  }
  std::size_t bytes_;
  std::uint64_t count_ = 0;
};

/// Posts patterns one at a time at a steady rate; an agent, so that the post itself wakes no thread on the loop.
task<void> post_steadily(agent& self, pattern_source* source, std::size_t count, std::chrono::nanoseconds interval,
                         std::promise<result<void>>* done) {
  result<void> all;
  auto due = clock::now();
  for (std::size_t i = 0; i < count && all; ++i) {
    due += interval;
    auto waited = co_await self.sleep(std::max(due - clock::now(), std::chrono::nanoseconds(0)));
    if (!waited) all = waited;
    const auto next = source->next();
    if (auto posted = self.post(next); !posted) all = posted;
  }
  done->set_value(std::move(all));
}

/// One node that shares, and those that receive.
class bench {
 public:
  /// `store`: the receivers keep what they get, and acknowledge it when it is on disk.
  bench(const bench_options& options, wait_point& waits, bool store)
      : options_(options), waits_(waits), store_(store), source_(options.size) {}

  result<bench_figures> run() {
    auto done = start().and_then([&] { return throughput(); });
    for (auto where : {placement::pool, placement::loop})
      if (options_.rate != 0) done = done.and_then([&] { return latency(where); });
    if (!done) return fail(std::move(done.error()));
    return figures_;
  }

 private:
  result<void> start() {
    auto made = temporary_directory::make("bench");
    if (!made) return fail(std::move(made.error()));
    directory_ = std::move(*made);
    const auto& path = directory_->path();
    if (auto ca = make_ca(path); !ca) return ca;
    if (auto files = make_node_certificate("bench-sender", path, path, 1); !files) return fail(files.error());
    for (std::size_t i = 0; i < options_.peers; ++i) {
      const auto name = fmt::format("bench-receiver-{}", i + 1);
      if (auto files = make_node_certificate(name, path, path, 1); !files) return fail(files.error());
      // Before this process has threads: what a fork leaves of them holds locks for ever.
      bench_receiver_options receiving{std::chrono::microseconds(options_.busy_poll), cache_reserve(), store_};
      auto receiver = bench_receiver::start(path, name, receiving);
      if (!receiver) return fail(std::move(receiver.error()));
      receivers_.push_back(std::move(*receiver));
    }
    auto yardstick = bench_yardstick::start(path, "bench-sender");
    if (!yardstick) return fail(std::move(yardstick.error()));
    yardstick_ = std::move(*yardstick);
    node_config config;
    config.host = "127.0.0.1";
    config.port = 0;
    config.batch_size = options_.batch;
    config.busy_poll = std::chrono::microseconds(options_.busy_poll);
    config.cache_reserve = cache_reserve();
    config.cert = path / "bench-sender.pem";
    config.key = path / "bench-sender.key";
    config.ca = path / "ca.pem";
    auto node = server::make(std::move(config));
    if (!node) return fail(std::move(node.error()));
    node_ = std::move(*node);
    if (auto started = node_->start(); !started) return started;
    for (const auto& receiver : receivers_) {
      auto connected = node_->connect_to_peer(fmt::format("127.0.0.1:{}", receiver->port()), receiver->name());
      if (auto name = connected.get(); !name) return fail(std::move(name.error()));
    }
    return {};
  }

  /// Memory for all patterns, which a node in use has had from the system long before; of all nodes together no more
  /// than half of what is free.
  std::uint64_t cache_reserve() const {
    return std::min(options_.patterns * (128 + options_.size / 2),
                    memory_blocks::available_bytes() / 2 / (options_.peers + 1));
  }

  /// Ready records, as fast as acknowledgements let them.
  result<void> throughput() {
    std::vector<slab_ptr> slabs;
    auto builder = node_->new_slab();
    for (std::size_t i = 0; i < options_.patterns; ++i) {
      if (auto added = builder.add(source_.next()); !added) return added;
      if (builder.full()) slabs.push_back(builder.finish());
    }
    if (!builder.empty()) slabs.push_back(builder.finish());
    std::size_t record_bytes = 0;
    for (const auto& slab : slabs) record_bytes += slab->record_bytes();

    auto plain = yardstick_->run(slabs, options_.batch);
    if (!plain) return fail(std::move(plain.error()));
    auto before = cpu_of_all();
    if (!before) return fail(std::move(before.error()));
    const auto begun = clock::now();
    if (auto shared = share_all(slabs); !shared) return shared;
    const double seconds = std::chrono::duration<double>(clock::now() - begun).count();
    if (auto drained = await_arrival(options_.patterns); !drained) return drained;
    auto after = cpu_of_all();
    if (!after) return fail(std::move(after.error()));
    auto state = node_->state();
    if (!state) return fail(std::move(state.error()));
    // Once more afterwards: what else runs on the machine comes and goes.
    auto again = yardstick_->run(slabs, options_.batch);
    if (!again) return fail(std::move(again.error()));
    figures_.patterns_per_second = static_cast<double>(options_.patterns) / seconds;
    const auto patterns = static_cast<double>(options_.patterns), peers = static_cast<double>(options_.peers);
    print_line(fmt::format(
        R"({{"what":"throughput","level":"{}","patterns":{},"peers":{},"batch":{},"seconds":{:.3f},"patternsPerSecond":{:.0f},)"
        R"("cpuMicrosPerDelivery":{:.3f},"recordBytes":{:.1f},"laneBytes":{:.1f},"wireBytes":{:.1f}}})",
        store_ ? "stored" : "applied", options_.patterns, options_.peers, options_.batch, seconds, patterns / seconds,
        (*after - *before) * 1e6 / patterns / peers, static_cast<double>(record_bytes) / patterns,
        static_cast<double>(state->stats.lane_bytes_sent) / patterns / peers,
        static_cast<double>(state->stats.bytes_sent) / patterns / peers));
    const auto plain_seconds = (plain->seconds + again->seconds) / 2;
    print_line(
        fmt::format(R"({{"what":"yardstick","patternsPerSecond":{:.0f},"cpuMicrosPerDelivery":{:.3f},"ratio":{:.2f}}})",
                    patterns / plain_seconds, (plain->cpu_seconds + again->cpu_seconds) / 2 * 1e6 / patterns,
                    plain_seconds / seconds));
    return {};
  }

  result<void> share_all(const std::vector<slab_ptr>& slabs) {
    delivery_wish wish;
    wish.level = store_ ? ack_level::stored : ack_level::applied;
    wish.deadline = std::chrono::hours(1);
    delivery to(*node_, wish, lost_, -1, [this] { waits_.wake(); });
    auto next = slabs.begin();
    while (next != slabs.end() || !to.settled()) {
      if (lost_.first() || waits_.interrupted()) {
        node_->stop();  // no report comes after it
        return lost_.first() ? fail(lost_.first()->reason) : fail(errc::cancelled, "interrupted");
      }
      if (next != slabs.end() && to.has_room())
        to.hand_over(*next++);
      else
        waits_.wait(-1, 100ms);
    }
    return {};
  }

  /// One at a time, at a steady rate, from an agent here to one at each receiver.
  result<void> latency(placement where) {
    for (const auto& receiver : receivers_)
      if (auto begun = receiver->restart(where); !begun) return fail(std::move(begun.error()));
    const auto count = options_.rate * static_cast<std::size_t>(latency_duration.count());
    const auto interval = std::chrono::nanoseconds(1s) / static_cast<std::int64_t>(options_.rate);
    auto outcome = std::make_shared<std::promise<result<void>>>();
    auto posted = outcome->get_future();
    auto sender =
        node_->spawn_agent(agent_options("sender").on(where), post_steadily, &source_, count, interval, outcome.get());
    if (!sender) return fail(std::move(sender.error()));
    while (posted.wait_for(100ms) != std::future_status::ready) {
      if (!waits_.interrupted()) continue;
      node_->stop();  // and with it the agent, which uses what is here
      return fail(errc::cancelled, "interrupted");
    }
    if (auto all = posted.get(); !all) return all;
    if (auto arrived = await_arrival(count); !arrived) return arrived;
    auto all = read_all();
    if (!all) return fail(std::move(all.error()));
    for (std::size_t i = 0; i < all->size(); ++i) {
      const auto& reading = (*all)[i];
      if (i == 0 && where == placement::loop) figures_.p50_us = reading.p50_us;
      print_line(fmt::format(
          R"({{"what":"latency","on":"{}","peer":{},"rate":{},"patterns":{},"p50Micros":{:.0f},"p99Micros":{:.0f}}})",
          where == placement::loop ? "loop" : "pool", json_quoted(receivers_[i]->name()), options_.rate,
          reading.patterns, reading.p50_us, reading.p99_us));
    }
    return {};
  }

  /// Acknowledged means applied; subscribers may be some way behind.
  result<void> await_arrival(std::size_t patterns) {
    for (const auto& receiver : receivers_) {
      for (const auto give_up = clock::now() + arrival_deadline;;) {
        auto reading = receiver->read();
        if (!reading) return fail(std::move(reading.error()));
        if (reading->patterns >= patterns) break;
        if (waits_.interrupted()) return fail(errc::cancelled, "interrupted");
        if (clock::now() > give_up)
          return fail(errc::timed_out,
                      fmt::format("{} has seen {} of {} patterns", receiver->name(), reading->patterns, patterns));
        waits_.wait(-1, 10ms);
      }
    }
    return {};
  }

  result<std::vector<bench_receiver::reading>> read_all() {
    std::vector<bench_receiver::reading> all;
    for (const auto& receiver : receivers_) {
      auto reading = receiver->read();
      if (!reading) return fail(std::move(reading.error()));
      all.push_back(*reading);
    }
    return all;
  }

  result<double> cpu_of_all() {
    auto all = read_all();
    if (!all) return fail(std::move(all.error()));
    double sum = processor_seconds();
    for (const auto& reading : *all) sum += reading.cpu_seconds;
    return sum;
  }

  const bench_options& options_;
  wait_point& waits_;
  bool store_ = false;
  bench_figures figures_;
  pattern_source source_;
  losses lost_{[this] { waits_.wake(); }};
  std::unique_ptr<temporary_directory> directory_;
  std::vector<std::unique_ptr<bench_receiver>> receivers_;
  std::unique_ptr<bench_yardstick> yardstick_;
  std::unique_ptr<server> node_;
};

/// Alternating, because what else runs on the machine comes and goes.
result<void> compare_with_store(const bench_options& options, wait_point& waits) {
  constexpr int rounds = 3;
  std::array<std::vector<double>, 2> rates, delays;
  for (int round = 0; round < rounds; ++round)
    for (const bool store : {false, true}) {
      auto figures = bench(options, waits, store).run();
      if (!figures) return fail(std::move(figures.error()));
      rates[store].push_back(figures->patterns_per_second);
      delays[store].push_back(figures->p50_us);
    }
  auto median = [](std::vector<double>& of) {
    std::sort(of.begin(), of.end());
    return of[of.size() / 2];
  };
  const double without = median(rates[0]), with = median(rates[1]);
  print_line(
      fmt::format(R"({{"what":"store","rounds":{},"patternsPerSecond":{:.0f},"withoutStore":{:.0f},"ratio":{:.2f},)"
                  R"("p50Micros":{:.0f},"p50MicrosWithoutStore":{:.0f}}})",
                  rounds, with, without, with / without, median(delays[1]), median(delays[0])));
  return {};
}

}  // namespace

action add_bench(CLI::App& app) {
  auto options = std::make_shared<bench_options>();
  app.add_option("--patterns", options->patterns, "How many are shared as fast as they are acknowledged")
      ->check(CLI::Range(std::size_t{1}, std::size_t{10'000'000}))
      ->capture_default_str();
  app.add_option("--peers", options->peers, "Receiving nodes, each a process")
      ->check(CLI::Range(std::size_t{1}, std::size_t{64}))
      ->capture_default_str();
  app.add_option("--batch", options->batch, "Patterns a batch")
      ->check(CLI::Range(std::size_t{1}, std::size_t{10'000}))
      ->capture_default_str();
  app.add_option("--size", options->size, "Bytes of a pattern as JSON text, about")
      ->check(CLI::Range(std::size_t{300}, std::size_t{1'000'000}))
      ->capture_default_str();
  app.add_option("--rate", options->rate, "Patterns a second for the latency; 0: not measured")
      ->check(CLI::Range(std::size_t{0}, std::size_t{100'000}))
      ->capture_default_str();
  app.add_option("--busy-poll", options->busy_poll,
                 "Microseconds that the nodes' loops look for work before they sleep")
      ->check(CLI::Range(0, 1'000'000))
      ->capture_default_str();
  app.add_flag("--store", options->store,
               "Three runs with receivers that keep patterns on disk, between three without; the last line compares");
  app.footer(
      "Prints a JSON object a line: throughput; what a plain QUIC loop does with the same batches, and our part of "
      "that\n"
      "(ratio); latency from an agent's share to an agent at the other node, on the worker pool and on the nodes' "
      "loops.\n\n"
      "Example:\n  quicsync bench --patterns 200000");
  return [=] {
    keep_freed_memory();
    wait_point waits;
    if (options->store) {
      auto done = compare_with_store(*options, waits);
      return done ? exit_done : report(done.error());
    }
    auto done = bench(*options, waits, false).run();
    return done ? exit_done : report(done.error());
  };
}

}  // namespace quicsync::cli
