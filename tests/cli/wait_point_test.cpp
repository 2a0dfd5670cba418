// The place where the program's main thread waits, by itself: what signals do to it, whoever comes by them first.
#include "cli/wait_point.hpp"

#include <chrono>

#include <catch2/catch_test_macros.hpp>
#include <signal.h>
#include <unistd.h>

using quicsync::cli::wait_point;
using namespace std::chrono_literals;

namespace {

/// A wait of ten seconds; true: something ended it.
bool is_ended(wait_point& waits) {
  const auto begun = std::chrono::steady_clock::now();
  waits.wait(-1, 10s);
  return std::chrono::steady_clock::now() - begun < 10s;
}

}  // namespace

TEST_CASE("wait point: a signal ends the wait, also where a look for the other kind has come by it before", "[cli]") {
  wait_point waits(true);
  ::kill(::getpid(), SIGHUP);
  CHECK_FALSE(waits.interrupted());
  CHECK(is_ended(waits));
  CHECK(waits.hung_up());
  ::kill(::getpid(), SIGTERM);
  CHECK_FALSE(waits.hung_up());
  CHECK(is_ended(waits));
  CHECK(waits.interrupted());
}

TEST_CASE("wait point: what it is told while nobody waits ends the next wait", "[cli]") {
  wait_point waits(true);
  waits.wake();
  CHECK(is_ended(waits));
  ::kill(::getpid(), SIGHUP);
  CHECK(is_ended(waits));
  CHECK(waits.hung_up());
  CHECK_FALSE(waits.hung_up());
}
