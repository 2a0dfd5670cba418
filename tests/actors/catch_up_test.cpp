// Two sessions that find out what they do not share, with real tables behind them.
#include <map>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include <quicsync/codec/limits.hpp>

#include "session_pair.hpp"

using namespace quicsync;
using namespace std::chrono_literals;
using quicsync::test::key_seed;
using quicsync::test::make_pattern;
using quicsync::test::make_slab;
using quicsync::test::numbered;
using quicsync::test::pair_of_sides;
using quicsync::test::side;

namespace {

/// "id@version" of all that is held and no deletion.
std::map<std::string, std::uint64_t> held_by(side& s) {
  std::map<std::string, std::uint64_t> all;
  s.table().visit_held(0, s.table().entries(),
                       [&](const held_record& held) { all.emplace(held.id(), held.version()); });
  return all;
}

void hold_many(side& s, int from, int count, std::uint64_t version = 1) {
  for (int i = from; i < from + count; i += 250)
    s.hold(numbered(i, std::min(250, from + count - i), std::nullopt, version));
}

slab_ptr tombstone(const std::string& id, std::uint64_t version) {
  slab_builder builder(key_seed);
  if (!builder.add_tombstone(id, "agent", 1760000000000, version)) throw std::runtime_error("tombstone");
  return builder.finish();
}

std::uint64_t sent(const side& s) { return s.statistics().patterns_sent; }

log_position_number reached(const side& s) {
  log_position_number most = 0;
  for (const auto& [on, position] : s.reached_)
    if (on == lane::normal) most = std::max(most, position);
  return most;
}

}  // namespace

TEST_CASE("catch-up: two nodes that hold the same send no record and know that the other has everything",
          "[peer][catch-up]") {
  pair_of_sides s;
  hold_many(s.a, 0, 1000);
  hold_many(s.b, 0, 1000);
  s.open();
  CHECK(sent(s.a) + sent(s.b) == 0);
  CHECK(reached(s.a) == 1000);
  CHECK(reached(s.b) == 1000);
}

TEST_CASE("catch-up: what differs is found by its number alone, in both directions", "[peer][catch-up]") {
  pair_of_sides s;
  hold_many(s.a, 0, 5000);
  hold_many(s.b, 0, 5000);
  hold_many(s.a, 10, 30, 2);   // newer there
  hold_many(s.b, 100, 40, 3);  // newer here
  hold_many(s.a, 6000, 20);    // only there
  hold_many(s.b, 7000, 25);    // only here
  s.open();
  CHECK(held_by(s.a).size() == 5045);
  CHECK((held_by(s.a) == held_by(s.b)));
  CHECK(sent(s.a) == 50);
  CHECK(sent(s.b) == 65);
  CHECK(reached(s.a) == s.a.table().last_position());
  CHECK_FALSE(s.a.failure_);
  CHECK_FALSE(s.b.failure_);
}

TEST_CASE("catch-up: more than the first page tells is asked for", "[peer][catch-up]") {
  pair_of_sides s;
  hold_many(s.a, 0, 20000);
  hold_many(s.b, 0, 20000);
  hold_many(s.a, 0, 3000, 2);
  hold_many(s.b, 10000, 3000, 2);
  s.open();
  CHECK_FALSE(s.a.failure_);
  CHECK_FALSE(s.b.failure_);
  CHECK((held_by(s.a) == held_by(s.b)));
  CHECK(sent(s.a) == 3000);
  CHECK(sent(s.b) == 3000);
}

TEST_CASE("catch-up: pages of a sketch that come when enough is known change nothing", "[peer][catch-up]") {
  for (const int changed : {4500, 7000, 9500}) {
    CAPTURE(changed);
    pair_of_sides s;
    hold_many(s.a, 0, 40000);
    hold_many(s.b, 0, 40000);
    hold_many(s.b, 0, changed, 2);
    s.open();
    CHECK_FALSE(s.a.failure_);
    CHECK_FALSE(s.b.failure_);
    CHECK((held_by(s.a) == held_by(s.b)));
  }
}

TEST_CASE("catch-up: an empty node gets everything in order, one that has little as well", "[peer][catch-up]") {
  for (const int little : {0, 10}) {
    pair_of_sides s;
    hold_many(s.a, 0, 3000);
    if (little != 0) hold_many(s.b, 5000, little);
    s.open();
    CHECK((held_by(s.a) == held_by(s.b)));
    CHECK(sent(s.a) == 3000);
    CHECK(reached(s.a) == s.a.table().last_position());
  }
}

TEST_CASE("catch-up: sets that share next to nothing are sent whole", "[peer][catch-up]") {
  pair_of_sides s;
  hold_many(s.a, 0, 3000);
  hold_many(s.b, 10000, 3000);
  s.open();
  CHECK(held_by(s.a).size() == 6000);
  CHECK((held_by(s.a) == held_by(s.b)));
}

TEST_CASE("catch-up: nothing is reached before what the other side lacks is applied there", "[peer][catch-up]") {
  pair_of_sides s;
  hold_many(s.a, 0, 2000);
  hold_many(s.b, 0, 2000);
  hold_many(s.a, 0, 100, 2);
  s.b.hold_back_applied_ = true;
  s.open();
  hold_many(s.a, 9000, 5);
  s.settle();
  CHECK(reached(s.a) == 0);
}

TEST_CASE("catch-up: a deletion answers whoever offers something older", "[peer][catch-up]") {
  pair_of_sides s;
  hold_many(s.a, 0, 500);
  hold_many(s.b, 0, 500);
  s.a.hold(tombstone("p7", 2));
  s.b.hold(tombstone("p8", 2));
  s.open();
  CHECK(held_by(s.a).size() == 498);
  CHECK((held_by(s.a) == held_by(s.b)));
}

TEST_CASE("catch-up: records with an audience are compared by those who may have them, and by nobody else",
          "[peer][catch-up]") {
  pair_of_sides s;
  hold_many(s.a, 0, 500);
  hold_many(s.b, 0, 500);
  s.a.hold(numbered(1000, 5), sharing::only_to({"c"}));
  s.a.hold(numbered(2000, 5), sharing::only_to({"b"}));
  s.open();
  CHECK(sent(s.a) == 5);
  CHECK(held_by(s.b).size() == 505);
  CHECK(held_by(s.b).count("p1000") == 0);
  s.a.disconnect();
  s.b.disconnect();
  s.a.remembered_.reset();
  s.b.remembered_.reset();
  s.open();
  CHECK(sent(s.a) == 0);  // equal, by what each may have
}

TEST_CASE("catch-up: with filters only what both want is compared, and the rest is sent to who wants it",
          "[peer][catch-up]") {
  pair_of_sides s;
  s.b.config().wish.filter = "id=p1*";
  hold_many(s.a, 0, 2000);
  s.b.hold(numbered(5000, 7));
  s.open();
  std::size_t ones = 0;
  for (const auto& [id, version] : held_by(s.a)) ones += id.starts_with("p1") ? 1 : 0;
  CHECK(held_by(s.b).size() == ones + 7);
  CHECK(held_by(s.a).size() == 2007);
  s.a.disconnect();
  s.b.disconnect();
  s.a.remembered_.reset();
  s.b.remembered_.reset();
  s.open();
  CHECK(sent(s.a) == 0);
  CHECK(sent(s.b) == 7);  // nobody compares those: only one side wants them
}

TEST_CASE("catch-up: who was here before goes on where it was", "[peer][catch-up]") {
  pair_of_sides s;
  hold_many(s.a, 0, 3000);
  s.open();
  s.advance(3s);  // the mark comes when it is quiet
  REQUIRE(s.b.remembered_);
  CHECK(s.b.remembered_->at.position == 3000);
  s.a.disconnect();
  s.b.disconnect();
  hold_many(s.a, 100, 50, 2);
  s.a.hold(tombstone("p1", 2));
  s.open();
  CHECK(sent(s.a) == 51);
  CHECK((held_by(s.a) == held_by(s.b)));
  CHECK(reached(s.a) == s.a.table().last_position());
}

TEST_CASE("catch-up: a log that began anew is not taken for the one that is remembered", "[peer][catch-up]") {
  pair_of_sides s;
  hold_many(s.a, 0, 300);
  s.open();
  s.advance(3s);
  s.a.disconnect();
  s.b.disconnect();
  s.a.config().hello.log.incarnation = 77;
  hold_many(s.a, 1000, 3);
  s.open();
  CHECK(sent(s.a) == 3);
  CHECK((held_by(s.a) == held_by(s.b)));
}

TEST_CASE("catch-up: what one side lost without saying so is found when it is quiet", "[peer][catch-up]") {
  pair_of_sides s;
  hold_many(s.a, 0, 1000);
  s.open();
  s.advance(3s);
  // The other side holds what this session was never told of: as if another peer had brought and vouched for it.
  s.b.hold(numbered(5000, 10), {}, s.b.number_);
  s.advance(1ms);
  CHECK(held_by(s.a).size() == 1000);
  s.b.hold(numbered(6000, 1));
  s.advance(5s);
  CHECK((held_by(s.a) == held_by(s.b)));
}

TEST_CASE("catch-up: nodes that are equal say nothing more, however long they are connected", "[peer][catch-up]") {
  pair_of_sides s;
  hold_many(s.a, 0, 1000);
  s.open();
  s.advance(10s);
  const auto bytes = s.a.delivered_bytes_ + s.b.delivered_bytes_;
  s.advance(1h);
  CHECK(s.a.delivered_bytes_ + s.b.delivered_bytes_ == bytes);
}

TEST_CASE("catch-up: a difference that cannot be healed is looked at less and less often", "[peer][catch-up]") {
  pair_of_sides s;
  hold_many(s.a, 0, 1000);
  hold_many(s.b, 0, 1000);
  s.b.refuse_all_ = error{errc::overloaded, "no"};
  hold_many(s.a, 2000, 20);
  s.open();
  s.advance(60s);
  const auto before = sent(s.a);
  s.advance(600s);
  CHECK(sent(s.a) - before <= 20 * 12);
  CHECK(held_by(s.b).size() == 1000);
  s.b.refuse_all_.reset();
  s.advance(120s);
  CHECK((held_by(s.a) == held_by(s.b)));
}

TEST_CASE("catch-up: a deletion reaches who keeps to itself what it deletes, and the next time nothing is sent",
          "[peer][catch-up]") {
  pair_of_sides s;
  hold_many(s.a, 0, 100);
  hold_many(s.b, 0, 100);
  s.a.hold(tombstone("p7000", 2));
  s.b.hold(numbered(7000, 1), sharing::only_to({"c"}));
  s.open();
  CHECK((held_by(s.a) == held_by(s.b)));
  CHECK(sent(s.a) == 1);
  s.a.disconnect();
  s.b.disconnect();
  s.a.remembered_.reset();
  s.b.remembered_.reset();
  s.open();
  CHECK(sent(s.a) + sent(s.b) == 0);
}

TEST_CASE("catch-up: a deletion reaches a node whose filter would not let it offer what is deleted",
          "[peer][catch-up]") {
  pair_of_sides s;
  s.a.config().wish.filter = "id=p1*";
  hold_many(s.b, 0, 3);
  s.a.hold(numbered(2, 1));
  s.b.hold(tombstone("p2", 2));
  s.open();
  CHECK_FALSE(held_by(s.a).contains("p2"));
  CHECK(held_by(s.a).contains("p1"));
}

TEST_CASE("catch-up: who resumes beyond the log's last record is compared with all the same", "[peer][catch-up]") {
  pair_of_sides s;
  hold_many(s.a, 0, 10);
  hold_many(s.b, 0, 10);
  s.a.table().resume_after(1'000'000);  // as after a restart: positions are left out
  s.b.remembered_ = remembered_log{{s.a.config().hello.log.incarnation, 500}, ""};
  hold_many(s.b, 20, 5);
  s.open();
  s.advance(2s);
  CHECK((held_by(s.a) == held_by(s.b)));
}

TEST_CASE("catch-up: a connection that ends in the middle does no harm", "[peer][catch-up]") {
  for (int steps = 1; steps < 60; ++steps) {
    pair_of_sides s;
    hold_many(s.a, 0, 3000);
    hold_many(s.b, 0, 3000);
    hold_many(s.a, 0, 300, 2);
    hold_many(s.b, 1000, 300, 2);
    s.begin();
    for (int i = 0; i < steps; ++i) s.a.work(), s.b.work();
    s.a.disconnect();
    s.b.disconnect();
    s.open();
    INFO(steps);
    CHECK((held_by(s.a) == held_by(s.b)));
  }
}

TEST_CASE("catch-up: live records flow while sets are compared", "[peer][catch-up]") {
  pair_of_sides s;
  hold_many(s.a, 0, 20000);
  hold_many(s.b, 0, 20000);
  hold_many(s.a, 0, 2000, 2);
  s.begin();
  for (int i = 0; i < 200; ++i) {
    s.a.work();
    s.b.work();
    s.a.hold(numbered(30000 + i, 1));
    s.b.hold(numbered(40000 + i, 1));
    if (i % 10 == 0) s.a.hold(numbered(i, 1, std::nullopt, 5));
  }
  s.settle();
  s.advance(10s);
  CHECK((held_by(s.a) == held_by(s.b)));
  CHECK(held_by(s.a).size() == 20400);
  CHECK(reached(s.a) == s.a.table().last_position());
}

TEST_CASE("catch-up: a node that does not hold everything is not compared with, and gets and gives all the same",
          "[peer][catch-up]") {
  pair_of_sides s;
  hold_many(s.a, 0, 100);
  s.a.table().clear();
  REQUIRE(s.a.table().partial());
  hold_many(s.a, 1000, 10);
  hold_many(s.b, 0, 50);
  s.open();
  CHECK((held_by(s.a) == held_by(s.b)));
  CHECK(held_by(s.a).size() == 60);
}

TEST_CASE("catch-up: frames of it that make no sense end the connection, never the process", "[peer][catch-up]") {
  const std::vector<frame> wrong = {
      digest_frame{9, "", {}},
      sketch_frame{2, 1, 1, 0, {}},
      request_frame{2, request_frame::kind::records, 0, 0, {1, 2}},
      request_frame{2, request_frame::kind::symbols, 0, 64, {}},
      offer_frame{2, true, {}},
  };
  for (const auto& each : wrong) {
    pair_of_sides s;
    hold_many(s.a, 0, 100);
    hold_many(s.b, 0, 100);
    s.open();
    byte_buffer bytes;
    append_frame(bytes, each);
    s.b.session().receive(lane::control, shared_bytes(std::move(bytes)));
    s.settle();
    CHECK(s.b.failure_);
  }
}

TEST_CASE("catch-up: who compares without end is cut off", "[peer][catch-up]") {
  pair_of_sides s;
  hold_many(s.b, 0, 100);
  s.open();
  byte_buffer many;
  for (std::uint64_t round = 2; round < 10 + limits::comparisons_at_once && !s.b.failure_; ++round) {
    byte_buffer one;
    append_frame(one, digest_frame{round, "", digest::of(100, {})});
    s.b.session().receive(lane::control, shared_bytes(std::move(one)));
    while (s.b.work()) continue;
    byte_buffer up;
    append_frame(up, request_frame{round, request_frame::kind::symbols, 0, 0, {}});
    s.b.session().receive(lane::control, shared_bytes(std::move(up)));
    while (s.b.work()) continue;
  }
  REQUIRE(s.b.failure_);
  CHECK(s.b.failure_->code == errc::flood);
}
