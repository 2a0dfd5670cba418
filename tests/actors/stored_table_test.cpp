// The pattern table of a node with a store: what it takes back at a start, what it tells the store, and what it keeps
// of a record whose payload only the store has.
#include <catch2/catch_test_macros.hpp>

#include <quicsync/actors/cache/cold_pages.hpp>
#include <quicsync/actors/cache/pattern_table.hpp>

#include "support.hpp"

using namespace quicsync;
using namespace std::chrono_literals;
using quicsync::test::make_pattern;
using quicsync::test::make_slab;
using verdict = pattern_table::verdict;

namespace {

constexpr std::int64_t start_ms = 1760000000000;
using positions = std::vector<log_position_number>;

table_config stored_config(std::size_t entries_max = 1000) {
  table_config config;
  config.key_seed = test::key_seed;
  config.entries_max = entries_max;
  config.stored = true;
  return config;
}

pattern_table::outcome put(pattern_table& table, const pattern& p, const sharing& access = {}) {
  return table.apply(make_slab({p}), 0, 3, access, start_ms);
}

std::string id_of(int i) { return "p" + std::to_string(i); }

positions cold_in(const pattern_table::reading& read) {
  positions out;
  for (const auto& c : read.cold) out.push_back(c.position);
  return out;
}

}  // namespace

TEST_CASE("stored table: names the positions at which nothing stands any more", "[cache][store]") {
  pattern_table table(stored_config());
  put(table, make_pattern("a"));
  put(table, make_pattern("b"), sharing::only_to({"one"}));
  CHECK(table.take_gone().empty());
  put(table, make_pattern("a", 2));
  CHECK(put(table, make_pattern("b"), sharing::only_to({"two"})).what == verdict::widened);
  CHECK(put(table, make_pattern("a", 1)).what == verdict::older);
  CHECK(table.take_gone() == positions{1, 2});
  CHECK(table.take_gone().empty());
}

TEST_CASE("stored table: takes back what a store kept, where it stood, and goes on behind it", "[cache][store]") {
  pattern_table table(stored_config());
  const auto records = make_slab({make_pattern("a"), make_pattern("b", 5), make_pattern("a", 2)});
  table.restore(records, 0, 9, {}, {10, start_ms - 5, std::nullopt, this_node});
  const auto access = sharing::only_to({"one"});
  table.restore(records, 1, 8, access, {20, start_ms - 4, 4, 7});
  CHECK(table.take_gone().empty());
  // The store had not let go of it in time.
  table.restore(records, 2, 9, {}, {30, start_ms - 3, std::nullopt, this_node});
  CHECK(table.take_gone() == positions{10});
  table.resume_after(100);
  CHECK(put(table, make_pattern("c")).position == 101);

  const auto why = table.why("b");
  REQUIRE(why);
  CHECK(why->source == 8);
  CHECK(why->arrived_ms == start_ms - 4);
  CHECK(why->over_version == 4);
  CHECK(why->over_source == 7);
  CHECK(table.find("b").access == access);
  const auto read = table.read(log_cursor::at(20), lane_set::all_patterns());
  REQUIRE(read.sets.size() == 2);
  CHECK(read.sets[0]->changes[0].position == 30);
  CHECK(put(table, make_pattern("b", 4)).what == verdict::older);
  CHECK(put(table, make_pattern("b", 5), access).what == verdict::duplicate);
}

TEST_CASE("stored table: what is evicted keeps its place, in the merge rule and in the log", "[cache][store]") {
  pattern_table table(stored_config(4));
  for (int i = 0; i < 4; ++i) put(table, make_pattern(id_of(i), 2));
  // Nothing is on disk yet: nothing can go, and nothing is refused.
  CHECK(put(table, make_pattern(id_of(4), 2)).what == verdict::added);
  CHECK(table.warm() == 5);
  table.set_durable(5);
  for (int i = 5; i < 10; ++i) CHECK(put(table, make_pattern(id_of(i), 2)).what == verdict::added);
  CHECK(table.size() == 10);
  CHECK(table.warm() == 5);
  CHECK(table.take_gone().empty());

  CHECK(put(table, make_pattern(id_of(1), 1)).what == verdict::older);
  CHECK(put(table, make_pattern(id_of(1), 2)).what == verdict::duplicate);
  CHECK(put(table, make_pattern(id_of(1), 2)).position == 2);
  const auto place = table.find(id_of(1));
  CHECK(place.records == nullptr);
  CHECK(place.cold == 2);

  auto read = table.read({}, lane_set::all_patterns());
  CHECK(cold_in(read) == positions{1, 2, 3, 4, 5});
  CHECK(read.cold[0].source == 3);
  CHECK(read.sets.size() == 5);
  CHECK(read.at_end);
  read = table.read({}, lane_set::all_patterns(), 2);
  CHECK(cold_in(read) == positions{1, 2});
  CHECK(read.next[lane::normal] == 2);
  CHECK_FALSE(read.at_end);

  // A newer version takes its place with a payload.
  CHECK(put(table, make_pattern(id_of(1), 3)).what == verdict::replaced);
  CHECK(table.take_gone() == positions{2});
  CHECK(table.find(id_of(1)).records != nullptr);
  CHECK(table.size() == 10);
  // The store finds that it has lost one.
  table.forget_cold(3, lane::normal);
  CHECK(table.size() == 9);
  CHECK(table.take_gone() == positions{3});
  CHECK(put(table, make_pattern(id_of(2), 1)).what == verdict::added);
}

TEST_CASE("stored table: a cold pattern expires, is widened and is cleared like any other", "[cache][store]") {
  auto config = stored_config(1);
  pattern_table table(config);
  auto over = make_pattern("over");
  over.metadata.expires_at = start_ms + 1000;
  put(table, over);
  put(table, make_pattern("few"), sharing::only_to({"one"}));
  table.set_durable(2);
  put(table, make_pattern("x"));
  put(table, make_pattern("y"));
  CHECK(table.find("over").cold == 1);
  CHECK(table.find("few").cold == 2);
  table.maintain(start_ms + 1000);
  CHECK(table.find("over").cold == 0);
  CHECK(put(table, make_pattern("over", 0)).what == verdict::older);
  CHECK(put(table, make_pattern("few"), sharing::only_to({"two"})).what == verdict::widened);
  CHECK(table.find("few").access.allows("one"));
  CHECK(table.find("few").access.allows("two"));
  CHECK(table.find("few").records != nullptr);
  table.set_durable(table.last_position());
  put(table, make_pattern("z"));
  table.clear();
  CHECK(table.size() == 0);
  CHECK(table.find("few").cold == 0);
}

TEST_CASE("cold pages: what was fetched stands where it belongs, what is missing is left out", "[cache][store]") {
  const auto warm = make_slab({make_pattern("w1"), make_pattern("w2")});
  const auto fetched = make_slab({make_pattern("c1"), make_pattern("c2")});
  messages::page page;
  page.tag = 5;
  page.sets.push_back(
      std::make_shared<change_set>(change_set{warm, 4, {}, {{10, 0, lane::normal}, {30, 1, lane::normal}}}));
  cold_pages pages;
  const auto asked =
      pages.wait(1, nullptr, page, {{20, lane::normal, 3, {}}, {5, lane::high, 3, {}}, {40, lane::normal, 3, {}}});
  CHECK(asked == positions{5, 20, 40});
  std::vector<kept_set> found{{fetched, 0x80000000, {}, {{0, lane::normal, {20, 0, std::nullopt, 0}}}},
                              {fetched, 0x80000000, {}, {{1, lane::high, {5, 0, std::nullopt, 0}}}}};
  CHECK_FALSE(pages.finish(2, found));
  const auto whole = pages.finish(1, found);
  REQUIRE(whole);
  CHECK(whole->page.tag == 5);
  positions order;
  for (const auto& set : whole->page.sets)
    for (const auto& c : set->changes) order.push_back(c.position);
  CHECK(order == positions{5, 10, 20, 30});
  CHECK(whole->page.sets[0]->source == 3);
  CHECK(whole->page.sets[0]->records->id(whole->page.sets[0]->changes[0].index) == "c2");
  CHECK(pages.empty());
}
