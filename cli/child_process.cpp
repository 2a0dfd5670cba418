#include "child_process.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace quicsync::cli {
namespace {

/// All of it, through a pipe; false at its end.
template <class How, class Byte>
bool pass(How how, int descriptor, Byte* at, std::size_t left) {
  while (left > 0) {
    const auto count = how(descriptor, at, left);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    at += count;
    left -= static_cast<std::size_t>(count);
  }
  return true;
}

}  // namespace

double processor_seconds() noexcept {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

process_pipes::~process_pipes() {
  ::close(in_);
  ::close(out_);
}
bool process_pipes::read_bytes(void* into, std::size_t count) {
  return pass(::read, in_, static_cast<char*>(into), count);
}
bool process_pipes::write_bytes(const void* from, std::size_t count) {
  return pass(::write, out_, static_cast<const char*>(from), count);
}

result<std::unique_ptr<child_process>> child_process::start(const std::function<int(process_pipes&)>& work) {
  int questions[2], answers[2];
  if (::pipe2(questions, O_CLOEXEC) != 0) return fail(errc::io_failed, std::strerror(errno));
  if (::pipe2(answers, O_CLOEXEC) != 0) return fail(errc::io_failed, std::strerror(errno));
  const pid_t process = ::fork();
  if (process < 0) return fail(errc::io_failed, fmt::format("cannot start a process: {}", std::strerror(errno)));
  if (process == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::close(questions[1]);
    ::close(answers[0]);
    process_pipes pipes(questions[0], answers[1]);
    ::_exit(work(pipes));
  }
  ::close(questions[0]);
  ::close(answers[1]);
  return std::unique_ptr<child_process>(new child_process(process, answers[0], questions[1]));
}

child_process::~child_process() { ::waitpid(process_, nullptr, 0); }

}  // namespace quicsync::cli
