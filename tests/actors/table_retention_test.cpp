// How long the pattern table holds what it holds.
#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include <quicsync/actors/cache/pattern_table.hpp>
#include <quicsync/codec/limits.hpp>

#include "support.hpp"

using namespace quicsync;
using namespace std::chrono_literals;
using quicsync::test::make_pattern;
using quicsync::test::make_slab;
using verdict = pattern_table::verdict;

namespace {

constexpr std::int64_t start_ms = 1760000000000;
constexpr std::int64_t day_ms = 24 * 3600 * 1000;

table_config config_of(std::size_t entries_max) {
  table_config config;
  config.key_seed = test::key_seed;
  config.entries_max = entries_max;
  return config;
}

pattern_table::outcome put(pattern_table& table, const pattern& p, std::int64_t now_ms = start_ms,
                           peer_number source = this_node) {
  return table.apply(make_slab({p}), 0, source, {}, now_ms);
}

pattern_table::outcome erase(pattern_table& table, const std::string& id, std::uint64_t version,
                             std::int64_t timestamp = start_ms, std::int64_t now_ms = start_ms) {
  slab_builder builder(test::key_seed);
  REQUIRE(builder.add_tombstone(id, "agent", timestamp, version));
  return table.apply(builder.finish(), 0, this_node, {}, now_ms);
}

std::string id_of(int i) { return "p" + std::to_string(i); }

pattern expiring(const std::string& id, std::int64_t expires_ms, std::uint64_t version = 1) {
  auto p = make_pattern(id, version);
  p.metadata.expires_at = expires_ms;
  return p;
}

bool holds(const pattern_table& table, const std::string& id) { return table.find(id).records != nullptr; }

}  // namespace

// -- room

TEST_CASE("table retention: over its size the oldest goes first, and the table says that it is partial", "[cache]") {
  pattern_table table(config_of(10));
  for (int i = 0; i < 10; ++i) put(table, make_pattern(id_of(i)));
  CHECK_FALSE(table.partial());
  put(table, make_pattern(id_of(0), 2));  // moves to the log's end
  CHECK_FALSE(table.partial());
  CHECK(put(table, make_pattern("new")).what == verdict::added);
  CHECK(table.size() == 10);
  CHECK_FALSE(holds(table, id_of(1)));
  CHECK(holds(table, id_of(0)));
  CHECK(table.partial());
  CHECK(table.evicted() == 1);
}

TEST_CASE("table retention: what a connected peer has not acknowledged is never evicted; then nothing more is taken",
          "[cache]") {
  pattern_table table(config_of(10));
  table.set_progress(1, lane::normal, 0);
  for (int i = 0; i < 10; ++i) put(table, make_pattern(id_of(i)));
  CHECK(put(table, make_pattern("new")).what == verdict::no_room);
  CHECK(table.size() == 10);
  CHECK(put(table, make_pattern(id_of(3), 2)).what == verdict::replaced);  // takes no more room
  table.set_progress(1, lane::normal, 2);
  CHECK(put(table, make_pattern("new")).what == verdict::added);
  CHECK(put(table, make_pattern("newer")).what == verdict::added);
  CHECK(put(table, make_pattern("newest")).what == verdict::no_room);
  CHECK_FALSE(holds(table, id_of(0)));
  CHECK_FALSE(holds(table, id_of(1)));
  CHECK(holds(table, id_of(2)));
  table.forget_progress(1);
  CHECK(put(table, make_pattern("newest")).what == verdict::added);
}

TEST_CASE("table retention: a peer that lags too far behind protects nothing", "[cache]") {
  pattern_table table(config_of(100));
  table.set_progress(1, lane::normal, 0);
  for (int i = 0; i < 100; ++i) put(table, make_pattern(id_of(i)));
  for (std::uint64_t v = 2; v < limits::outbox_records + 2; ++v) put(table, make_pattern("p0", v));
  CHECK(put(table, make_pattern("new")).what == verdict::added);
}

TEST_CASE("table retention: a budget in bytes bounds what is held", "[cache]") {
  auto config = config_of(1000000);
  config.bytes_max = 1 << 20;
  pattern_table table(config);
  const std::string data = '"' + std::string(1000, 'x') + '"';
  for (int i = 0; i < 5000; ++i) CHECK(put(table, make_pattern(id_of(i), 1, data)).what == verdict::added);
  CHECK(table.bytes() <= 1 << 20);
  CHECK(table.size() > 700);
  CHECK(holds(table, id_of(4999)));
}

TEST_CASE("table retention: a table full of deletions lets go of them rather than take nothing more", "[cache]") {
  auto config = config_of(1000000);
  config.bytes_max = 1 << 16;
  pattern_table table(config);
  for (int i = 0; i < 5000; ++i) CHECK(erase(table, id_of(i), 1).accepted());
  CHECK(table.bytes() <= 1 << 16);
  CHECK(put(table, make_pattern("new")).what == verdict::added);
}

TEST_CASE("table retention: readers pass over what was evicted", "[cache]") {
  pattern_table table(config_of(5));
  for (int i = 0; i < 20; ++i) put(table, make_pattern(id_of(i)));
  auto page = table.read({}, lane_set::all_patterns());
  std::size_t records = 0;
  for (const auto& set : page.sets) records += set->changes.size();
  CHECK(records == 5);
  CHECK(page.next[lane::normal] == 20);
  CHECK(page.at_end);
}

// -- time

TEST_CASE("table retention: the ttl counts from arrival and lets go only what peers have acknowledged", "[cache]") {
  auto config = config_of(100);
  config.ttl = 1000ms;
  pattern_table table(config);
  put(table, make_pattern("a"), start_ms);
  put(table, make_pattern("b"), start_ms + 500);
  REQUIRE(table.next_due_ms() == start_ms + 1000);
  table.maintain(start_ms + 999);
  CHECK(table.size() == 2);
  table.maintain(start_ms + 1000);
  CHECK_FALSE(holds(table, "a"));
  CHECK(holds(table, "b"));
  CHECK(table.partial());
  table.set_progress(1, lane::normal, 0);
  table.maintain(start_ms + 2000);
  CHECK(holds(table, "b"));
  CHECK(table.next_due_ms() == start_ms + 3000);
  table.set_progress(1, lane::normal, 2);
  table.maintain(start_ms + 3000);
  CHECK(table.size() == 0);
  CHECK_FALSE(table.next_due_ms());
}

TEST_CASE("table retention: an expired pattern goes on time; what is older does not come back, a refresh does",
          "[cache]") {
  pattern_table table(test::key_seed);
  put(table, expiring("a", start_ms + 100, 5));
  CHECK(table.next_due_ms() == start_ms + 100);
  table.maintain(start_ms + 99);
  CHECK(holds(table, "a"));
  table.maintain(start_ms + 100);
  CHECK_FALSE(holds(table, "a"));
  CHECK(table.size() == 0);
  CHECK_FALSE(table.partial());
  CHECK(table.read({}, lane_set::all_patterns()).sets.empty());
  CHECK(put(table, expiring("a", start_ms + 9999, 4), start_ms + 200).what == verdict::older);
  CHECK(put(table, expiring("a", start_ms + 100, 5), start_ms + 200).what == verdict::duplicate);
  CHECK(put(table, expiring("a", start_ms + 9999, 6), start_ms + 200).what == verdict::replaced);
  CHECK(holds(table, "a"));
}

TEST_CASE("table retention: what comes expired replaces what is older all the same, and is read by nobody", "[cache]") {
  pattern_table table(test::key_seed);
  put(table, make_pattern("a", 1));
  auto outcome = put(table, expiring("a", start_ms - 1, 2));
  CHECK(outcome.what == verdict::expired);
  CHECK(outcome.replaced == 1);
  CHECK_FALSE(holds(table, "a"));
  CHECK(put(table, make_pattern("a", 1)).what == verdict::older);
  CHECK(table.read({}, lane_set::all_patterns()).sets.empty());
}

TEST_CASE("table retention: a deletion is remembered until its horizon and answers for what is older", "[cache]") {
  pattern_table table(test::key_seed);
  put(table, make_pattern("a", 1));
  CHECK(erase(table, "a", 2).what == verdict::replaced);
  CHECK(table.size() == 0);
  table.maintain(start_ms + 7 * day_ms - 1);
  CHECK(put(table, make_pattern("a", 1)).what == verdict::older);
  table.maintain(start_ms + 7 * day_ms);
  CHECK_FALSE(holds(table, "a"));
  CHECK(put(table, make_pattern("a", 1)).what == verdict::added);
}

TEST_CASE("table retention: a deletion past its horizon stays long enough for the peers to hear of it", "[cache]") {
  pattern_table table(test::key_seed);
  put(table, make_pattern("a", 1));
  erase(table, "a", 2, start_ms - 30 * day_ms, start_ms);
  table.maintain(start_ms);
  CHECK(holds(table, "a"));
  table.set_progress(1, lane::normal, 1);
  table.maintain(start_ms + 60000);
  CHECK(holds(table, "a"));  // the peer has not acknowledged it
  table.set_progress(1, lane::normal, 2);
  table.maintain(start_ms + 61000);
  CHECK_FALSE(holds(table, "a"));
}

TEST_CASE("table retention: what is planned stays in proportion, however often a pattern is refreshed", "[cache]") {
  pattern_table table(test::key_seed);
  for (std::uint64_t v = 1; v < 20000; ++v) put(table, expiring("a", start_ms + 1000 + static_cast<int>(v), v));
  table.maintain(start_ms + 1000);
  CHECK(holds(table, "a"));
  for (int i = 0; i < 30; ++i) table.maintain(start_ms + 30000);
  CHECK_FALSE(holds(table, "a"));
}

// -- slabs

TEST_CASE("table retention: one record does not keep its whole slab alive", "[cache]") {
  pattern_table table(test::key_seed);
  for (int slab = 0; slab < 50; ++slab) {
    std::vector<pattern> all;
    for (int i = 0; i < 200; ++i) all.push_back(make_pattern(id_of(slab * 200 + i)));
    const auto records = make_slab(all);
    for (std::size_t i = 0; i < records->size(); ++i) table.apply(records, i, this_node);
    // All but one are replaced by later ones.
    for (int i = 1; i < 200; ++i) all[static_cast<std::size_t>(i)].version = 2;
    const auto newer = make_slab({all.begin() + 1, all.end()});
    for (std::size_t i = 0; i < newer->size(); ++i) table.apply(newer, i, this_node);
    const auto left = table.find(id_of(slab * 200));
    REQUIRE(left.records);
    CHECK(left.records->size() <= 50);
    CHECK(left.records->record(left.index).id() == id_of(slab * 200));
  }
  CHECK(table.size() == 10000);
  CHECK(table.slabs() <= 100);
}

TEST_CASE("table retention: patterns that come alone do not keep a slab each, and nothing of them changes", "[cache]") {
  pattern_table table(test::key_seed);
  constexpr int patterns = 5000;
  for (int i = 0; i < patterns; ++i)
    table.apply(make_slab({make_pattern(id_of(i))}), 0, static_cast<peer_number>(i % 3),
                i % 2 == 0 ? sharing{} : sharing::only_to({"x"}), start_ms + i);
  put(table, make_pattern(id_of(7), 2), start_ms + 9, 5);
  CHECK(table.slabs() < patterns / 16);
  CHECK(table.size() == patterns);
  for (int i = 0; i < patterns; ++i) {
    if (i == 7) continue;
    const auto held = table.find(id_of(i));
    REQUIRE(held.records);
    CHECK(held.records->record(held.index).id() == id_of(i));
    CHECK(held.source == static_cast<peer_number>(i % 3));
    CHECK(held.access.for_all() == (i % 2 == 0));
    CHECK(table.why(id_of(i))->arrived_ms == start_ms + i);
  }
}

// -- conflicts, reasons, lanes

TEST_CASE("table retention: a conflict says who lost, whichever came first", "[cache]") {
  auto x = make_pattern("a", 1, "1"), y = make_pattern("a", 1, "2");
  std::vector<std::string> losers;
  for (bool forward : {true, false}) {
    pattern_table table(test::key_seed);
    put(table, forward ? x : y);
    auto outcome = put(table, forward ? y : x);
    REQUIRE(outcome.conflict);
    REQUIRE(outcome.loser);
    losers.push_back(outcome.loser->record(outcome.loser_index).to_pattern()->data);
    auto held = table.find("a");
    CHECK(held.records->record(held.index).to_pattern()->data != losers.back());
  }
  CHECK(losers[0] == losers[1]);
}

TEST_CASE("table retention: each entry knows from whom it is, since when, and over what it won", "[cache]") {
  pattern_table table(test::key_seed);
  put(table, make_pattern("a", 3), start_ms, 7);
  auto first = table.why("a");
  REQUIRE(first);
  CHECK(first->source == 7);
  CHECK(first->arrived_ms == start_ms);
  CHECK_FALSE(first->over_version);
  put(table, make_pattern("a", 5), start_ms + 10, 8);
  auto second = table.why("a");
  REQUIRE(second);
  CHECK(second->source == 8);
  CHECK(second->over_version == 3);
  CHECK(second->over_source == 7);
  CHECK_FALSE(table.why("nobody"));
}

TEST_CASE("table retention: without a priority the type's place decides on the lane", "[cache]") {
  auto config = config_of(100);
  config.sync_priority.high = {"security_finding"};
  config.sync_priority.low = {"coverage_gap"};
  pattern_table table(config);
  auto typed = [](const char* id, const char* type, std::optional<int> priority = std::nullopt) {
    auto p = make_pattern(id, 1, "1", priority);
    p.type = type;
    return p;
  };
  CHECK(put(table, typed("a", "security_finding")).on == lane::high);
  CHECK(put(table, typed("b", "coverage_gap")).on == lane::low);
  CHECK(put(table, typed("c", "anything")).on == lane::normal);
  CHECK(put(table, typed("d", "coverage_gap", 9)).on == lane::high);
}
