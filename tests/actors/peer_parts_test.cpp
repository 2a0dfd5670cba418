#include <catch2/catch_test_macros.hpp>

#include <quicsync/actors/coordinator/membership.hpp>
#include <quicsync/actors/peer/backoff.hpp>
#include <quicsync/actors/peer/settled_sequences.hpp>
#include <quicsync/codec/limits.hpp>

using namespace quicsync;
using namespace std::chrono_literals;

TEST_CASE("settled sequences: the contiguous beginning grows as gaps close, in any order", "[peer]") {
  settled_sequences s;
  REQUIRE(s.add({4, 5}, 10));
  CHECK(s.settled_before() == 0);
  REQUIRE(s.add({0, 1}, 10));
  CHECK(s.settled_before() == 2);
  REQUIRE(s.add({2, 3}, 10));
  CHECK(s.settled_before() == 6);
  REQUIRE(s.add({0, 9}, 10));
  CHECK(s.settled_before() == 10);
  REQUIRE(s.add({3, 4}, 10));
  CHECK(s.settled_before() == 10);
}

TEST_CASE("settled sequences: overlapping islands melt together", "[peer]") {
  settled_sequences s;
  for (sequence_range r : {sequence_range{10, 12}, {20, 22}, {12, 20}, {8, 9}, {30, 30}}) REQUIRE(s.add(r, 100));
  REQUIRE(s.add({0, 7}, 100));
  CHECK(s.settled_before() == 23);
}

TEST_CASE("settled sequences: what was never sent cannot be acknowledged", "[peer]") {
  settled_sequences s;
  CHECK(s.add({0, 10}, 10).error().code == errc::bad_frame);
  CHECK(s.add({5, 4}, 10).error().code == errc::bad_frame);
  CHECK(s.settled_before() == 0);
}

TEST_CASE("settled sequences: a peer cannot make us keep endless gaps", "[peer]") {
  settled_sequences s;
  result<void> last;
  for (std::uint64_t i = 0; i <= limits::acknowledgement_islands && last; ++i)
    last = s.add({2 * i + 1, 2 * i + 1}, 1u << 20);
  REQUIRE_FALSE(last);
  CHECK(last.error().code == errc::flood);
}

TEST_CASE("backoff: waits are drawn below a bound that doubles up to its maximum", "[peer]") {
  const std::uint64_t seed = 42;
  INFO("seed " << seed);
  for (std::uint64_t round = 0; round < 50; ++round) {
    backoff b({3, 1000ms, 10000ms, 2}, seed + round);
    for (auto bound : {1000ms, 2000ms, 4000ms, 8000ms, 10000ms, 10000ms}) CHECK(b.next() <= bound);
    CHECK(b.exhausted());
    b.reset();
    CHECK(b.next() <= 1000ms);
    CHECK_FALSE(b.exhausted());
  }
}

namespace {

hello_frame hello_of(std::string name, std::uint64_t instance, node_role role = node_role::node) {
  hello_frame h;
  h.name = std::move(name);
  h.instance = instance;
  h.role = role;
  return h;
}

member_id add(membership& m, std::string name = {}) {
  membership::member first;
  first.name = std::move(name);
  first.number = m.next_number();
  return m.add(std::move(first));
}

}  // namespace

TEST_CASE("membership: of two crossed dials both nodes keep the one that the smaller name dialled", "[coordinator]") {
  // At "a" and at "b"; each sees its own dial (outgoing) and the other's (incoming), in either order.
  for (bool own_first : {true, false}) {
    membership a(hello_of("a", 1), {}), b(hello_of("b", 2), {});
    auto a_out = add(a), a_in = add(a), b_out = add(b), b_in = add(b);
    auto run = [&](membership& m, const hello_frame& other, member_id out, member_id in) {
      bool out_stands = true;
      for (bool incoming : own_first ? std::vector{false, true} : std::vector{true, false}) {
        auto d = m.greet(incoming ? in : out, other, incoming);
        if (d.refusal.code != errc::none) {
          CHECK(d.refusal.code == errc::duplicate_peer);
          out_stands = incoming;
        } else if (d.replaces) {
          out_stands = !incoming;
        }
      }
      return out_stands;
    };
    CHECK(run(a, hello_of("b", 2), a_out, a_in));
    CHECK_FALSE(run(b, hello_of("a", 1), b_out, b_in));
  }
}

TEST_CASE("membership: a node that dials itself notices", "[coordinator]") {
  membership m(hello_of("a", 1), {});
  CHECK(m.greet(add(m), hello_of("a", 1), false).refusal.code == errc::self_dial);
}

TEST_CASE("membership: a restarted node replaces its old connection and gets another number", "[coordinator]") {
  // Its old number stands beside what it brought, and that is not sent back there; the new process lacks it.
  membership m(hello_of("a", 1), {});
  auto first = add(m), second = add(m);
  auto number = m.greet(first, hello_of("b", 2), true).number;
  auto d = m.greet(second, hello_of("b", 3), true);
  CHECK(d.refusal.code == errc::none);
  CHECK(d.replaces == first);
  CHECK(d.number != number);
}

TEST_CASE("membership: a node that comes again keeps its number", "[coordinator]") {
  membership m(hello_of("a", 1), {});
  auto first = add(m), second = add(m);
  auto number = m.greet(first, hello_of("b", 2), true).number;
  m.lost(first);
  CHECK(m.greet(second, hello_of("b", 2), true).number == number);
}

TEST_CASE("membership: clients are never taken for one another", "[coordinator]") {
  membership m(hello_of("a", 1), {});
  auto first = m.greet(add(m), hello_of("tool", 2, node_role::client), true);
  auto second = m.greet(add(m), hello_of("tool", 3, node_role::client), true);
  CHECK(second.refusal.code == errc::none);
  CHECK_FALSE(second.replaces);
  CHECK(first.number != second.number);
}

TEST_CASE("membership: with an allow-list only its names are welcome", "[coordinator]") {
  membership m(hello_of("a", 1), {"b"});
  CHECK(m.greet(add(m), hello_of("b", 2), true).refusal.code == errc::none);
  CHECK(m.greet(add(m), hello_of("c", 3), true).refusal.code == errc::not_allowed);
}

TEST_CASE("membership: who was turned away for a double may dial again when the other is lost", "[coordinator]") {
  membership m(hello_of("a", 1), {});
  auto standing = add(m), turned_away = add(m);
  m.greet(standing, hello_of("b", 2), true);
  CHECK(m.greet(turned_away, hello_of("b", 2), true).refusal.code == errc::duplicate_peer);
  CHECK(m.lost(turned_away).empty());
  CHECK(m.lost(standing) == std::vector<member_id>{turned_away});
}
