#include <random>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include <quicsync/codec/limits.hpp>

#include "session_pair.hpp"

using namespace quicsync;
using quicsync::test::make_pattern;
using quicsync::test::make_slab;
using quicsync::test::numbered;
using quicsync::test::pair_of_sides;

TEST_CASE("peer session: two nodes greet each other and patterns flow both ways", "[peer]") {
  pair_of_sides s;
  s.open();
  CHECK(s.a.established_);
  CHECK(s.b.established_);
  s.a.hold(numbered(0, 200));
  s.b.hold(numbered(1000, 50));
  s.settle();
  CHECK(s.a.table().size() == 250);
  CHECK(s.b.table().size() == 250);
  CHECK_FALSE(s.a.failure_);
  CHECK_FALSE(s.b.failure_);
}

TEST_CASE("peer session: what was held before the connection arrives as well", "[peer]") {
  pair_of_sides s;
  s.a.hold(numbered(0, 256));
  s.open();
  CHECK(s.b.table().size() == 256);
  CHECK(s.b.session().statistics().patterns_sent == 0);  // nothing goes back to where it came from
}

TEST_CASE("peer session: the last acknowledgement reports the whole log as reached, on every lane", "[peer]") {
  pair_of_sides s;
  s.open();
  s.a.hold(numbered(0, 100, 9));
  s.a.hold(numbered(100, 100, 1));
  s.settle();
  REQUIRE_FALSE(s.a.reached_.empty());
  log_position_number high = 0, low = 0;
  for (auto [on, position] : s.a.reached_) (on == lane::high ? high : low) = position;
  CHECK(high == 100);
  CHECK(low == 200);
}

TEST_CASE("peer session: nothing is reached before the other side has applied it", "[peer]") {
  pair_of_sides s;
  s.open();
  s.b.hold_back_applied_ = true;
  s.a.hold(numbered(0, 20));
  s.settle();
  CHECK(s.b.table().size() == 20);
  for (auto [on, position] : s.a.reached_) CHECK(position == 0);
}

TEST_CASE("peer session: the sender's window opens only when records are applied", "[peer]") {
  pair_of_sides s;
  s.open();
  s.b.hold_back_applied_ = true;
  auto before = s.b.consumed_;
  auto delivered = s.b.delivered_bytes_;
  s.a.hold(numbered(0, 200));
  s.settle();
  CHECK(s.b.delivered_bytes_ > delivered + 1000);
  CHECK(s.b.consumed_ == before);
}

TEST_CASE("peer session: every byte that was delivered is given back in the end", "[peer]") {
  pair_of_sides s;
  s.b.chunk_bytes_ = 7;  // frames arrive in pieces
  s.open();
  s.a.hold(numbered(0, 250));
  s.settle();
  CHECK(s.b.table().size() == 250);
  CHECK(s.b.consumed_ == s.b.delivered_bytes_);
}

TEST_CASE("peer session: a pattern larger than a lane's window does not wait for itself", "[peer]") {
  pair_of_sides s;
  s.b.chunk_bytes_ = 64 << 10;
  s.open();
  std::string data(6u << 20, '"');
  std::mt19937 random(1);  // so that it does not compress away
  for (std::size_t i = 1; i + 1 < data.size(); ++i) data[i] = static_cast<char>('a' + random() % 26);
  s.a.hold(make_slab({make_pattern("big", 1, data)}));
  s.settle();
  REQUIRE(s.b.table().find("big").records);
  CHECK(s.b.consumed_ == s.b.delivered_bytes_);
}

TEST_CASE("peer session: a lane that was full goes on when QUIC has acknowledged it, whatever the other lanes do",
          "[peer]") {
  pair_of_sides s;
  s.open();
  s.a.hold_back_quic_ = true;
  std::mt19937 random(3);
  constexpr int count = 600;
  for (int i = 0; i < count; ++i) {
    std::string data(8000, '"');
    for (std::size_t k = 1; k + 1 < data.size(); ++k) data[k] = static_cast<char>('a' + random() % 26);
    s.a.hold(make_slab({make_pattern(fmt::format("p{}", i), 1, data)}));
  }
  s.settle();
  CHECK(s.b.table().size() < count);
  s.a.hold_back_quic_ = false;
  for (auto [on, bytes] : std::exchange(s.a.held_back_, {})) s.a.session().acknowledged(on, bytes);
  s.settle();
  CHECK(s.b.table().size() == count);
}

TEST_CASE("peer session: a flood of subscriptions ends the connection", "[peer]") {
  pair_of_sides s;
  s.open();
  byte_buffer many;
  for (std::size_t i = 0; i <= limits::subscriptions; ++i)
    append_frame(many, subscribe_frame{"", subscribe_frame::start::beginning, {}});
  s.b.session().receive(lane::control, shared_bytes(std::move(many)));
  REQUIRE(s.b.failure_);
  CHECK(s.b.failure_->code == errc::flood);
}

TEST_CASE("peer session: who asks and never reads the answers is cut off before they fill the memory", "[peer]") {
  pair_of_sides s;
  s.open();
  s.b.hold_back_quic_ = true;
  std::string data(1u << 20, '"');
  std::mt19937 random(4);
  for (std::size_t k = 1; k + 1 < data.size(); ++k) data[k] = static_cast<char>('a' + random() % 26);
  s.b.hold(make_slab({make_pattern("big", 1, data, 9)}));
  s.settle();
  for (std::uint64_t i = 0; i < 1000; ++i) s.a.session().query(i, query_frame::kind::get, "big");
  s.settle();
  std::size_t answers = 0;
  for (auto [on, bytes] : s.b.held_back_) answers += on == lane::low ? bytes : 0;
  CHECK(answers < 2 * limits::lane_in_flight_bytes + (2u << 20));
}

TEST_CASE("peer session: patterns for a named audience go to nobody else and arrive with who may have them", "[peer]") {
  pair_of_sides s;
  s.open();
  s.a.hold(numbered(0, 3), sharing::only_to({"c"}));
  s.a.hold(numbered(10, 3), sharing::only_to({"b", "c"}));
  s.a.hold(numbered(20, 3));
  s.settle();
  CHECK(s.b.table().size() == 6);
  CHECK_FALSE(s.b.table().find("p0").records);
  auto marked = s.b.table().find("p10");
  REQUIRE(marked.records);
  CHECK(marked.access.no_relay);
  REQUIRE(marked.access.audience);
  CHECK(*marked.access.audience == std::vector<std::string>{"a", "b", "c"});
  CHECK(s.b.table().find("p20").access.for_all());
}

TEST_CASE("peer session: what is shared to more than before arrives with the wider audience", "[peer]") {
  pair_of_sides s;
  s.open();
  s.a.hold(numbered(0, 3), sharing::only_to({"c"}));
  s.a.hold(numbered(0, 2), sharing::only_to({"b"}));
  s.settle();
  CHECK(s.b.table().size() == 2);
  s.a.hold(numbered(0, 3));
  s.settle();
  CHECK(s.b.table().size() == 3);
  CHECK(s.b.table().find("p0").access.for_all());
  CHECK(s.a.reached_.back().second == s.a.table().last_position());
}

TEST_CASE("peer session: a question is answered with what the asker may have", "[peer]") {
  pair_of_sides s(node_role::client, {false, "", subscribe_frame::start::now});
  s.open();
  s.b.hold(numbered(0, 3), sharing::only_to({"c"}));
  s.b.hold(numbered(10, 2), sharing::only_to({"a"}));
  s.a.session().query(1, query_frame::kind::list, "");
  s.settle();
  CHECK(s.a.answered_records_ == 2);
  s.a.session().query(2, query_frame::kind::get, "p0");
  s.settle();
  REQUIRE(s.a.answer_failure_);
  CHECK(s.a.answer_failure_->code == errc::not_found);
}

TEST_CASE("peer session: refusals are reported with their reason and settle the record", "[peer]") {
  pair_of_sides s;
  s.open();
  s.b.refuse_all_ = error{errc::not_allowed, "a rule forbids it"};
  s.a.hold(numbered(0, 3));
  s.settle();
  REQUIRE(s.a.refused_.size() == 3);
  CHECK(s.a.refused_[0].code == errc::not_allowed);
  CHECK(s.a.reached_.back().second == 3);
}

TEST_CASE("peer session: a filter is applied where the patterns come from", "[peer]") {
  peer_wish wish;
  wish.filter = "id=p1*";
  pair_of_sides s(node_role::client, wish);
  s.b.hold(numbered(0, 200));
  s.open();
  CHECK(s.a.table().size() == 111);  // p1, p10-p19, p100-p199
  CHECK(s.b.session().statistics().patterns_sent == 111);
}

TEST_CASE("peer session: who subscribes from now gets nothing of before", "[peer]") {
  peer_wish wish;
  wish.from = subscribe_frame::start::now;
  pair_of_sides s(node_role::client, wish);
  s.b.hold(numbered(0, 100));
  s.open();
  CHECK(s.a.table().size() == 0);
  s.b.hold(numbered(100, 10));
  s.settle();
  CHECK(s.a.table().size() == 10);
}

TEST_CASE("peer session: a second subscription begins anew, also while a page of the first is on its way", "[peer]") {
  pair_of_sides s;
  for (int i = 0; i < 20; ++i) s.a.hold(numbered(i * 200, 200));
  s.a.connect(s.b, "b");
  s.b.connect(s.a, "a");
  s.a.session().open();
  s.b.session().open();
  while (!s.a.subscribed_) {
    s.a.work();
    s.b.work();
  }
  byte_buffer again;
  append_frame(again, subscribe_frame{"id=p1*", subscribe_frame::start::beginning, {}});
  s.a.session().receive(lane::control, shared_bytes(std::move(again)));
  s.settle();
  for (const char* id : {"p1", "p10", "p1999"}) CHECK(s.b.table().find(id).records);
  CHECK_FALSE(s.a.failure_);
}

TEST_CASE("peer session: a client that subscribes to nothing still shares", "[peer]") {
  peer_wish wish;
  wish.subscribe = false;
  pair_of_sides s(node_role::client, wish);
  s.b.hold(numbered(1000, 10));
  s.open();
  s.a.hold(numbered(0, 10));
  s.settle();
  CHECK(s.b.table().size() == 20);
  CHECK(s.a.table().size() == 10);
  CHECK_FALSE(s.b.subscribed_);
}

TEST_CASE("peer session: a name that is not the certificate's ends it", "[peer]") {
  pair_of_sides s;
  s.open("somebody-else");
  REQUIRE(s.b.failure_);
  CHECK(s.b.failure_->code == errc::certificate_name);
  CHECK(s.b.failure_->context.find("'somebody-else'") != std::string::npos);
  CHECK_FALSE(s.b.established_);
}

TEST_CASE("peer session: no common wire version ends it with both versions named", "[peer]") {
  pair_of_sides s;
  s.a.config().hello.version_min = s.a.config().hello.version_max = 9;
  s.open();
  REQUIRE(s.b.failure_);
  CHECK(s.b.failure_->code == errc::wire_version);
}

TEST_CASE("peer session: a goodbye is no failure and carries its reason", "[peer]") {
  pair_of_sides s;
  s.open();
  s.a.session().leave({errc::connection_closed, "done for today"});
  s.settle();
  REQUIRE(s.b.goodbye_);
  CHECK(s.b.goodbye_->context == "done for today");
  CHECK_FALSE(s.b.failure_);
}

TEST_CASE("peer session: list answers with all that matches, get with one or with not_found", "[peer]") {
  pair_of_sides s;
  s.open();
  for (int i = 0; i < 20; ++i) s.b.hold(numbered(i * 200, 200));
  s.settle();
  s.a.session().query(1, query_frame::kind::list, "");
  s.settle();
  CHECK(s.a.answered_records_ == 4000);
  CHECK(s.a.answered_last_);

  s.a.answered_records_ = 0;
  s.a.session().query(2, query_frame::kind::get, "p3");
  s.settle();
  CHECK(s.a.answered_records_ == 1);

  s.a.session().query(3, query_frame::kind::get, "nobody");
  s.settle();
  REQUIRE(s.a.answer_failure_);
  CHECK(s.a.answer_failure_->code == errc::not_found);
}

TEST_CASE("peer session: bytes that are no frame end the connection, never the process", "[peer]") {
  for (std::uint8_t first : {0x01, 0x04, 0x0a, 0xff}) {
    pair_of_sides s;
    s.open();
    byte_buffer junk(300, first);
    s.b.session().receive(lane::control, shared_bytes(byte_buffer(junk)));
    s.b.session().receive(lane::normal, shared_bytes(std::move(junk)));
    s.settle();
    SUCCEED();
  }
}

TEST_CASE("peer session: a frame before the hello ends the connection", "[peer]") {
  pair_of_sides s;
  s.a.connect(s.b, "b");
  s.b.connect(s.a, "a");
  byte_buffer bytes;
  append_frame(bytes, subscribe_frame{});
  s.b.session().open();
  s.b.session().receive(lane::control, shared_bytes(std::move(bytes)));
  REQUIRE(s.b.failure_);
  CHECK(s.b.failure_->code == errc::unexpected_frame);
}

TEST_CASE("peer session: acknowledgements of what was never sent end the connection", "[peer]") {
  pair_of_sides s;
  s.open();
  byte_buffer bytes;
  append_frame(bytes, acknowledgement_frame{static_cast<std::uint8_t>(lane::normal), ack_level::applied, {{0, 1000}}});
  s.b.session().receive(lane::control, shared_bytes(std::move(bytes)));
  REQUIRE(s.b.failure_);
  CHECK(s.b.failure_->code == errc::bad_frame);
}
