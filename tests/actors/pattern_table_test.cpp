#include <algorithm>
#include <random>
#include <set>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <quicsync/actors/cache/pattern_table.hpp>
#include <quicsync/codec/limits.hpp>

#include "support.hpp"

using namespace quicsync;
using quicsync::test::make_pattern;
using quicsync::test::make_slab;
using verdict = pattern_table::verdict;

namespace {

pattern_table::outcome apply_one(pattern_table& table, const pattern& p, peer_number source = this_node) {
  return table.apply(make_slab({p}), 0, source);
}

std::vector<std::string> ids_of(const std::vector<std::shared_ptr<const change_set>>& sets) {
  std::vector<std::string> ids;
  for (const auto& set : sets)
    for (const auto& c : set->changes) ids.emplace_back(set->records->record(c.index).id());
  return ids;
}

/// Everything after a cursor, page by page.
std::vector<std::string> read_all(const pattern_table& table, log_cursor after) {
  std::vector<std::string> ids;
  for (;;) {
    auto page = table.read(after, lane_set::all_patterns());
    for (auto& id : ids_of(page.sets)) ids.push_back(id);
    if (page.at_end) return ids;
    REQUIRE(page.next != after);
    after = page.next;
  }
}

}  // namespace

TEST_CASE("pattern table: a newer version replaces an older one, data included", "[cache]") {
  pattern_table table(test::key_seed);
  CHECK(apply_one(table, make_pattern("a", 1, "1")).what == verdict::added);
  CHECK(apply_one(table, make_pattern("a", 2, "2")).what == verdict::replaced);
  auto place = table.find("a");
  REQUIRE(place.records);
  CHECK(place.records->record(place.index).to_pattern()->data == "2");
  CHECK(table.size() == 1);
}

TEST_CASE("pattern table: an older version never replaces a newer one", "[cache]") {
  pattern_table table(test::key_seed);
  apply_one(table, make_pattern("a", 5, "5"));
  auto outcome = apply_one(table, make_pattern("a", 4, "4"));
  CHECK(outcome.what == verdict::older);
  CHECK(outcome.position == 1);
  CHECK(table.find("a").records->record(0).version() == 5);
}

TEST_CASE("pattern table: the same pattern twice is held once and stands where it stood", "[cache]") {
  pattern_table table(test::key_seed);
  auto first = apply_one(table, make_pattern("a"));
  auto second = apply_one(table, make_pattern("a"));
  CHECK(second.what == verdict::duplicate);
  CHECK(second.position == first.position);
  CHECK_FALSE(second.conflict);
  CHECK(table.last_position() == 1);
}

TEST_CASE("pattern table: the same version with other content is a conflict that ends the same in any order",
          "[cache]") {
  auto x = make_pattern("a", 1, "1"), y = make_pattern("a", 1, "2");
  pattern_table forward(test::key_seed), backward(test::key_seed);
  apply_one(forward, x);
  CHECK(apply_one(forward, y).conflict);
  apply_one(backward, y);
  CHECK(apply_one(backward, x).conflict);
  CHECK(forward.find("a").records->record(0).to_pattern()->data ==
        backward.find("a").records->record(0).to_pattern()->data);
}

TEST_CASE("pattern table: a reader gets every live record once, page by page, and superseded ones never", "[cache]") {
  pattern_table table(test::key_seed);
  constexpr int count = 5000;
  for (int i = 0; i < count; ++i) apply_one(table, make_pattern("p" + std::to_string(i), 1));
  for (int i = 0; i < count; i += 2) apply_one(table, make_pattern("p" + std::to_string(i), 2));
  auto ids = read_all(table, {});
  CHECK(ids.size() == count);
  CHECK(std::set<std::string>(ids.begin(), ids.end()).size() == count);
}

TEST_CASE("pattern table: a peer's reading passes over what it has brought itself, a bounded number at a time",
          "[cache]") {
  constexpr peer_number here = 3, other = 4;
  pattern_table table(test::key_seed);
  for (int i = 0; i < 300; ++i)
    apply_one(table, make_pattern("p" + std::to_string(i), 1), i % 100 == 50 ? other : here);
  std::vector<std::string> ids;
  std::size_t pages = 0;
  for (log_cursor after;; ++pages) {
    const auto page = table.read_for({here, {}}, after, lane_set::all_patterns(), 10);
    for (const auto& set : page.sets) CHECK(set->source == other);
    for (auto& id : ids_of(page.sets)) ids.push_back(id);
    if (page.at_end) break;
    REQUIRE(page.next != after);
    after = page.next;
  }
  CHECK(ids == std::vector<std::string>{"p50", "p150", "p250"});
  CHECK(pages >= 2);
  CHECK(read_all(table, {}).size() == 300);
}

TEST_CASE("pattern table: a page is bounded and begins with the most urgent lane", "[cache]") {
  pattern_table table(test::key_seed);
  for (int i = 0; i < 2000; ++i) apply_one(table, make_pattern("low" + std::to_string(i), 1, "{}", 1));
  apply_one(table, make_pattern("urgent", 1, "{}", 10));
  auto page = table.read({}, lane_set::all_patterns());
  auto ids = ids_of(page.sets);
  CHECK(ids.front() == "urgent");
  CHECK(ids.size() <= limits::turn_records);
  CHECK_FALSE(page.at_end);
}

TEST_CASE("pattern table: a reader of some lanes is told nothing of the others and misses nothing later", "[cache]") {
  pattern_table table(test::key_seed);
  apply_one(table, make_pattern("low", 1, "{}", 1));
  apply_one(table, make_pattern("high", 1, "{}", 9));
  auto page = table.read({}, lane_set{}.with(lane::high));
  CHECK(ids_of(page.sets) == std::vector<std::string>{"high"});
  CHECK(table.nothing_after(page.next, lane_set{}.with(lane::high)));
  CHECK(ids_of(table.read(page.next, lane_set::all_patterns()).sets) == std::vector<std::string>{"low"});
}

TEST_CASE("pattern table: a record larger than a page's bound is still read", "[cache]") {
  pattern_table table(test::key_seed);
  std::string big(limits::turn_bytes + 100, 'x');
  big.front() = big.back() = '"';
  apply_one(table, make_pattern("small"));
  apply_one(table, make_pattern("big", 1, big));
  CHECK(read_all(table, {}) == std::vector<std::string>{"small", "big"});
}

TEST_CASE("pattern table: the log stays in proportion to what is held, however often it changes", "[cache]") {
  pattern_table table(test::key_seed);
  for (std::uint64_t v = 1; v <= 20000; ++v) apply_one(table, make_pattern("p" + std::to_string(v % 10), v));
  CHECK(read_all(table, {}).size() == 10);
  CHECK(table.log_size() < 5000);
}

TEST_CASE("pattern table: after clear() it is empty and positions go on", "[cache]") {
  pattern_table table(test::key_seed);
  apply_one(table, make_pattern("a"));
  CHECK(table.clear() == 1);
  CHECK(table.size() == 0);
  CHECK_FALSE(table.find("a").records);
  auto outcome = apply_one(table, make_pattern("a"));
  CHECK(outcome.what == verdict::added);
  CHECK(outcome.position == 2);
}

TEST_CASE("pattern table: random versions in any order give the same state", "[cache]") {
  const unsigned seed = 20261122;
  INFO("seed " << seed);
  std::mt19937 random(seed);
  std::vector<pattern> all;
  for (int i = 0; i < 400; ++i)
    all.push_back(make_pattern("p" + std::to_string(random() % 20), random() % 6, std::to_string(random() % 4)));
  auto state_of = [](const std::vector<pattern>& order) {
    pattern_table table(test::key_seed);
    for (const auto& p : order) table.apply(make_slab({p}), 0, this_node);
    std::vector<std::pair<std::string, std::string>> state;
    for (int i = 0; i < 20; ++i)
      if (auto place = table.find("p" + std::to_string(i)); place.records) {
        auto p = place.records->record(place.index).to_pattern();
        state.emplace_back(p->id + '@' + std::to_string(p->version), p->data);
      }
    return state;
  };
  auto expected = state_of(all);
  for (int round = 0; round < 20; ++round) {
    std::shuffle(all.begin(), all.end(), random);
    CHECK(state_of(all) == expected);
  }
}

TEST_CASE("pattern table: records that come together give what they give one by one, whatever the bounds", "[cache]") {
  const unsigned seed = GENERATE(20261129u, 20261130u, 20261131u);
  std::mt19937 random(seed);
  table_config bounds;
  bounds.key_seed = test::key_seed;
  bounds.entries_max = GENERATE(std::size_t{1000}, std::size_t{150});
  bounds.bytes_max = GENERATE(std::size_t{1} << 30, std::size_t{60'000});
  const bool has_audiences = GENERATE(false, true);
  INFO("seed " << seed << ", at most " << bounds.entries_max << " entries and " << bounds.bytes_max << " bytes"
               << (has_audiences ? ", some of them for few" : ""));
  // What is left of a slab may have been copied in one table already.
  const auto lost_in = [](const pattern_table::outcome& of) {
    const auto bytes = of.loser ? of.loser->bytes(of.loser_index) : bytes_view();
    return std::string(bytes.begin(), bytes.end());
  };
  pattern_table together(bounds), one_by_one(bounds);
  for (std::int64_t now_ms = 1000; now_ms < 1060; ++now_ms) {
    std::vector<pattern> all;
    for (std::size_t i = 0, count = 1 + random() % 60; i < count; ++i) {
      const auto id = "p" + std::to_string(random() % 300);
      const auto version = random() % 6;
      auto p = make_pattern(id, version, std::to_string(random() % 4));
      if (random() % 8 == 0) p.metadata.expires_at = now_ms - 1 + static_cast<std::int64_t>(random() % 20);
      p.deleted = random() % 10 == 0;
      all.push_back(std::move(p));
    }
    const auto records = make_slab(all);
    const auto access =
        has_audiences && random() % 3 == 0 ? sharing::only_to({"n" + std::to_string(random() % 5)}) : sharing();
    const auto source = static_cast<peer_number>(random() % 3);
    pattern_table::batch batch(together, records, source, access, now_ms);
    for (std::size_t i = 0; i < records->size(); ++i) {
      if (random() % 4 != 0) batch.expect(i);
      const auto a = batch.apply(i), b = one_by_one.apply(records, i, source, access, now_ms);
      INFO("record " << i << " of those at " << now_ms);
      REQUIRE((a.what == b.what && a.conflict == b.conflict && a.on == b.on && a.position == b.position &&
               a.replaced == b.replaced && lost_in(a) == lost_in(b)));
    }
    for (auto* table : {&together, &one_by_one}) table->maintain(now_ms);
    REQUIRE(together.bytes() == one_by_one.bytes());
    REQUIRE(together.size() == one_by_one.size());
    REQUIRE(together.evicted() == one_by_one.evicted());
    REQUIRE(together.digests().find_all() == one_by_one.digests().find_all());
  }
  CHECK(read_all(together, {}) == read_all(one_by_one, {}));
  CHECK(together.slabs() == one_by_one.slabs());
  CHECK((together.evicted() != 0 || (bounds.entries_max == 1000 && bounds.bytes_max > 60'000)));
}
