// What the pattern table is made of: the index, the log of a lane, what came together.
#include <algorithm>
#include <array>
#include <map>
#include <random>
#include <set>

#include <catch2/catch_test_macros.hpp>

#include <quicsync/actors/cache/arrivals.hpp>
#include <quicsync/actors/cache/index_line.hpp>
#include <quicsync/actors/cache/key_index.hpp>
#include <quicsync/actors/cache/lane_log.hpp>

#include "support.hpp"

using namespace quicsync;
using quicsync::test::make_pattern;
using quicsync::test::make_slab;

TEST_CASE("key index: what was inserted and not erased is found, whatever the order, and nothing else", "[cache]") {
  const unsigned seed = 20261129;
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  page_pool pool;
  key_index index(pool);
  std::vector<std::uint64_t> key_of;
  std::vector<std::uint32_t> held, gone;
  for (int i = 0; i < 60'000; ++i) {
    if (random() % 3 != 0 || held.empty()) {
      // Now and then one that another one has.
      const auto key = random() % 20 == 0 && !key_of.empty() ? key_of[random() % key_of.size()] : random();
      const auto entry = static_cast<std::uint32_t>(key_of.size());
      key_of.push_back(key);
      index.insert(key, entry);
      held.push_back(entry);
    } else {
      std::swap(held[random() % held.size()], held.back());
      index.erase(key_of[held.back()], held.back());
      gone.push_back(held.back());
      held.pop_back();
    }
  }
  auto finds = [&](std::uint32_t entry) {
    return index.find(key_of[entry], [entry](std::uint32_t each) { return each == entry; }) == entry;
  };
  CHECK(std::all_of(held.begin(), held.end(), finds));
  CHECK(std::none_of(gone.begin(), gone.end(), finds));
  index.clear();
  pool.clear();
  CHECK(std::none_of(held.begin(), held.end(), finds));
}

TEST_CASE("key index: with room for all made before, everything is found, and after more than that, too", "[cache]") {
  std::mt19937_64 random(20261129);
  page_pool pool;
  key_index index(pool);
  index.reserve(20'000);
  std::vector<std::uint64_t> keys(60'000);
  for (std::uint32_t i = 0; i < keys.size(); ++i) index.insert(keys[i] = random(), i);
  for (std::uint32_t i = 0; i < keys.size(); ++i)
    if (index.find(keys[i], [i](std::uint32_t each) { return each == i; }) != i) FAIL("entry " << i << " is lost");
  CHECK(index.find(random(), [](std::uint32_t) { return true; }) == no_number);
}

TEST_CASE("key index: ten thousand entries that no splitting separates are held all the same", "[cache]") {
  page_pool pool;
  key_index index(pool);
  auto finds = [&](std::uint32_t entry) {
    return index.find(7ull << 40 | entry, [entry](std::uint32_t each) { return each == entry; }) == entry;
  };
  for (std::uint32_t i = 0; i < 10'000; ++i) index.insert(7ull << 40 | i, i);
  for (std::uint32_t i = 0; i < 10'000; i += 100) CHECK(finds(i));
  for (std::uint32_t i = 0; i < 10'000; ++i) index.erase(7ull << 40 | i, i);
  for (std::uint32_t i = 0; i < 10'000; i += 100) CHECK_FALSE(finds(i));
}

TEST_CASE("key index: only entries that are held are asked about, whatever their tags", "[cache]") {
  page_pool pool;
  key_index index(pool);
  std::set<std::uint32_t> held;
  // Tags of 0, such as free places have, and small ones, which share a line.
  const auto key_of = [](std::uint32_t entry) { return std::uint64_t{entry % 50} << 32 | entry; };
  const auto look_everywhere = [&] {
    for (std::uint64_t tag = 0; tag < 60; ++tag) {
      std::size_t asked = 0;
      const auto found = index.find(tag << 32, [&](std::uint32_t each) {
        if (held.count(each) == 0) FAIL("entry " << each << " is asked about with tag " << tag);
        ++asked;
        return false;
      });
      CHECK(found == no_number);
      CHECK(asked == static_cast<std::size_t>(
                         std::count_if(held.begin(), held.end(), [&](auto e) { return key_of(e) >> 32 == tag; })));
      CHECK((index.likely(tag << 32) != no_number) == (asked != 0));
    }
  };
  look_everywhere();
  for (std::uint32_t i = 1; i < 400; ++i) index.insert(key_of(i), i), held.insert(i);
  look_everywhere();
  for (std::uint32_t i = 1; i < 400; i += 2) index.erase(key_of(i), i), held.erase(i);
  look_everywhere();
  for (std::uint32_t i = 2; i < 400; i += 2) index.erase(key_of(i), i), held.erase(i);
  look_everywhere();
}

TEST_CASE("index line: looked at all at once it shows what a look at each slot shows", "[cache]") {
  const unsigned seed = 20261129;
  INFO("seed " << seed);
  std::mt19937 random(seed);
  alignas(index_line::bytes) std::array<index_slot, index_line::slots> line;
  for (int round = 0; round < 10'000; ++round) {
    for (auto& slot : line) {
      slot.tag = static_cast<std::uint32_t>(random() % 3);
      slot.number = static_cast<std::uint32_t>(random() % 3 == 0 ? 0 : random() | 1);
    }
    for (std::uint32_t tag = 0; tag < 3; ++tag)
      if (index_line::look(line.data(), tag) != index_line::look_at_each(line.data(), tag)) FAIL("round " << round);
  }
}

TEST_CASE("lane log: what stands is visited in order and what was left is swept out", "[cache]") {
  const unsigned seed = 20261129;
  INFO("seed " << seed);
  std::mt19937 random(seed);
  lane_log log;
  std::map<log_position_number, std::uint32_t> standing;
  auto stands = [&](const lane_log::standing& at) { return standing.count(at.position) != 0; };
  log_position_number position = 0;
  for (std::uint32_t i = 0; i < 50'000; ++i) {
    // Other lanes have positions, too, and sometimes four thousand million of them.
    position += 1 + random() % 3 + (i == 25'000 ? 1ull << 33 : 0);
    standing.emplace(position, i);
    log.push(position, i, stands);
    if (standing.size() > 2000 || random() % 2 == 0) {
      auto at = standing.lower_bound(random() % position);
      if (at == standing.end()) at = standing.begin();
      const auto left = at->first;
      standing.erase(at);
      log.leave(left, stands);
    }
  }
  CHECK(log.last() == position);
  CHECK(log.size() <= 2 * standing.size() + 1024);
  for (const log_position_number after : {log_position_number{0}, position / 2, position - 10, position}) {
    auto expected = standing.upper_bound(after);
    const bool all = log.visit_after(after, [&](const lane_log::standing& at) {
      if (!stands(at)) return true;
      REQUIRE(expected != standing.end());
      CHECK((at.position == expected->first && at.entry == expected->second));
      ++expected;
      return true;
    });
    CHECK(all);
    CHECK(expected == standing.end());
  }
  int visited = 0;
  CHECK_FALSE(log.visit_after(0, [&](const auto&) { return ++visited < 3; }));
  CHECK(visited == 3);
}

TEST_CASE("arrivals: records of one slab with the same facts share a number, and the last one lets the slab go",
          "[cache]") {
  arrivals all;
  const auto records = make_slab({make_pattern("a"), make_pattern("b")});
  const std::weak_ptr<const slab> watched = records;
  const auto first = all.hold(records, 7, {}, 100);
  CHECK(all.hold(records, 7, {}, 100) == first);
  const auto later = all.hold(records, 7, {}, 200);
  CHECK(later != first);
  const auto named = all.hold(records, 7, sharing::only_to({"x"}), 200);
  CHECK(all[named].access.allows("x"));
  CHECK_FALSE(all[named].access.allows("y"));
  CHECK(all.audience_bytes() > 0);
  CHECK(all.slabs() == 1);
  CHECK(all.held_of_slab(later) == 4);
  all.let_go(named);
  CHECK(all.audience_bytes() == 0);
  all.let_go(later);
  all.let_go(first);
  CHECK(all[first].records == records);
  all.let_go(first);
  CHECK(all.slabs() == 0);
  CHECK(watched.use_count() == 1);
}
