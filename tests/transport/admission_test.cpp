// Who may begin a handshake, by the numbers; and the small parts that it stands on.
#include <catch2/catch_test_macros.hpp>

#include <quicsync/transport/admission.hpp>
#include <quicsync/transport/server_memory.hpp>

using namespace quicsync;
using namespace std::chrono_literals;
using answer = admission::answer;

namespace {

address host(unsigned number) {
  return address::parse("10.1." + std::to_string(number / 256) + "." + std::to_string(number % 256) + ":1000").value();
}

}  // namespace

TEST_CASE("token bucket: gives what a second brings, and no more at once than it holds", "[transport]") {
  token_bucket bucket(10, 20);
  const time_point start(1h);
  for (int i = 0; i < 20; ++i) CHECK(bucket.take(start));
  CHECK_FALSE(bucket.take(start));
  CHECK_FALSE(bucket.take(start + 99ms));
  CHECK(bucket.take(start + 100ms));
  CHECK_FALSE(bucket.take(start + 100ms));
  // Time that goes back brings nothing.
  CHECK_FALSE(bucket.take(start));
  CHECK(bucket.level(start + 1h) == 1);
  CHECK(bucket.take(start + 1h, 20));
  CHECK_FALSE(bucket.take(start + 1h, 1));
}

TEST_CASE("admission: beyond its few places, an address that has proven nothing must prove itself",
          "[transport][retry]") {
  admission judge({.at_once = 10, .unproven = 3, .of_host = 10, .per_second = 1000});
  const time_point now(1h);
  for (unsigned i = 0; i < 3; ++i) {
    REQUIRE(judge.judge(host(i), false, 0, now).what == answer::begin);
    judge.began(host(i), false);
  }
  const auto beyond = judge.judge(host(9), false, 0, now);
  CHECK(beyond.what == answer::prove);
  CHECK(beyond.why == refusal_reason::address_unproven);
  CHECK(judge.judge(host(9), true, 0, now).what == answer::begin);
  judge.over(host(0), false);
  CHECK(judge.judge(host(9), false, 0, now).what == answer::begin);
}

TEST_CASE("admission: proven addresses are refused when all places are taken", "[transport][retry]") {
  admission judge({.at_once = 4, .unproven = 2, .of_host = 10, .per_second = 1000});
  const time_point now(1h);
  for (unsigned i = 0; i < 4; ++i) {
    REQUIRE(judge.judge(host(i), true, 0, now).what == answer::begin);
    judge.began(host(i), true);
  }
  CHECK(judge.under_way() == 4);
  const auto full = judge.judge(host(9), true, 0, now);
  CHECK(full.what == answer::refuse);
  CHECK(full.why == refusal_reason::handshakes_at_once);
  judge.over(host(2), true);
  CHECK(judge.judge(host(9), true, 0, now).what == answer::begin);
  CHECK(judge.judge(host(9), true, limits::connections, now).why == refusal_reason::connections_full);
}

TEST_CASE("admission: one host cannot take all places, but nobody can take them in its name", "[transport][retry]") {
  admission judge({.at_once = 100, .unproven = 50, .of_host = 2, .per_second = 1000});
  const time_point now(1h);
  // Forged ones count for nobody.
  for (int i = 0; i < 20; ++i) judge.began(host(1), false);
  for (int i = 0; i < 2; ++i) {
    REQUIRE(judge.judge(host(1), true, 0, now).what == answer::begin);
    judge.began(host(1), true);
  }
  const auto beyond = judge.judge(host(1), true, 0, now);
  CHECK(beyond.what == answer::ignore);
  CHECK(beyond.why == refusal_reason::handshakes_of_host);
  CHECK(judge.judge(host(2), true, 0, now).what == answer::begin);
  judge.over(host(1), true);
  CHECK(judge.judge(host(1), true, 0, now).what == answer::begin);
}

TEST_CASE("admission: a network of IPv6 addresses is one host", "[transport][retry]") {
  admission judge({.at_once = 100, .unproven = 50, .of_host = 1, .per_second = 1000});
  const time_point now(1h);
  judge.began(address::parse("[2001:db8::1]:5").value(), true);
  CHECK(judge.judge(address::parse("[2001:db8::ffff:1]:7").value(), true, 0, now).what == answer::ignore);
  CHECK(judge.judge(address::parse("[2001:db8:0:1::1]:5").value(), true, 0, now).what == answer::begin);
}

TEST_CASE("admission: half of the rate is kept for addresses that are proven", "[transport][retry]") {
  admission judge({.at_once = 1000, .unproven = 1000, .of_host = 1000, .per_second = 100});
  const time_point now(1h);
  unsigned begun = 0;
  while (judge.judge(host(begun), false, 0, now).what == answer::begin) ++begun;
  CHECK(begun == 51);
  CHECK(judge.judge(host(1), false, 0, now).why == refusal_reason::address_unproven);
  unsigned more = 0;
  while (judge.judge(host(more), true, 0, now).what == answer::begin) ++more;
  CHECK(more == 49);
  const auto beyond = judge.judge(host(1), true, 0, now);
  CHECK(beyond.what == answer::ignore);
  CHECK(beyond.why == refusal_reason::handshake_rate);
  CHECK(judge.judge(host(1), true, 0, now + 1s).what == answer::begin);
}

TEST_CASE("server memory: is bounded, and forgets who was not used for longest", "[transport]") {
  server_memory memory;
  for (unsigned i = 0; i < limits::remembered_servers; ++i) memory.of(host(i), "n").address_token = {1};
  REQUIRE(memory.find(host(0), "n") != nullptr);
  memory.of(host(5000), "n");
  CHECK(memory.size() == limits::remembered_servers);
  CHECK(memory.find(host(0), "n") != nullptr);
  CHECK(memory.find(host(1), "n") == nullptr);
  CHECK(memory.find(host(0), "another") == nullptr);
}
