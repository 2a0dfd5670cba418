// What one peer is sent and what is taken from it: filters, rules, checksums, rates, and what is left to others.
#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include <quicsync/actors/peer/neighbourhood.hpp>
#include <quicsync/codec/checksum.hpp>
#include <quicsync/codec/limits.hpp>

#include "session_pair.hpp"

using namespace quicsync;
using namespace std::chrono_literals;
using quicsync::test::make_pattern;
using quicsync::test::make_slab;
using quicsync::test::numbered;
using quicsync::test::pair_of_sides;
using quicsync::test::side;

namespace {

pattern typed(const std::string& id, std::uint64_t version, std::string type, std::string agent = "agent") {
  auto p = make_pattern(id, version);
  p.type = std::move(type);
  p.agent_id = std::move(agent);
  return p;
}

slab_ptr tombstone(const std::string& id, std::uint64_t version) {
  slab_builder builder(test::key_seed);
  REQUIRE(builder.add_tombstone(id, "agent", 1760000000000, version));
  return builder.finish();
}

std::uint64_t version_at(const side& s, const std::string& id) {
  auto place = s.table().find(id);
  return place.records ? place.records->record(place.index).version() : 0;
}

peer_wish wanting(std::string expression) {
  peer_wish wish;
  wish.filter = std::move(expression);
  return wish;
}

}  // namespace

// -- filters

TEST_CASE("peer flow: the version that stops matching is delivered once, to whom the one that matched was", "[peer]") {
  pair_of_sides s(node_role::client, wanting("type=wanted"));
  s.open();
  s.b.hold(make_slab({typed("had", 1, "wanted"), typed("never", 1, "other")}));
  s.settle();
  CHECK(version_at(s.a, "had") == 1);
  s.b.hold(make_slab({typed("had", 2, "other"), typed("never", 2, "other")}));
  s.settle();
  CHECK(version_at(s.a, "had") == 2);
  s.b.hold(make_slab({typed("had", 3, "other")}));
  s.settle();
  CHECK(version_at(s.a, "had") == 2);
  CHECK(version_at(s.a, "never") == 0);
  CHECK(s.b.session().statistics().patterns_filtered == 3);
}

TEST_CASE("peer flow: a deletion reaches whoever was given the pattern, whatever they filter by", "[peer]") {
  pair_of_sides s(node_role::client, wanting("type=wanted"));
  s.open();
  s.b.hold(make_slab({typed("had", 1, "wanted"), typed("never", 1, "other")}));
  s.settle();
  s.b.hold(tombstone("had", 2));
  s.b.hold(tombstone("never", 2));
  s.settle();
  CHECK(version_at(s.a, "had") == 2);
  CHECK(version_at(s.a, "never") == 0);
}

TEST_CASE("peer flow: own patterns that a peer does not want are named to the ledger and settled", "[peer]") {
  pair_of_sides s;
  s.a.config().wish.filter = "type=wanted";
  s.open();
  CHECK_FALSE(s.b.takes_all_);
  s.b.hold(make_slab({typed("x", 1, "other"), typed("y", 1, "wanted")}));
  s.settle();
  CHECK(s.b.passed_over_ == std::vector<log_position_number>{1});
  CHECK(s.b.reached_.back().second == 2);
}

TEST_CASE("peer flow: what a node does not want it takes in place of a version that it holds, and only then",
          "[peer]") {
  pair_of_sides s;
  s.a.config().wish.filter = "type=wanted";
  s.a.hold(make_slab({typed("had", 1, "wanted")}));
  s.b.hold(make_slab({typed("had", 2, "other"), typed("never", 2, "other")}));
  s.open();
  s.b.session().answer_older(
      {{s.b.table().newer_than(*make_slab({typed("had", 1, "wanted")}), 0), make_slab({typed("had", 1, "wanted")}), 0},
       {s.b.table().newer_than(*make_slab({typed("never", 1, "wanted")}), 0), make_slab({typed("never", 1, "wanted")}),
        0}});
  s.settle();
  CHECK(version_at(s.a, "had") == 2);
  CHECK(version_at(s.a, "never") == 0);
  REQUIRE(s.b.refused_.size() == 1);
  CHECK(s.b.refused_[0].code == errc::not_wanted);
}

// -- rules

TEST_CASE("peer flow: who may write as which agents is judged at the first hop, and refusals name the reason",
          "[peer]") {
  pair_of_sides s;
  s.b.config().rules.write = std::vector<access_rules::write_rule>{{"a", {"allowed", "team-*"}}};
  s.open();
  s.a.hold(make_slab({typed("x", 1, "t", "allowed"), typed("y", 1, "t", "stranger"), typed("z", 1, "t", "team-7")}));
  s.settle();
  CHECK(version_at(s.b, "x") == 1);
  CHECK(version_at(s.b, "y") == 0);
  CHECK(version_at(s.b, "z") == 1);
  REQUIRE(s.a.refused_.size() == 1);
  CHECK(s.a.refused_[0].code == errc::not_allowed);
  CHECK(s.a.refused_[0].context.find("'stranger'") != std::string::npos);
  CHECK(s.b.session().statistics().refused_here.at(errc::not_allowed) == 1);
  CHECK(s.a.session().statistics().refused_there.at(errc::not_allowed) == 1);
  CHECK_FALSE(s.b.failure_);
}

TEST_CASE("peer flow: what a peer that may relay passes on is not judged again", "[peer]") {
  pair_of_sides s;
  s.b.config().rules.write = std::vector<access_rules::write_rule>{{"a", {"allowed"}}};
  s.b.config().rules.relay = std::vector<std::string>{"a"};
  s.open();
  s.a.hold(make_slab({typed("y", 1, "t", "stranger")}));
  s.settle();
  CHECK(version_at(s.b, "y") == 1);
}

TEST_CASE("peer flow: what a peer may not read it is neither sent nor answered", "[peer]") {
  pair_of_sides s;
  s.b.config().rules.read = std::vector<access_rules::read_rule>{{"a", "type=open"}};
  s.open();
  CHECK_FALSE(s.b.takes_all_);
  s.b.hold(make_slab({typed("x", 1, "open"), typed("y", 1, "closed")}));
  s.settle();
  CHECK(version_at(s.a, "x") == 1);
  CHECK(version_at(s.a, "y") == 0);
  // Not even the last version: it would be read.
  s.b.hold(make_slab({typed("x", 2, "closed")}));
  s.settle();
  CHECK(version_at(s.a, "x") == 1);
  s.a.session().query(1, query_frame::kind::list, "");
  s.settle();
  CHECK(s.a.answered_records_ == 0);
  s.a.session().query(2, query_frame::kind::get, "y");
  s.settle();
  REQUIRE(s.a.answer_failure_);
  CHECK(s.a.answer_failure_->code == errc::not_found);
  s.b.hold(tombstone("x", 3));
  s.settle();
  CHECK(version_at(s.a, "x") == 3);
}

TEST_CASE("peer flow: a record whose data does not fit its checksum is refused and never held", "[peer]") {
  pair_of_sides s;
  s.open();
  auto good = make_pattern("good"), bad = make_pattern("bad");
  good.metadata.checksum = checksum_of(good.data, checksum_method::sha256);
  bad.metadata.checksum = checksum_of("something else", checksum_method::crc32c);
  s.a.hold(make_slab({good, bad}));
  s.settle();
  CHECK(version_at(s.b, "good") == 1);
  CHECK(version_at(s.b, "bad") == 0);
  REQUIRE(s.a.refused_.size() == 1);
  CHECK(s.a.refused_[0].code == errc::bad_checksum);
}

// -- rates

TEST_CASE("peer flow: 1000 patterns a second out hold within 5 % over 10 s, and nothing is lost", "[peer]") {
  pair_of_sides s;
  s.a.config().limits.out.patterns_per_second = 1000;
  s.open();
  constexpr int count = 15000;
  for (int i = 0; i < count; i += 250) s.a.hold(numbered(i, 250));
  s.advance(10s);
  CHECK(s.b.table().size() >= 9500);
  CHECK(s.b.table().size() <= 10500);
  s.advance(10s);
  CHECK(s.b.table().size() == count);
  CHECK(s.a.session().statistics().rate_delays_out > 100);
  CHECK(s.a.reached_.back().second == count);
}

TEST_CASE("peer flow: 1000 patterns a second in hold within 5 % over 10 s, and nothing is lost", "[peer]") {
  pair_of_sides s;
  s.b.config().limits.in.patterns_per_second = 1000;
  s.open();
  constexpr int count = 15000;
  for (int i = 0; i < count; i += 250) s.a.hold(numbered(i, 250));
  s.advance(10s);
  CHECK(s.b.table().size() >= 9500);
  CHECK(s.b.table().size() <= 10500);
  s.advance(10s);
  CHECK(s.b.table().size() == count);
  CHECK(s.b.session().statistics().rate_delays_in > 10);
  CHECK(s.b.consumed_ == s.b.delivered_bytes_);
}

TEST_CASE("peer flow: a limit in bytes holds as well, and a pattern larger than a second's worth still goes",
          "[peer]") {
  pair_of_sides s;
  s.a.config().limits.out.bytes_per_second = 10000;
  s.open();
  std::string data(30000, '"');
  for (std::size_t i = 1; i + 1 < data.size(); ++i) data[i] = static_cast<char>('a' + i * i % 26);
  for (int i = 0; i < 5; ++i) s.a.hold(make_slab({make_pattern(fmt::format("p{}", i), 1, data)}));
  s.advance(7s);
  CHECK(s.b.table().size() == 3);  // at 0, 3 and 6 s
  s.advance(10s);
  CHECK(s.b.table().size() == 5);
}

// -- a peer that takes nothing

TEST_CASE("peer flow: a peer that takes nothing costs a bounded amount, however much is shared, and ends with the last",
          "[peer]") {
  pair_of_sides s;
  s.open();
  s.a.hold_back_quic_ = true;
  constexpr std::uint64_t versions = 400;
  std::string data(600, '"');
  for (std::uint64_t v = 1; v <= versions; ++v) {
    std::vector<pattern> all;
    for (int i = 0; i < 100; ++i) {
      for (std::size_t k = 1; k + 1 < data.size(); ++k)
        data[k] = static_cast<char>('a' + (v * 31 + k * k * v + static_cast<std::size_t>(i)) % 26);
      all.push_back(make_pattern(fmt::format("p{}", i), v, data));
    }
    s.a.hold(make_slab(all));
    s.settle();
  }
  std::size_t kept = 0;
  for (auto [on, bytes] : s.a.held_back_) kept += bytes;
  CHECK(kept < limits::lane_in_flight_bytes + 2 * limits::turn_bytes);
  CHECK(s.a.table().slabs() < 10);
  CHECK(s.a.table().log_size() < 2200);
  s.a.hold_back_quic_ = false;
  for (auto [on, bytes] : std::exchange(s.a.held_back_, {})) s.a.session().acknowledged(on, bytes);
  s.settle();
  for (int i = 0; i < 100; ++i) CHECK(version_at(s.b, fmt::format("p{}", i)) == versions);
}

// -- what is left to others

TEST_CASE("peer flow: what came from a peer that serves this one, too, is left to it", "[peer]") {
  constexpr peer_number other = 9;
  pair_of_sides s;
  s.open();
  s.a.session().set_neighbours_of(other, {"b", "c"});
  s.a.hold(numbered(0, 10), {}, other);
  s.a.hold(numbered(100, 10));
  s.settle();
  CHECK(s.b.table().size() == 10);
  CHECK(s.a.reached_.back().second == 20);
}

TEST_CASE(
    "peer flow: when the other no longer serves this peer, what was left to it is sent after all, and nothing twice",
    "[peer]") {
  constexpr peer_number other = 9;
  pair_of_sides s;
  s.open();
  s.a.session().set_neighbours_of(other, {"b"});
  s.a.hold(numbered(0, 10));
  s.a.hold(numbered(100, 10, 9), {}, other);
  s.a.hold(numbered(200, 10));
  s.settle();
  CHECK(s.b.table().size() == 20);
  s.a.session().set_neighbours_of(other, {});
  s.settle();
  CHECK(s.b.table().size() == 30);
  CHECK(s.a.session().statistics().patterns_sent == 30);
  s.a.hold(numbered(300, 10), {}, other);
  s.settle();
  CHECK(s.b.table().size() == 40);
}

TEST_CASE("peer flow: nodes tell each other whom they serve, and only when it changed", "[peer]") {
  pair_of_sides s;
  s.open();
  CHECK(s.a.takes_all_);
  s.a.session().set_our_neighbours({"b", "c"});
  auto sent = s.a.session().statistics().lane_bytes_sent;
  s.a.session().set_our_neighbours({"b", "c"});
  CHECK(s.a.session().statistics().lane_bytes_sent == sent);
  s.settle();
  CHECK(s.b.neighbours_ == std::vector<std::string>{"b", "c"});
}

TEST_CASE("neighbourhood: only whom everything is sent to counts", "[peer]") {
  neighbourhood around;
  CHECK(around.peer_up(1, "one", true));
  CHECK_FALSE(around.peer_up(1, "one", true));
  CHECK_FALSE(around.peer_up(2, "picky", false));
  CHECK(around.peer_up(3, "a", true));
  CHECK(around.our_names() == std::vector<std::string>{"a", "one"});
  CHECK(around.peer_up(3, "a", false));  // it wants less now
  CHECK(around.peer_down(1));
  CHECK(around.our_names().empty());
  CHECK(around.says(3, {"x"}));
  CHECK_FALSE(around.says(3, {"x"}));
}
