#include "wait_point.hpp"

#include <array>
#include <cstdlib>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "errors.hpp"

namespace quicsync::cli {
namespace {

sigset_t ending_signals() noexcept {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

}  // namespace

wait_point::wait_point(bool takes_hangup) {
  auto set = ending_signals();
  if (takes_hangup) sigaddset(&set, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  signals_ = ::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  std::array<int, 2> ends{-1, -1};
  if (signals_ < 0 || ::pipe2(ends.data(), O_NONBLOCK | O_CLOEXEC) != 0) {
    print_error("no file descriptors left; raise the limit with `ulimit -n`");
    std::exit(exit_failed);
  }
  wake_read_ = ends[0];
  wake_write_ = ends[1];
}

wait_point::~wait_point() {
  for (int descriptor : {signals_, wake_read_, wake_write_}) ::close(descriptor);
}

void wait_point::wake() noexcept {
  if (awake_.exchange(true)) return;
  const char byte = 0;
  [[maybe_unused]] const auto written = ::write(wake_write_, &byte, 1);
}

bool wait_point::wait(int input, std::optional<std::chrono::milliseconds> timeout) {
  if (std::exchange(took_signal_, false)) timeout = std::chrono::milliseconds(0);
  // A negative descriptor is passed over, poll(2).
  std::array<pollfd, 3> watched{{{signals_, POLLIN, 0}, {wake_read_, POLLIN, 0}, {input, POLLIN, 0}}};
  const int count = ::poll(watched.data(), watched.size(), timeout ? static_cast<int>(timeout->count()) : -1);
  if (count <= 0) return false;
  if (watched[0].revents != 0) {
    take_signal();
    took_signal_ = false;
  }
  if (watched[1].revents != 0) {
    std::array<char, 16> bytes;
    while (::read(wake_read_, bytes.data(), bytes.size()) > 0) continue;
    awake_ = false;
  }
  return watched[2].revents != 0;
}

bool wait_point::readable(int input) noexcept {
  pollfd watched{input, POLLIN, 0};
  return ::poll(&watched, 1, 0) == 1;
}

bool wait_point::interrupted() {
  take_signal();
  return interrupted_;
}

bool wait_point::hung_up() {
  take_signal();
  return std::exchange(hung_up_, false);
}

void wait_point::take_signal() noexcept {
  signalfd_siginfo signal;
  if (::read(signals_, &signal, sizeof signal) != sizeof signal) return;
  took_signal_ = true;
  if (signal.ssi_signo == SIGHUP) {
    hung_up_ = true;
    return;
  }
  interrupted_ = true;
  const auto set = ending_signals();
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

}  // namespace quicsync::cli
