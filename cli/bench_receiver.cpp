#include "bench_receiver.hpp"

#include <atomic>
#include <chrono>
#include <future>
#include <mutex>
#include <span>

#include <fmt/format.h>

#include <quicsync/actors/agent/agent.hpp>
#include <quicsync/actors/server.hpp>

#include "latency_histogram.hpp"

namespace quicsync::cli {
namespace {

/// What a child says first: its port, or why there is none.
struct greeting {
  std::uint16_t port = 0;
  char problem[512] = {};
};

/// Counts for whoever counts now, read by the thread that answers.
class tally {
 public:
  void add(std::span<const record_view> records) {
    const auto now = bench_clock_ns();
    std::lock_guard lock(mutex_);
    patterns_ += records.size();
    for (const auto& record : records) {
      using namespace std::chrono;
      latency_.add(duration_cast<microseconds>(nanoseconds(now - record.timestamp())));
    }
  }
  /// False, and nothing is counted, once another phase has begun.
  bool add(const record_view& record, unsigned phase) {
    if (phase_ != phase) return false;
    add(std::span(&record, 1));
    return true;
  }
  bench_receiver::reading read() {
    std::lock_guard lock(mutex_);
    return {patterns_, processor_seconds(), latency_.quantile_ms(0.5) * 1000, latency_.quantile_ms(0.99) * 1000};
  }
  unsigned begin_phase() {
    std::lock_guard lock(mutex_);
    patterns_ = 0, latency_ = {};
    return ++phase_;
  }

 private:
  std::mutex mutex_;
  std::atomic<unsigned> phase_{0};
  std::uint64_t patterns_ = 0;
  latency_histogram latency_;
};

/// An agent that counts until the phase is over.
task<void> count_arrivals(agent& self, tally* counts, unsigned phase, std::promise<void>* subscribed) {
  auto all = self.subscribe();
  subscribed->set_value();
  for (;;) {
    auto record = co_await all.next_record();
    if (!record || !counts->add(**record, phase)) co_return;
  }
}

constexpr char ask_reading = 'r', ask_pool = 'p', ask_loop = 'l', ask_end = 'e';

/// The child: answers each question with a reading until it is to end.
class receiving_process {
 public:
  receiving_process(const std::filesystem::path& directory, const std::string& name,
                    const bench_receiver_options& options) {
    node_config config;
    config.host = "127.0.0.1";
    config.port = 0;
    config.cert = directory / (name + ".pem");
    config.key = directory / (name + ".key");
    config.ca = directory / "ca.pem";
    config.busy_poll = options.busy_poll;
    config.cache_reserve = options.cache_reserve;
    if (options.store) config.store = directory / (name + ".db");
    auto made = server::make(std::move(config));
    if (made) {
      node_ = std::move(*made);
      if (auto started = node_->start(); !started) failure_ = std::move(started.error());
    } else {
      failure_ = std::move(made.error());
    }
  }

  int serve(process_pipes& parent) {
    greeting hello;
    if (failure_.code == errc::none)
      hello.port = node_->port();
    else
      fmt::format_to_n(hello.problem, sizeof hello.problem - 1, "{}", to_string(failure_));
    if (!parent.write(hello) || hello.port == 0) return 1;
    handler_ = node_->subscribe({}, subscribe_frame::start::beginning,
                                [this](std::span<const record_view> records) { counts_.add(records); });
    for (char question = 0; parent.read(question) && question != ask_end;) {
      if (question == ask_pool) count_in_agent(placement::pool);
      if (question == ask_loop) count_in_agent(placement::loop);
      if (!parent.write(counts_.read())) break;
    }
    node_->stop();
    return 0;
  }

 private:
  void count_in_agent(placement where) {
    if (handler_ != 0) node_->unsubscribe(std::exchange(handler_, 0));
    const auto phase = counts_.begin_phase();
    std::promise<void> subscribed;
    auto agent = node_->spawn_agent(agent_options("counter").on(where), count_arrivals, &counts_, phase, &subscribed);
    if (agent) subscribed.get_future().wait();
  }

  tally counts_;
  error failure_;
  std::unique_ptr<server> node_;
  std::uint64_t handler_ = 0;
};

}  // namespace

std::int64_t bench_clock_ns() noexcept {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

result<std::unique_ptr<bench_receiver>> bench_receiver::start(const std::filesystem::path& directory,
                                                              const std::string& name,
                                                              const bench_receiver_options& options) {
  auto process = child_process::start(
      [&](process_pipes& parent) { return receiving_process(directory, name, options).serve(parent); });
  if (!process) return fail(std::move(process.error()));
  std::unique_ptr<bench_receiver> started(new bench_receiver(std::move(*process), name));
  greeting hello;
  if (!started->process_->pipes().read(hello)) return fail(errc::io_failed, "the receiving process has died");
  if (hello.port == 0) return fail(errc::io_failed, fmt::format("the receiving node: {}", hello.problem));
  started->port_ = hello.port;
  return started;
}

// Closing the pipe would not do: children that were started later hold its end, too.
bench_receiver::~bench_receiver() { process_->pipes().write(ask_end); }

result<bench_receiver::reading> bench_receiver::read() { return ask(ask_reading); }
result<bench_receiver::reading> bench_receiver::restart(placement where) {
  return ask(where == placement::loop ? ask_loop : ask_pool);
}

result<bench_receiver::reading> bench_receiver::ask(char question) {
  reading out;
  if (!process_->pipes().write(question) || !process_->pipes().read(out))
    return fail(errc::io_failed, fmt::format("the process of {} has died", name_));
  return out;
}

}  // namespace quicsync::cli
