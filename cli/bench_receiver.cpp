#include "bench_receiver.hpp"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <mutex>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <quicsync/actors/server.hpp>

#include "latency_histogram.hpp"

namespace quicsync::cli {
namespace {

/// What a child says first: its port, or why there is none.
struct greeting {
  std::uint16_t port = 0;
  char problem[512] = {};
};

/// A whole value through a pipe; false at its end.
template <class T>
bool pass(ssize_t (*how)(int, void*, std::size_t), int descriptor, T& value) {
  auto* at = reinterpret_cast<char*>(&value);
  for (std::size_t left = sizeof value; left > 0;) {
    const auto count = how(descriptor, at, left);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    at += count;
    left -= static_cast<std::size_t>(count);
  }
  return true;
}
ssize_t put(int descriptor, void* from, std::size_t count) { return ::write(descriptor, from, count); }

double cpu_seconds_of_this_process() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

/// Counts for the subscriber's thread, read by the one that answers.
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
  bench_receiver::reading read(bool begin_anew) {
    std::lock_guard lock(mutex_);
    bench_receiver::reading out{patterns_, cpu_seconds_of_this_process(), latency_.quantile_ms(0.5) * 1000,
                                latency_.quantile_ms(0.99) * 1000};
    if (begin_anew) patterns_ = 0, latency_ = {};
    return out;
  }

 private:
  std::mutex mutex_;
  std::uint64_t patterns_ = 0;
  latency_histogram latency_;
};

result<std::unique_ptr<server>> start_node(const std::filesystem::path& directory, const std::string& name,
                                           tally& counts) {
  node_config config;
  config.host = "127.0.0.1";
  config.port = 0;
  config.cert = directory / (name + ".pem");
  config.key = directory / (name + ".key");
  config.ca = directory / "ca.pem";
  auto node = server::make(std::move(config));
  if (!node) return node;
  if (auto started = (*node)->start(); !started) return fail(std::move(started.error()));
  (*node)->subscribe({}, subscribe_frame::start::beginning,
                     [&counts](std::span<const record_view> records) { counts.add(records); });
  return node;
}

constexpr char ask_restart = 'b', ask_end = 'e';

/// The child: answers each question with a reading until it is to end.
int serve(const std::filesystem::path& directory, const std::string& name, int asked, int answer) {
  tally counts;
  greeting hello;
  auto node = start_node(directory, name, counts);
  if (node)
    hello.port = (*node)->port();
  else
    fmt::format_to_n(hello.problem, sizeof hello.problem - 1, "{}", to_string(node.error()));
  if (!pass(put, answer, hello) || !node) return 1;
  for (char question = 0; pass(::read, asked, question) && question != ask_end;) {
    auto reading = counts.read(question == ask_restart);
    if (!pass(put, answer, reading)) break;
  }
  (*node)->stop();
  return 0;
}

}  // namespace

std::int64_t bench_clock_ns() noexcept {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

result<std::unique_ptr<bench_receiver>> bench_receiver::start(const std::filesystem::path& directory,
                                                              const std::string& name) {
  int questions[2], answers[2];
  if (::pipe2(questions, O_CLOEXEC) != 0) return fail(errc::io_failed, std::strerror(errno));
  if (::pipe2(answers, O_CLOEXEC) != 0) return fail(errc::io_failed, std::strerror(errno));
  const pid_t process = ::fork();
  if (process < 0) return fail(errc::io_failed, fmt::format("cannot start a process: {}", std::strerror(errno)));
  if (process == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::close(questions[1]);
    ::close(answers[0]);
    ::_exit(serve(directory, name, questions[0], answers[1]));
  }
  ::close(questions[0]);
  ::close(answers[1]);
  std::unique_ptr<bench_receiver> started(new bench_receiver(process, questions[1], answers[0], name));
  greeting hello;
  if (!pass(::read, answers[0], hello)) return fail(errc::io_failed, "the receiving process has died");
  if (hello.port == 0) return fail(errc::io_failed, fmt::format("the receiving node: {}", hello.problem));
  started->port_ = hello.port;
  return started;
}

bench_receiver::~bench_receiver() {
  // Closing the pipe would not do: children that were started later hold its end, too.
  char end = ask_end;
  pass(put, asking_, end);
  ::close(asking_);
  ::close(answering_);
  ::waitpid(process_, nullptr, 0);
}

result<bench_receiver::reading> bench_receiver::ask(char question) {
  reading out;
  if (!pass(put, asking_, question) || !pass(::read, answering_, out))
    return fail(errc::io_failed, fmt::format("the process of {} has died", name_));
  return out;
}

}  // namespace quicsync::cli
