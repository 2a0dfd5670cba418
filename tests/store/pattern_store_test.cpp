#include <filesystem>
#include <fstream>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include "support.hpp"

namespace quicsync {
namespace {

using namespace test;
using Catch::Matchers::ContainsSubstring;

std::vector<sample_record> records(std::uint64_t first, std::size_t count, std::uint64_t version = 1) {
  std::vector<sample_record> all;
  for (std::size_t i = 0; i < count; ++i) all.push_back({first + i, version});
  return all;
}

}  // namespace

TEST_CASE("pattern store: what was written is there again, with all that stood beside it", "[store]") {
  store_place place;
  std::vector<stored_set> sets;
  sets.push_back(make_set(1, records(1, 100)));
  sets.push_back(make_set(101, records(101, 256), "beta"));
  sets.back().access = sharing::only_to({"gamma", "delta"});
  sets.push_back(make_set(400, records(900, 3, 2), "gamma"));
  sets.back().places[1].on = lane::high;
  const auto expected = contents_of(sets);
  std::uint64_t incarnation = 0;
  {
    auto store = must_open(place.options());
    incarnation = store->incarnation();
    CHECK(store->durable_position() == 0);
    must(store->write(sets));
    CHECK(store->durable_position() == 402);
    CHECK(contents_of(*store) == expected);
  }
  auto store = must_open(place.options());
  CHECK(store->incarnation() == incarnation);
  CHECK(store->durable_position() == 402);
  CHECK_FALSE(store->state().lost);
  CHECK(store->state().live == 359);
  CHECK(contents_of(*store) == expected);
}

TEST_CASE("pattern store: a record of the largest size and records of many lengths come back", "[store]") {
  store_place place;
  std::vector<stored_set> sets;
  log_position_number position = 1;
  for (const std::size_t bytes :
       {std::size_t{0}, std::size_t{60'000}, std::size_t{70'000}, std::size_t{15} << 20, std::size_t{3}}) {
    sets.push_back(make_set(position, {{position, 1, bytes}}));
    ++position;
  }
  {
    auto store = must_open(place.options());
    must(store->write(sets));
  }
  auto store = must_open(place.options());
  CHECK(contents_of(*store) == contents_of(sets));
}

TEST_CASE("pattern store: what is superseded does not come back, in one commit or later", "[store]") {
  store_place place;
  std::vector<stored_set> sets;
  sets.push_back(make_set(1, records(1, 200)));
  sets.push_back(make_set(201, records(1, 50, 2)));
  for (log_position_number p = 1; p <= 50; ++p) sets.back().superseded.push_back(p);
  auto later = make_set(251, records(100, 100, 3));
  for (log_position_number p = 100; p < 200; ++p) later.superseded.push_back(p);
  {
    auto store = must_open(place.options());
    must(store->write(sets));
    CHECK(store->state().dead == 0);
    must(store->write({&later, 1}));
    CHECK(store->state().dead == 100);
  }
  sets.push_back(later);
  auto store = must_open(place.options());
  CHECK(contents_of(*store) == contents_of(sets));
  CHECK(store->state().live == 200);
}

TEST_CASE("pattern store: records are read by position, superseded ones left out", "[store]") {
  store_place place;
  auto store = must_open(place.options());
  std::vector<stored_set> sets{make_set(1, records(1, 256)), make_set(257, records(257, 256), "beta")};
  must(store->write(sets));
  stored_set gone;
  gone.superseded = {300};
  must(store->write({&gone, 1}));
  const log_position_number wanted[] = {1, 2, 255, 256, 257, 300, 512, 9999};
  auto got = store->read(wanted);
  REQUIRE(got);
  CHECK(got->damaged.empty());
  auto expected = contents_of(sets);
  std::erase_if(expected,
                [](const auto& e) { return !(e.first <= 2 || (e.first >= 255 && e.first <= 257) || e.first == 512); });
  CHECK(contents_of(got->sets) == expected);
}

TEST_CASE("pattern store: positions ascend, or nothing is written", "[store]") {
  store_place place;
  auto store = must_open(place.options());
  const std::vector<stored_set> sets{make_set(5, records(1, 2))};
  must(store->write(sets));
  auto again = store->write(sets);
  REQUIRE_FALSE(again);
  CHECK(again.error().code == errc::internal);
  CHECK_FALSE(store->state().failed);
  CHECK(store->durable_position() == 6);
}

TEST_CASE("pattern store: notes are kept under their names, and forgotten with the records", "[store]") {
  store_place place;
  {
    auto store = must_open(place.options());
    must(store->write({}, {{"beta", {1, 2}}, {"gamma", {3}}}, 7));
    must(store->write({}, {{"beta", {9}}}));
    CHECK(store->durable_position() == 7);
  }
  auto store = must_open(place.options());
  CHECK(store->noted() == pattern_store::notes{{"beta", {9}}, {"gamma", {3}}});
  CHECK(store->durable_position() == 7);
  must(store->clear());
  CHECK(store->noted().empty());
  store.reset();
  CHECK(must_open(place.options())->noted().empty());
}

TEST_CASE("pattern store: clear() forgets at once, and compact() gives the room back", "[store]") {
  store_place place;
  auto store = must_open(place.options());
  for (log_position_number p = 1; p < 20'000; p += 200) must(store->write(std::vector{make_set(p, records(p, 200))}));
  const auto bytes = store->state().bytes;
  must(store->clear());
  CHECK(contents_of(*store).empty());
  const std::vector later{make_set(20'001, records(1, 10, 5))};
  must(store->write(later));
  store.reset();
  store = must_open(place.options());
  CHECK(contents_of(*store) == contents_of(later));
  while (store->compact(std::chrono::milliseconds(1)).value()) {
  }
  CHECK(store->checkpoint(true).value());
  CHECK(store->state().bytes < bytes / 4);
  CHECK(contents_of(*store) == contents_of(later));
}

TEST_CASE("pattern store: compaction keeps what lives, in the same order, in less room", "[store]") {
  store_place place;
  auto store = must_open(place.options());
  std::vector<stored_set> sets;
  log_position_number position = 1;
  std::map<std::uint64_t, log_position_number> at;
  // Single commits of few records, most of which are replaced later.
  for (std::uint64_t round = 1; round <= 40; ++round) {
    for (std::uint64_t n = 0; n < 50; n += 5) {
      auto set = make_set(position, records(n, 5, round), n % 10 == 0 ? "beta" : "");
      for (std::uint64_t i = n; i < n + 5; ++i) {
        if (at.count(i) != 0) set.superseded.push_back(at[i]);
        at[i] = position++;
      }
      must(store->write({&set, 1}));
      sets.push_back(std::move(set));
    }
    while (round % 3 == 0 && store->compact(std::chrono::microseconds(1)).value()) {
    }
  }
  while (store->compact(std::chrono::milliseconds(5)).value()) {
  }
  CHECK(store->state().rows < 30);
  CHECK(store->state().live == 50);
  CHECK(contents_of(*store) == contents_of(sets));
  store.reset();
  store = must_open(place.options());
  CHECK(contents_of(*store) == contents_of(sets));
  CHECK(store->state().live == 50);
}

TEST_CASE("pattern store: a second one is kept out, and told by whom", "[store]") {
  store_place place;
  auto store = must_open(place.options());
  auto second = pattern_store::open(place.options());
  REQUIRE_FALSE(second);
  CHECK(second.error().code == errc::store_locked);
  CHECK_THAT(second.error().context, ContainsSubstring(std::to_string(::getpid())));
  store.reset();
  must_open(place.options());
}

TEST_CASE("pattern store: its files are for their owner only", "[store]") {
  store_place place;
  auto options = place.options();
  options.path = place.path("deep/er/a.db");
  auto store = must_open(options);
  must(store->write(std::vector{make_set(1, records(1, 10))}));
  namespace fs = std::filesystem;
  std::size_t files = 0;
  for (const auto& entry : fs::directory_iterator(place.path("deep/er"))) {
    CHECK((fs::status(entry).permissions() & fs::perms::mask) == (fs::perms::owner_read | fs::perms::owner_write));
    ++files;
  }
  CHECK(files == 4);
  CHECK((fs::status(place.path("deep/er")).permissions() & fs::perms::mask) == fs::perms::owner_all);
}

TEST_CASE("pattern store: over its size limit it refuses, says so, and goes on when there is room", "[store]") {
  store_place place;
  auto options = place.options();
  options.size_max = 400'000;
  auto store = must_open(options);
  log_position_number position = 1;
  result<void> done;
  while ((done = store->write(std::vector{make_set(position, records(position, 200))}))) position += 200;
  CHECK(done.error().code == errc::store_full);
  CHECK_THAT(done.error().context, ContainsSubstring("400000"));
  CHECK_FALSE(store->state().failed);
  CHECK(store->state().bytes <= 400'000);
  CHECK(position > 1000);
  must(store->clear());
  while (store->compact(std::chrono::milliseconds(10)).value()) {
  }
  must(store->checkpoint(true) ? result<void>() : fail(errc::internal, "checkpoint"));
  must(store->write(std::vector{make_set(position, records(position, 200))}));
}

TEST_CASE("pattern store: at its size limit all that is dead goes before it refuses", "[store]") {
  store_place place;
  auto options = place.options();
  options.size_max = 400'000;
  auto store = must_open(options);
  log_position_number position = 1;
  for (int round = 0; round < 100; ++round, position += 200) {
    auto set = make_set(position, records(1, 200));
    for (log_position_number before = position - 200; position > 1 && before < position; ++before)
      set.superseded.push_back(before);
    must(store->write(std::vector{set}));
    CHECK(store->state().bytes <= 400'000);
  }
  CHECK(contents_of(*store).size() == 200);
}

TEST_CASE("pattern store: one that is not there is not made where none is wanted", "[store]") {
  store_place place;
  auto options = place.options();
  options.create = false;
  auto opened = pattern_store::open(options);
  REQUIRE_FALSE(opened);
  CHECK(opened.error().code == errc::no_file);
}

TEST_CASE("pattern store: a store that is shorter than its witness says what it lost, and is another log", "[store]") {
  store_place place;
  std::uint64_t incarnation = 0;
  {
    auto store = must_open(place.options());
    must(store->write(std::vector{make_set(1, records(1, 100))}, {{"beta", {1}}}));
    must(store->checkpoint(true) ? result<void>() : fail(errc::internal, "checkpoint"));
    incarnation = store->incarnation();
    store.reset();
    std::filesystem::copy(place.path(), place.path("old"));
    store = must_open(place.options());
    must(store->write(std::vector{make_set(101, records(101, 100))}));
    must(store->witness(true));
  }
  std::filesystem::rename(place.path("old"), place.path());
  std::filesystem::remove(place.path("a.db-wal"));
  auto store = must_open(place.options());
  REQUIRE(store->state().lost);
  CHECK(store->state().lost->code == errc::store_lost);
  CHECK_THAT(store->state().lost->context, ContainsSubstring("position 100") && ContainsSubstring("200"));
  CHECK(store->incarnation() != incarnation);
  CHECK(store->noted().empty());
  CHECK(contents_of(*store).size() == 100);
  store.reset();
  // A process that ends at once may not have said it.
  store = must_open(place.options());
  CHECK(store->state().lost);
  must(store->witness(true));
  store.reset();
  CHECK_FALSE(must_open(place.options())->state().lost);  // it was said, and has a new name since
}

TEST_CASE("pattern store: an empty store where there was a full one is a loss", "[store]") {
  store_place place;
  {
    auto store = must_open(place.options());
    must(store->write(std::vector{make_set(1, records(1, 100))}));
    must(store->witness(true));
  }
  std::filesystem::remove(place.path());
  std::filesystem::remove(place.path("a.db-wal"));
  CHECK(must_open(place.options())->state().lost);
}

}  // namespace quicsync
