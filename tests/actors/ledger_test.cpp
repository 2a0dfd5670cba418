#include <catch2/catch_test_macros.hpp>

#include <quicsync/actors/peer/ledger.hpp>

using namespace quicsync;
using namespace std::chrono_literals;

namespace {

const time_point start{};

messages::track share_at(std::vector<std::pair<lane, log_position_number>> places,
                         std::vector<std::string> peers = {}) {
  messages::track t;
  t.number = 1;
  t.wish.wait_for = std::move(peers);
  t.wish.deadline = 1000ms;
  t.local.resize(places.size());
  t.places = std::move(places);
  return t;
}

}  // namespace

TEST_CASE("share outcomes: a pattern is accepted unless another outcome was set, in whatever order", "[ledger]") {
  using verdict = share_outcome::verdict;
  share_outcomes outcomes;
  CHECK(outcomes.empty());
  outcomes.resize(10);
  outcomes.set(7, {verdict::refused, {errc::expired, "late"}});
  outcomes.set(3, {verdict::duplicate, {}});
  outcomes.set(5, {verdict::superseded, {}});
  outcomes.set(5, {verdict::accepted, {}});
  outcomes.set(3, {verdict::superseded, {}});
  CHECK(outcomes.size() == 10);
  for (std::size_t i = 0; i < outcomes.size(); ++i)
    CHECK(outcomes[i].what == (i == 7 ? verdict::refused : i == 3 ? verdict::superseded : verdict::accepted));
  CHECK(outcomes.at(7).reason.code == errc::expired);
  CHECK(outcomes.has(verdict::refused));
  CHECK_FALSE(outcomes.has(verdict::duplicate));
  CHECK_THROWS_AS(outcomes.at(10), std::out_of_range);
}

TEST_CASE("ledger: a share is reported when every peer has reached its places", "[ledger]") {
  ledger l;
  l.peer_up(1, 11, "one", true);
  l.peer_up(2, 12, "two", true);
  l.track(share_at({{lane::normal, 5}, {lane::low, 6}}), start);
  CHECK(l.take_due().empty());
  l.reached(1, lane::normal, 5, ack_level::applied, start + 1ms);
  l.reached(1, lane::low, 6, ack_level::applied, start + 2ms);
  l.reached(2, lane::normal, 9, ack_level::applied, start + 3ms);
  CHECK(l.take_due().empty());
  l.reached(2, lane::low, 6, ack_level::applied, start + 4ms);
  auto due = l.take_due();
  REQUIRE(due.size() == 1);
  const auto& outcome = due[0].what.outcome;
  CHECK(outcome.complete());
  REQUIRE(outcome.peers.size() == 2);
  CHECK(outcome.peers[0].peer == "one");
  CHECK(outcome.peers[0].latency == 2ms);
  CHECK(outcome.peers[1].latency == 4ms);
  CHECK(l.pending() == 0);
}

TEST_CASE("ledger: what a peer has already is reported at once", "[ledger]") {
  ledger l;
  l.peer_up(1, 11, "one", true);
  l.reached(1, lane::normal, 10, ack_level::applied, start);
  l.track(share_at({{lane::normal, 7}}), start);
  REQUIRE(l.take_due().size() == 1);
}

TEST_CASE("ledger: a lower level does not settle a share that wants a higher one", "[ledger]") {
  ledger l;
  l.peer_up(1, 11, "one", true);
  auto share = share_at({{lane::normal, 1}});
  share.wish.level = ack_level::stored;
  l.track(std::move(share), start);
  l.reached(1, lane::normal, 1, ack_level::applied, start);
  CHECK(l.take_due().empty());
  l.reached(1, lane::normal, 1, ack_level::stored, start);
  CHECK(l.take_due().size() == 1);
}

TEST_CASE("ledger: a peer that has no store settles a share that wants one by what it has", "[ledger]") {
  ledger l;
  l.peer_up(1, 11, "one", true, ack_level::applied);
  auto share = share_at({{lane::normal, 1}});
  share.wish.level = ack_level::stored;
  l.track(std::move(share), start);
  l.reached(1, lane::normal, 1, ack_level::applied, start);
  auto due = l.take_due();
  REQUIRE(due.size() == 1);
  CHECK(due.front().what.outcome.peers.front().level == ack_level::applied);
  CHECK(due.front().what.outcome.complete());
}

TEST_CASE("ledger: with nobody connected the report says so at once", "[ledger]") {
  ledger l;
  l.peer_up(1, 11, "watcher", false);
  l.track(share_at({{lane::normal, 1}}), start);
  auto due = l.take_due();
  REQUIRE(due.size() == 1);
  CHECK(due[0].what.outcome.failure.code == errc::no_peers);
  CHECK_FALSE(due[0].what.outcome.complete());
}

TEST_CASE("ledger: a share of nothing is answered with no_patterns", "[ledger]") {
  ledger l;
  l.peer_up(1, 11, "one", true);
  l.track(share_at({}), start);
  auto due = l.take_due();
  REQUIRE(due.size() == 1);
  CHECK(due[0].what.outcome.failure.code == errc::no_patterns);
}

TEST_CASE("ledger: named peers only are waited for, and an unknown one is named", "[ledger]") {
  ledger l;
  l.peer_up(1, 11, "one", true);
  l.peer_up(2, 12, "two", true);
  l.track(share_at({{lane::normal, 1}}, {"two", "three"}), start);
  l.reached(2, lane::normal, 1, ack_level::applied, start);
  auto due = l.take_due();
  REQUIRE(due.size() == 1);
  const auto& peers = due[0].what.outcome.peers;
  REQUIRE(peers.size() == 2);
  CHECK(peers[0].failure.code == errc::none);
  CHECK(peers[1].failure.code == errc::not_connected);
  CHECK(peers[1].failure.context.find("'three'") != std::string::npos);
}

TEST_CASE("ledger: a peer that goes down settles its waits with the reason", "[ledger]") {
  ledger l;
  l.peer_up(1, 11, "one", true);
  l.peer_up(2, 12, "two", true);
  l.track(share_at({{lane::normal, 1}}), start);
  l.reached(2, lane::normal, 1, ack_level::applied, start);
  l.peer_down(1, 11, {errc::connection_lost, "gone"}, start);
  auto due = l.take_due();
  REQUIRE(due.size() == 1);
  CHECK(due[0].what.outcome.peers[0].failure.context == "gone");
  CHECK(due[0].what.outcome.peers[1].failure.code == errc::none);
}

TEST_CASE("ledger: a late end of an earlier connection does not touch the new one", "[ledger]") {
  ledger l;
  l.peer_up(1, 11, "one", true);
  l.peer_up(1, 12, "one", true);
  l.track(share_at({{lane::normal, 1}}), start);
  l.peer_down(1, 11, {errc::connection_lost, "gone"}, start);
  CHECK(l.take_due().empty());
  CHECK(l.pending() == 1);
}

TEST_CASE("ledger: refused patterns are named by their index and the share is not complete", "[ledger]") {
  ledger l;
  l.peer_up(1, 11, "one", true);
  l.track(share_at({{lane::normal, 4}, {lane::normal, 5}}), start);
  l.refused(1, lane::normal, 5, {errc::not_allowed, "no"});
  l.reached(1, lane::normal, 5, ack_level::applied, start);
  auto due = l.take_due();
  REQUIRE(due.size() == 1);
  const auto& peer = due[0].what.outcome.peers[0];
  REQUIRE(peer.refused.size() == 1);
  CHECK(peer.refused[0].first == 1);
  CHECK_FALSE(due[0].what.outcome.complete());
}

TEST_CASE("ledger: a replaced record is waited for where its successor stands, on whatever lane", "[ledger]") {
  ledger l;
  l.peer_up(1, 11, "one", true);
  l.track(share_at({{lane::normal, 10}, {lane::normal, 11}}), start);
  l.moved({{10, lane::low, 20}, {20, lane::low, 30}});
  l.reached(1, lane::normal, 11, ack_level::applied, start);
  l.reached(1, lane::low, 29, ack_level::applied, start);
  CHECK(l.take_due().empty());
  l.reached(1, lane::low, 30, ack_level::applied, start);
  CHECK(l.take_due().size() == 1);
}

TEST_CASE("ledger: a share past its deadline is reported as timed out, with the peer's name", "[ledger]") {
  ledger l;
  l.peer_up(1, 11, "one", true);
  l.track(share_at({{lane::normal, 1}}), start);
  REQUIRE(l.deadline() == start + 1000ms);
  l.handle_deadline(start + 999ms);
  CHECK(l.take_due().empty());
  l.handle_deadline(start + 1000ms);
  auto due = l.take_due();
  REQUIRE(due.size() == 1);
  CHECK(due[0].what.outcome.peers[0].failure.code == errc::timed_out);
  CHECK(due[0].what.outcome.peers[0].failure.context.find("'one'") != std::string::npos);
  CHECK_FALSE(l.deadline());
}

TEST_CASE("ledger: the report says of each pattern what became of it at each peer", "[ledger]") {
  ledger l;
  l.peer_up(1, 11, "one", true);
  l.track(share_at({{lane::normal, 1}, {lane::normal, 2}, {lane::normal, 3}, {lane::normal, 4}, {lane::normal, 5}}),
          start);
  l.reached(1, lane::normal, 1, ack_level::applied, start);
  l.passed_over(1, lane::normal, {2, 7});
  l.refused(1, lane::normal, 3, {errc::not_allowed, "no"});
  l.moved({{4, lane::normal, 6}});
  l.reached(1, lane::normal, 4, ack_level::applied, start);
  l.handle_deadline(start + 1000ms);
  auto due = l.take_due();
  REQUIRE(due.size() == 1);
  const auto& peer = due[0].what.outcome.peers[0];
  CHECK(peer.fate(0) == pattern_fate::acknowledged);
  CHECK(peer.fate(1) == pattern_fate::filtered);
  CHECK(peer.fate(2) == pattern_fate::refused);
  CHECK(peer.fate(3) == pattern_fate::pending);  // its successor has not come either
  CHECK(peer.fate(4) == pattern_fate::pending);
}

TEST_CASE("ledger: a pattern that was replaced before the peer had it is reported as superseded", "[ledger]") {
  ledger l;
  l.peer_up(1, 11, "one", true);
  l.track(share_at({{lane::normal, 1}, {lane::normal, 2}}), start);
  l.reached(1, lane::normal, 1, ack_level::applied, start);
  l.moved({{1, lane::normal, 3}, {2, lane::normal, 4}});
  l.reached(1, lane::normal, 4, ack_level::applied, start);
  auto due = l.take_due();
  REQUIRE(due.size() == 1);
  const auto& peer = due[0].what.outcome.peers[0];
  CHECK(peer.failure.code == errc::none);
  CHECK(peer.fate(0) == pattern_fate::acknowledged);  // it had the version itself
  CHECK(peer.fate(1) == pattern_fate::superseded);
  CHECK(due[0].what.outcome.complete());
}

TEST_CASE("ledger: a wider audience for the same version supersedes nothing", "[ledger]") {
  ledger l;
  l.peer_up(1, 11, "one", true);
  l.track(share_at({{lane::normal, 1}}), start);
  l.moved({{1, lane::normal, 2, true}});
  l.reached(1, lane::normal, 2, ack_level::applied, start);
  auto due = l.take_due();
  REQUIRE(due.size() == 1);
  CHECK(due[0].what.outcome.peers[0].fate(0) == pattern_fate::acknowledged);
}

TEST_CASE("ledger: when the cache is cleared every waiting share is answered at once", "[ledger]") {
  ledger l;
  l.peer_up(1, 11, "one", true);
  l.track(share_at({{lane::normal, 1}}), start);
  l.forgotten({errc::cancelled, "the cache was cleared"}, start + 1ms);
  auto due = l.take_due();
  REQUIRE(due.size() == 1);
  CHECK(due[0].what.outcome.peers[0].failure.code == errc::cancelled);
  CHECK(l.pending() == 0);
}

TEST_CASE("ledger: latency counts from the hand-over, not from when the ledger heard of it", "[ledger]") {
  ledger l;
  l.peer_up(1, 11, "one", true);
  auto share = share_at({{lane::normal, 1}});
  share.handed_over = start;
  l.track(std::move(share), start + 2ms);
  l.reached(1, lane::normal, 1, ack_level::applied, start + 5ms);
  auto due = l.take_due();
  REQUIRE(due.size() == 1);
  CHECK(due[0].what.outcome.peers[0].latency == 5ms);
}

TEST_CASE("ledger: a share for some waits for them alone, and for none that may not have it", "[ledger]") {
  ledger l;
  l.peer_up(1, 11, "one", true);
  l.peer_up(2, 12, "two", true);
  auto only = share_at({{lane::normal, 1}});
  only.wish.only_to = {"one"};
  l.track(std::move(only), start);
  l.reached(1, lane::normal, 1, ack_level::applied, start);
  auto due = l.take_due();
  REQUIRE(due.size() == 1);
  REQUIRE(due[0].what.outcome.peers.size() == 1);
  CHECK(due[0].what.outcome.peers[0].peer == "one");

  auto both = share_at({{lane::normal, 1}}, {"two"});
  both.wish.only_to = {"one"};
  l.track(std::move(both), start);
  due = l.take_due();
  REQUIRE(due.size() == 1);
  CHECK(due[0].what.outcome.peers[0].failure.code == errc::not_allowed);
}

TEST_CASE("ledger: shares that others replace again and again are found wherever they stand", "[ledger]") {
  ledger l;
  l.peer_up(1, 11, "one", true);
  // Positions 1 to 8, two of them refused here; then the third is replaced twice, and the first once.
  l.track(share_at({{lane::normal, 0}, {lane::normal, 1}, {lane::normal, 2}, {lane::normal, 3}, {lane::normal, 0}}),
          start);
  l.track(share_at({{lane::normal, 2}, {lane::normal, 2}, {lane::normal, 4}}), start);
  l.moved({{2, lane::normal, 5}, {1, lane::normal, 6}, {5, lane::high, 7}});
  l.reached(1, lane::normal, 5, ack_level::applied, start);
  CHECK(l.take_due().empty());
  l.reached(1, lane::high, 7, ack_level::applied, start);
  auto due = l.take_due();
  REQUIRE(due.size() == 1);
  CHECK(due[0].what.outcome.peers[0].fate(0) == pattern_fate::superseded);
  CHECK(due[0].what.outcome.peers[0].fate(1) == pattern_fate::superseded);
  CHECK(due[0].what.outcome.peers[0].fate(2) == pattern_fate::acknowledged);
  l.refused(1, lane::normal, 6, {errc::not_allowed, "no"});
  l.reached(1, lane::normal, 6, ack_level::applied, start);
  due = l.take_due();
  REQUIRE(due.size() == 1);
  REQUIRE(due[0].what.outcome.peers[0].refused.size() == 1);
  CHECK(due[0].what.outcome.peers[0].refused[0].first == 1);
  CHECK(due[0].what.outcome.peers[0].fate(2) == pattern_fate::superseded);
  CHECK(due[0].what.outcome.peers[0].fate(3) == pattern_fate::acknowledged);
  CHECK(l.pending() == 0);
}

TEST_CASE("ledger: an acknowledgement costs the same however many other shares wait", "[ledger]") {
  constexpr std::uint64_t shares = 200'000;
  ledger l;
  l.peer_up(1, 11, "one", true);
  l.peer_up(2, 12, "two", true);
  for (std::uint64_t p = 1; p <= shares; ++p) l.track(share_at({{lane::normal, p}}), start);
  // One after the other; looking at all of them each time would take minutes.
  std::size_t reported = 0;
  for (std::uint64_t p = 1; p <= shares; ++p) {
    l.moved({{p + shares / 2, lane::normal, p + 2 * shares}});
    for (peer_number peer : {1u, 2u}) l.reached(peer, lane::normal, p, ack_level::applied, start);
    reported += l.take_due().size();
    if (p == 1) CHECK(l.deadline() == start + 1000ms);
  }
  CHECK(reported == shares / 2);
  l.handle_deadline(start + 1000ms);
  CHECK(l.take_due().size() == shares - shares / 2);
}
