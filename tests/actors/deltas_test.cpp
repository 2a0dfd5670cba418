// New versions of what the other side holds: two sessions with tables, and what each makes of the other's frames.
#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include <quicsync/actors/cache/replacements.hpp>
#include <quicsync/codec/block.hpp>
#include <quicsync/codec/delta_limits.hpp>

#include "session_pair.hpp"

using namespace quicsync;
using quicsync::test::make_pattern;
using quicsync::test::make_slab;
using quicsync::test::pair_of_sides;
using quicsync::test::side;

namespace {

/// Versions differ in one number; a name of their own keeps patterns from being compressed against each other.
pattern version_of(int number, std::uint64_t version, std::string_view agent = "agent") {
  std::string name;
  for (auto state = static_cast<std::uint64_t>(number) + 1; name.size() < 50; state *= 6364136223846793005u)
    name += fmt::format("{:x} ", state >> 40);
  auto p = make_pattern(fmt::format("p{}", number), version,
                        fmt::format(R"({{"testCase":"{}","result":"passed","duration":{}}})", name, 1000 + version));
  p.agent_id = agent;
  return p;
}

slab_ptr versions(int from, int count, std::uint64_t version) {
  std::vector<pattern> patterns;
  for (int i = from; i < from + count; ++i) patterns.push_back(version_of(i, version));
  return make_slab(patterns);
}

/// Whether a side holds this version of these.
bool holds(const side& at, int from, int count, std::uint64_t version) {
  for (int i = from; i < from + count; ++i) {
    const auto place = at.table().find(fmt::format("p{}", i));
    const auto want = make_slab({version_of(i, version)});
    if (!place.records || place.records->item(place.index).hash != want->item(0).hash) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("deltas: new versions of what the other side has acknowledged go as what changed", "[peer][delta]") {
  pair_of_sides s;
  s.open();
  s.a.hold(versions(0, 200, 1));
  s.settle();
  const auto first = s.a.statistics().lane_bytes_sent;
  CHECK(s.a.statistics().deltas_sent == 0);
  s.a.hold(versions(0, 200, 2));
  s.settle();
  CHECK(s.a.statistics().deltas_sent == 200);
  CHECK(s.a.statistics().deltas_missed == 0);
  CHECK(s.a.statistics().patterns_sent == 400);
  CHECK(s.b.statistics().patterns_received == 400);
  CHECK(s.a.statistics().lane_bytes_sent - first < first / 2);
  CHECK(holds(s.b, 0, 200, 2));
  CHECK(s.a.reached_.back().second == s.a.table().last_position());
}

TEST_CASE("deltas: what came from a peer goes back to it as what changed", "[peer][delta]") {
  pair_of_sides s;
  s.open();
  s.b.hold(versions(0, 50, 1));
  s.settle();
  s.a.hold(versions(0, 50, 2));
  s.settle();
  CHECK(s.a.statistics().deltas_sent == 50);
  CHECK(s.a.statistics().deltas_missed == 0);
  CHECK(holds(s.b, 0, 50, 2));
}

TEST_CASE("deltas: a version is made against the last that was sent on its lane, acknowledged or not",
          "[peer][delta]") {
  pair_of_sides s;
  s.open();
  s.a.hold(versions(0, 30, 1));
  s.settle();
  s.b.hold_back_applied_ = true;
  for (std::uint64_t version = 2; version < 6; ++version) {
    s.a.hold(versions(0, 30, version));
    s.settle();
  }
  CHECK(s.a.statistics().deltas_sent == 120);
  CHECK(s.b.missing_ == 0);
  CHECK(holds(s.b, 0, 30, 5));
}

TEST_CASE("deltas: versions that never left are passed over", "[peer][delta]") {
  pair_of_sides s;
  s.open();
  s.a.hold(versions(0, 30, 1));
  s.settle();
  for (std::uint64_t version = 2; version < 9; ++version) {
    const auto some = versions(0, 30, version);
    for (std::size_t i = 0; i < some->size(); ++i) s.a.table().apply(some, i, this_node);
  }
  s.a.feed();
  s.settle();
  CHECK(s.a.statistics().patterns_sent == 60);
  CHECK(s.a.statistics().deltas_sent == 30);
  CHECK(s.b.missing_ == 0);
  CHECK(holds(s.b, 0, 30, 8));
}

TEST_CASE("deltas: nodes that were found equal are sent what changed at once", "[peer][delta]") {
  pair_of_sides s;
  s.a.hold(versions(0, 100, 1));
  s.b.hold(versions(0, 100, 1));
  s.open();
  CHECK(s.a.statistics().patterns_sent == 0);
  s.a.hold(versions(0, 100, 2));
  s.settle();
  CHECK(s.a.statistics().deltas_sent == 100);
  CHECK(s.b.missing_ == 0);
  CHECK(holds(s.b, 0, 100, 2));
}

TEST_CASE("deltas: where the base is gone the whole record comes, and nothing is reached before", "[peer][delta]") {
  pair_of_sides s;
  s.open();
  s.a.hold(versions(0, 120, 1));
  s.settle();
  const auto before = s.a.table().last_position();
  s.b.table().clear();
  s.a.reached_.clear();
  s.a.hold(versions(0, 120, 2));
  bool early = false;
  while (s.a.work() || s.b.work())
    for (const auto& [on, position] : s.a.reached_)
      early =
          early || (on == lane::normal && position > before && !holds(s.b, 0, static_cast<int>(position - before), 2));
  CHECK_FALSE(early);
  CHECK(s.b.missing_ == 120);
  CHECK(s.a.statistics().deltas_missed == 120);
  CHECK(holds(s.b, 0, 120, 2));
  CHECK(s.a.reached_.back().second == s.a.table().last_position());
  CHECK_FALSE(s.a.session().has_unacknowledged());
  CHECK(s.b.consumed_ == s.b.delivered_bytes_);
}

TEST_CASE("deltas: a peer that lacks the base again and again is sent whole records", "[peer][delta]") {
  pair_of_sides s;
  s.open();
  s.a.hold(versions(0, 250, 1));
  s.settle();
  for (std::uint64_t version = 2; version < 8; ++version) {
    s.b.table().clear();
    s.a.hold(versions(0, 250, version));
    s.settle();
    CHECK(holds(s.b, 0, 250, version));
  }
  CHECK(s.a.statistics().deltas_sent == 500);
}

TEST_CASE("deltas: one of a record that has come another way is known, and acknowledged", "[peer][delta]") {
  pair_of_sides s;
  s.open();
  s.a.hold(versions(0, 40, 1));
  s.settle();
  const auto next = versions(0, 40, 2);
  for (std::size_t i = 0; i < next->size(); ++i) s.b.table().apply(next, i, 7);
  s.a.hold(versions(0, 40, 2));
  s.settle();
  CHECK(s.b.rebuilt_ == 40);
  CHECK(s.b.missing_ == 0);
  CHECK_FALSE(s.a.session().has_unacknowledged());
}

TEST_CASE("deltas: another content of the same version is no base, and both sides end equal", "[peer][delta]") {
  pair_of_sides s;
  s.open();
  s.a.hold(versions(0, 20, 1));
  s.settle();
  std::vector<pattern> others;
  for (int i = 0; i < 20; ++i) {
    others.push_back(version_of(i, 2));
    others.back().data = fmt::format(R"({{"testCase":"another case, {}","result":"failed","duration":1}})", i);
    others.back().timestamp += i % 2 == 0 ? 1 : -1;  // half of them win
  }
  const auto conflicting = make_slab(others);
  for (std::size_t i = 0; i < conflicting->size(); ++i) s.b.table().apply(conflicting, i, this_node);
  s.a.hold(versions(0, 20, 2));
  s.settle();
  s.b.feed();
  s.settle();
  CHECK(s.b.missing_ == 20);
  CHECK(s.a.table().digests().find_all() == s.b.table().digests().find_all());
  for (int i = 0; i < 20; ++i) {
    const auto here = s.a.table().find(fmt::format("p{}", i)), there = s.b.table().find(fmt::format("p{}", i));
    REQUIRE((here.records && there.records));
    CHECK(here.records->item(here.index).hash == there.records->item(there.index).hash);
  }
}

TEST_CASE("deltas: a side that does not take them, and one that does not send them, is sent none", "[peer][delta]") {
  for (const bool at_a : {false, true}) {
    pair_of_sides s;
    (at_a ? s.a : s.b).config().deltas = false;
    s.open();
    s.a.hold(versions(0, 40, 1));
    s.settle();
    s.a.hold(versions(0, 40, 2));
    s.settle();
    CHECK(s.a.statistics().deltas_sent == 0);
    CHECK(holds(s.b, 0, 40, 2));
  }
}

TEST_CASE("deltas: with a filter only what was sent before is a base", "[peer][delta]") {
  pair_of_sides s;
  s.b.config().wish.filter = "priority>=8";
  s.open();
  auto hold = [&](std::uint64_t version, std::optional<int> priority) {
    std::vector<pattern> some;
    for (int i = 0; i < 30; ++i) {
      some.push_back(version_of(i, version));
      some.back().metadata.priority = priority;
    }
    s.a.hold(make_slab(some));
    s.settle();
  };
  hold(1, std::nullopt);
  CHECK(s.a.statistics().patterns_sent == 0);
  hold(2, 9);
  CHECK(s.a.statistics().patterns_sent == 30);
  CHECK(s.a.statistics().deltas_sent == 0);
  hold(3, 9);
  CHECK(s.a.statistics().deltas_sent == 30);
  CHECK(s.b.missing_ == 0);
}

TEST_CASE("deltas: what is for some alone goes whole, and so does what follows it", "[peer][delta]") {
  pair_of_sides s;
  s.open();
  s.a.hold(versions(0, 10, 1), sharing::only_to({"b"}));
  s.settle();
  s.a.hold(versions(0, 10, 2));
  s.settle();
  s.a.hold(versions(0, 10, 3), sharing::only_to({"b"}));
  s.settle();
  CHECK(s.a.statistics().deltas_sent == 0);
  CHECK(holds(s.b, 0, 10, 3));
}

TEST_CASE("deltas: where whole records cost next to nothing on the wire they go whole", "[peer][delta]") {
  pair_of_sides s;
  s.open();
  auto hold = [&](std::uint64_t version) {
    std::vector<pattern> some;
    for (int i = 0; i < 200; ++i)
      some.push_back(make_pattern(fmt::format("p{}", i), version,
                                  fmt::format(R"({{"testCase":"always the same case","result":"{}"}})", version)));
    s.a.hold(make_slab(some));
    s.settle();
  };
  hold(1);
  hold(2);
  CHECK(s.a.statistics().patterns_sent == 400);
  CHECK(s.a.statistics().deltas_sent == 0);
}

TEST_CASE("deltas: a rebuilt record is judged as one that came whole", "[peer][delta]") {
  pair_of_sides s;
  s.b.config().rules.write = {{{"a", {"agent"}}}};
  s.open();
  s.a.hold(versions(0, 5, 1));
  s.settle();
  auto of_others = version_of(1, 1, "agent-of-others");
  of_others.version = 2;
  s.a.hold(make_slab({version_of(0, 2), of_others, version_of(2, 2)}));
  s.settle();
  CHECK(s.a.statistics().deltas_sent == 3);
  REQUIRE(s.a.refused_.size() == 1);
  CHECK(s.a.refused_.front().code == errc::not_allowed);
  CHECK(s.b.statistics().refused_here.at(errc::not_allowed) == 1);
  CHECK(holds(s.b, 0, 1, 2));
  CHECK(holds(s.b, 1, 1, 1));
  CHECK_FALSE(s.a.session().has_unacknowledged());
}

namespace {

/// Frames as a peer could make them, which then go to side b by hand.
class hand_made {
 public:
  explicit hand_made(side& to) : to_(to) {}
  void batch_with_delta(int number) {
    const auto base = make_slab({version_of(number, 1)}), next = make_slab({version_of(number, 2)});
    const bytes_view record = next->bytes(0);
    const block_delta delta{0, common_ends_of(base->bytes(0), record), delta_check(next->item(0).hash)};
    byte_buffer block;
    encoder_.append(block, std::span(&record, 1), std::span(&delta, 1));
    send(lane::normal, batch_frame{{}, block});
  }
  void again(std::uint64_t sequence, int number, lane on = lane::normal) {
    const auto next = make_slab({version_of(number, 2)});
    const bytes_view record = next->bytes(0);
    byte_buffer block;
    encoder_.append(block, std::span(&record, 1));
    send(on, again_frame{sequence, block});
  }
  void send(lane on, const frame& value) {
    byte_buffer bytes;
    append_frame(bytes, value);
    to_.session().receive(on, shared_bytes(std::move(bytes)));
  }

 private:
  side& to_;
  block_encoder encoder_;
};

}  // namespace

TEST_CASE("deltas: a mark is not fulfilled while a whole record is still to come", "[peer][delta]") {
  pair_of_sides s;
  s.open();
  hand_made peer(s.b);
  peer.batch_with_delta(1);
  peer.send(lane::control, mark_frame{0, 50, {0, 1, 0}});
  while (s.b.work()) continue;
  CHECK(s.b.missing_ == 1);
  CHECK((!s.b.remembered_ || s.b.remembered_->at.position != 50));
  peer.again(0, 1);
  while (s.b.work()) continue;
  REQUIRE(s.b.remembered_);
  CHECK(s.b.remembered_->at.position == 50);
  CHECK(holds(s.b, 1, 1, 2));
}

TEST_CASE("deltas: frames that make no sense end the connection with a reason", "[peer][delta]") {
  auto code_of = [](auto&& attack) {
    pair_of_sides s;
    s.open();
    s.b.hold(versions(0, 10, 1));
    s.settle();
    s.b.hold(versions(0, 10, 2));
    s.settle();
    hand_made peer(s.b);
    attack(s, peer);
    while (s.b.work()) continue;
    return s.b.failure_ ? s.b.failure_->code : errc::none;
  };
  using attack = pair_of_sides&;
  CHECK(code_of([](attack, hand_made& peer) { peer.again(0, 1); }) == errc::bad_frame);
  CHECK(code_of([](attack, hand_made& peer) { peer.again(0, 1, lane::control); }) == errc::unexpected_frame);
  CHECK(code_of([](attack s, hand_made& peer) {
          s.b.table().clear();
          peer.batch_with_delta(1);
          while (s.b.work()) continue;
          peer.again(0, 1);
          while (s.b.work()) continue;
          CHECK_FALSE(s.b.failure_);
          peer.again(0, 1);
        }) == errc::bad_frame);
  CHECK(code_of([](attack s, hand_made& peer) {
          s.b.table().clear();
          peer.batch_with_delta(1);
          while (s.b.work()) continue;
          peer.send(lane::normal, again_frame{0, {}});
        }) != errc::none);
  // What is settled, what is no delta, what was not sent, and no lane of records.
  for (const auto& unknown : {unknown_base_frame{2, 12}, unknown_base_frame{2, 3}, unknown_base_frame{2, 1000},
                              unknown_base_frame{0, 0}, unknown_base_frame{9, 0}})
    CHECK(code_of([&](attack, hand_made& peer) { peer.send(lane::control, unknown); }) == errc::bad_frame);
  // The same twice.
  CHECK(code_of([](attack s, hand_made& peer) {
          s.a.hold_back_applied_ = true;
          s.b.hold(versions(0, 10, 3));
          s.settle();
          peer.send(lane::control, unknown_base_frame{2, 23});
          CHECK_FALSE(s.b.failure_);
          peer.send(lane::control, unknown_base_frame{2, 23});
        }) == errc::bad_frame);
}

TEST_CASE("deltas: to who does not take them they are an error", "[peer][delta]") {
  pair_of_sides s;
  s.b.config().deltas = false;
  s.open();
  hand_made(s.b).batch_with_delta(1);
  REQUIRE(s.b.failure_);
  CHECK(s.b.failure_->code == errc::bad_block);
}

TEST_CASE("replacements: steps are joined back to what is held, and pieces that all have passed go", "[cache][delta]") {
  replacements known;
  const auto none_passed = [] { return log_position_number{0}; };
  // Each of ten ids is replaced again and again.
  for (log_position_number position = 11; position <= 5000; ++position) {
    replacements::step step{position - 10, {40, 7}, 0, lane::normal};
    if (position % 20 == 15) step.kept = {30, 9};
    known.note(position, step, none_passed);
  }
  const auto held_at = [](log_position_number position) {
    return [position](const replacements::step& s) { return s.over == position; };
  };
  CHECK(known.since(4003, held_at(3993)) == common_ends{40, 7});
  CHECK(known.since(4005, held_at(3985)) == common_ends{30, 7});
  CHECK_FALSE(known.since(4003, held_at(3992)));
  CHECK_FALSE(known.since(4003, held_at(4003 - 10 * (limits::delta_steps + 1))));
  CHECK_FALSE(known.since(5, held_at(1)));
  CHECK_FALSE(known.since(9000, held_at(8990)));
  const auto before = known.bytes();
  for (log_position_number position = 5001; position <= 7000; ++position)
    known.note(position, {position - 10, {40, 7}, 0, lane::normal}, [&] { return position - 1; });
  CHECK(known.bytes() < before);
  CHECK(known.since(7000, held_at(6990)));
  // A gap, as after a start with a store, costs nothing.
  known.note(1ull << 40, {(1ull << 40) - 1, {40, 7}, 0, lane::normal}, none_passed);
  CHECK(known.since(1ull << 40, held_at((1ull << 40) - 1)));
  CHECK(known.bytes() < before);
}

TEST_CASE("deltas: nothing is noted of replacements while nobody wants them", "[cache][delta]") {
  pattern_table table(test::key_seed);
  table.set_progress(3, lane::normal, 0);
  auto put = [&](std::uint64_t version) {
    const auto some = versions(0, 10, version);
    for (std::size_t i = 0; i < some->size(); ++i) table.apply(some, i, this_node);
  };
  put(1);
  table.set_progress(3, lane::normal, 10);
  const auto deltas_of = [&] {
    std::size_t count = 0;
    for (const auto& set : table.read_for({3, {}}, log_cursor::at(10), lane_set::all_patterns()).sets)
      count += set->deltas.size();
    return count;
  };
  put(2);
  CHECK(deltas_of() == 0);
  table.note_replacements();
  put(3);  // against the second version, which the peer has not acknowledged
  CHECK(deltas_of() == 0);
  table.set_progress(3, lane::normal, 20);
  CHECK(deltas_of() == 10);
  table.forget_progress(3);
  CHECK(deltas_of() == 0);
}
