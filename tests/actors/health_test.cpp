// When a connection counts as unhealthy.
#include <catch2/catch_test_macros.hpp>

#include <quicsync/actors/coordinator/health.hpp>

using namespace quicsync;

namespace {

connection_state connected() {
  connection_state s;
  s.connected = true;
  return s;
}

}  // namespace

TEST_CASE("health: a connection without errors is well, one that is not connected is not", "[health]") {
  health_watch watch;
  CHECK(watch.is_healthy(1, connected(), 0));
  CHECK_FALSE(watch.check(1, connected(), 0));
  CHECK_FALSE(watch.is_healthy(1, {}, 0));
  CHECK(watch.check(1, {}, 1));
}

TEST_CASE("health: five errors since the last acknowledgement are too many", "[health]") {
  health_watch watch;
  auto s = connected();
  s.errors_in_row = 4;
  CHECK(watch.is_healthy(1, s, 0));
  s.errors_in_row = 5;
  CHECK_FALSE(watch.is_healthy(1, s, 0));
}

TEST_CASE("health: getting worse is told once, until it was well again", "[health]") {
  health_watch watch;
  CHECK(watch.check(1, {}, 0));
  CHECK_FALSE(watch.check(1, {}, 1));
  CHECK_FALSE(watch.check(1, connected(), 2));
  CHECK(watch.check(1, {}, 3));
}

TEST_CASE("health: silence counts only while an acknowledgement is due", "[health]") {
  health_watch watch;
  auto s = connected();
  s.last_sync_ms = 1;
  CHECK_FALSE(watch.check(1, s, 0));
  CHECK_FALSE(watch.check(1, s, 1'000'000));
  s.sync_due = true;
  CHECK_FALSE(watch.check(1, s, 2'000'000));
  CHECK(watch.is_healthy(1, s, 2'059'999));
  CHECK_FALSE(watch.is_healthy(1, s, 2'060'000));
  CHECK(watch.check(1, s, 2'060'000));
  s.last_sync_ms = 2'060'001;
  CHECK_FALSE(watch.check(1, s, 2'061'000));
  CHECK(watch.is_healthy(1, s, 2'061'000));
}
