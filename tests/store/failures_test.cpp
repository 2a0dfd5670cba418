// The store on a disk that fails: power, single calls, room, bits.
#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <set>

#include <catch2/catch_test_macros.hpp>

#include "history.hpp"

namespace quicsync {
namespace {

using namespace test;

std::uint64_t chosen_seed() {
  const char* given = std::getenv("QUICSYNC_TEST_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : 1;
}

void lose_power(std::uint64_t points, std::uint64_t seed) {
  memory_disk disk;
  history work(disk, seed);
  std::mt19937_64 random(seed);
  std::uint64_t during_open = 0;
  for (std::uint64_t point = 0; point < points; ++point) {
    INFO("seed " << seed << ", point " << point);
    // Mostly while it works, now and then while it opens.
    if (point % 4 == 0) disk.power_off_at(1 + random() % 150);
    bool up = work.open();
    if (up && point % 4 != 0) disk.power_off_at(1 + random() % 200);
    if (!up) ++during_open;
    while (up && work.step()) {
      if (random() % 30 == 0) {
        work.close();
        up = work.open();
      }
    }
    REQUIRE(disk.is_off());
    work.close();
    disk.restart(random, random() % 2 == 0 ? 512 : 4096);
  }
  REQUIRE(work.open());
  std::cout << "power lost " << points << " times (" << during_open << " while it opened), seed " << seed << ": of "
            << work.acknowledged_records() << " records written " << work.acknowledged().size()
            << " live, 0 acknowledged ones lost\n";
}

}  // namespace

TEST_CASE("store failures: after a power loss all that was acknowledged is there", "[store]") {
  lose_power(200, chosen_seed());
}

TEST_CASE("store failures: after 2000 power losses all that was acknowledged is there", "[store][.slow]") {
  lose_power(2000, chosen_seed());
}

namespace {

constexpr int steps_of_a_run = 60;

/// Work until something fails, or for so long. True: something failed.
bool work_until_error(history& work) {
  if (!work.open()) return true;
  for (int i = 0; i < steps_of_a_run; ++i) {
    if (!work.step()) return true;
    if (i % 25 == 24) {
      work.close();
      if (!work.open()) return true;
    }
  }
  return false;
}

/// A store that failed says why, takes nothing more, and says nothing else.
void require_failed(history& work) {
  if (!work.is_open()) return;
  const auto state = work.store().state();
  const auto set = make_set(1'000'000, {{1, 1, 10}});
  const auto refused = work.store().write({&set, 1});
  if (!state.failed) return;  // a read, which failed by itself
  REQUIRE_FALSE(refused);
  REQUIRE(refused.error() == *state.failed);
}

}  // namespace

TEST_CASE("store failures: each single call that fails shows as an error, and nothing acknowledged is lost",
          "[store]") {
  const auto seed = chosen_seed();
  std::uint64_t calls = 0;
  {
    memory_disk disk;
    history work(disk, seed);
    REQUIRE_FALSE(work_until_error(work));
    calls = disk.calls();
  }
  std::uint64_t shown = 0, unnoticed = 0;
  for (std::uint64_t n = 1; n <= calls; ++n) {
    INFO("seed " << seed << ", call " << n << " of " << calls);
    memory_disk disk;
    history work(disk, seed);
    std::mt19937_64 random(n);
    disk.fail_call(n);
    const bool error_shown = work_until_error(work);
    REQUIRE(disk.has_failed());
    ++(error_shown ? shown : unnoticed);
    if (error_shown) {
      INFO(to_string(work.last_error));
      REQUIRE(work.last_error.code != errc::none);
      require_failed(work);
    }
    work.close();
    // In half of the cases the process alone ends, and the power later: what a failed sync left in memory only must not
    // be taken for written.
    disk.restart_process();
    if (n % 2 == 0) {
      REQUIRE(work.open());
      work.close();
    }
    disk.restart(random, n % 4 < 2 ? 512 : 4096);
    REQUIRE(work.open());
    for (int i = 0; i < 5; ++i) REQUIRE(work.step());
    work.close();
    REQUIRE(work.open());
  }
  std::cout << "of " << calls << " calls, each failed once: " << shown << " shown as an error, " << unnoticed
            << " harmless; 0 acknowledged records lost, seed " << seed << "\n";
}

TEST_CASE("store failures: a full disk is said, and nothing acknowledged is lost", "[store]") {
  const auto seed = chosen_seed();
  for (std::uint64_t capacity = 4096; capacity < 600'000; capacity += 7919) {
    INFO("seed " << seed << ", capacity " << capacity);
    memory_disk disk;
    history work(disk, seed);
    disk.set_capacity(capacity);
    if (!work_until_error(work)) break;
    CHECK(work.last_error.code == errc::store_full);
    require_failed(work);
    work.close();
    disk.set_capacity(0);
    std::mt19937_64 random(capacity);
    disk.restart(random, 512);
    REQUIRE(work.open());
    REQUIRE(work.step());
  }
}

TEST_CASE("store failures: a file that became read-only is said, and nothing acknowledged is lost", "[store]") {
  memory_disk disk;
  history work(disk, 3);
  REQUIRE(work.open());
  for (int i = 0; i < 20; ++i) REQUIRE(work.step());
  disk.make_read_only(true);
  int steps = 0;
  while (work.step()) REQUIRE(++steps < 100);
  CHECK(work.last_error.code == errc::store_failed);
  CHECK(work.store().state().failed);
  work.close();
  disk.make_read_only(false);
  REQUIRE(work.open());
}

namespace {

struct flip_totals {
  std::uint64_t harmless = 0, detected = 0, refused = 0;
};

void flip_bits(std::uint64_t flips, std::uint64_t seed, const std::string& key_file = {}) {
  memory_disk disk;
  history work(disk, seed, key_file);
  REQUIRE(work.open());
  for (int i = 0; i < 150; ++i) REQUIRE(work.step());
  REQUIRE(work.store().checkpoint(true));
  for (int i = 0; i < 40; ++i) {
    if (i % 2 == 0) work.pass(std::chrono::milliseconds(1));
    REQUIRE(work.step());
  }
  REQUIRE(work.store().witness(true));
  const auto expected = work.acknowledged();
  work.close();
  const auto whole = disk.take_image();
  std::mt19937_64 random(seed);
  flip_totals totals;
  for (std::uint64_t i = 0; i < flips; ++i) {
    disk.put_image(whole);
    const std::string name = i % 2 == 0 || whole.at("a.db-wal").empty() ? "a.db" : "a.db-wal";
    auto& bytes = *disk.contents(name);
    const auto bit = random() % (bytes.size() * 8);
    bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] ^ (1u << (bit % 8)));
    auto image = disk.take_image();
    disk.put_image(image);
    INFO("seed " << seed << ", flip " << i << ": bit " << bit << " of " << name);
    auto opened = pattern_store::open(work.options());
    if (!opened) {
      INFO(to_string(opened.error()));
      REQUIRE((opened.error().code == errc::store_corrupt || opened.error().code == errc::store_newer));
      ++totals.refused;
      continue;
    }
    const auto all = history::load(**opened);
    bool missing = false;
    for (const auto& [position, hash] : expected) {
      const auto at = all.find(position);
      if (at == all.end())
        missing = true;
      else
        REQUIRE(at->second == hash);
    }
    const auto state = (*opened)->state();
    for (const auto& [position, hash] : all) {
      // A record that was superseded may come back where that was what was lost, and is what it was.
      if (expected.count(position) == 0) REQUIRE((state.lost && work.written().at(position) == hash));
    }
    if (missing || (*opened)->durable_position() < work.store_position()) REQUIRE(state.lost);
    ++(state.lost ? totals.detected : totals.harmless);
    // What was set aside stays so, and the store goes on.
    const auto more = make_set(work.store_position() + 1, {{1, 1, 10}});
    REQUIRE((*opened)->write({&more, 1}));
  }
  std::cout << flips << " bits flipped: " << totals.harmless << " in nothing that lives, " << totals.detected
            << " detected, " << totals.refused << " so that it was not opened; 0 wrong records, seed " << seed << "\n";
}

}  // namespace

TEST_CASE("store failures: a flipped bit is detected where it touches what lives, and no wrong record comes out",
          "[store]") {
  flip_bits(1000, chosen_seed());
}

TEST_CASE("store failures: with a key, too, a flipped bit is detected where it touches what lives", "[store][.slow]") {
  store_place place;
  flip_bits(1000, chosen_seed(), place.key_file("key", 'k'));
}

namespace {

/// What opens of the disk's store, after it says that it lost something.
history::contents contents_after_loss(history& work) {
  auto opened = pattern_store::open(work.options());
  if (!opened) FAIL(to_string(opened.error()));
  REQUIRE((*opened)->state().lost);
  return history::load(**opened);
}

}  // namespace

TEST_CASE("store failures: of a file with a damaged page the rest is saved, whenever the power fails meanwhile",
          "[store]") {
  const auto seed = chosen_seed();
  memory_disk disk;
  history work(disk, seed);
  REQUIRE(work.open());
  for (int i = 0; i < 150; ++i) REQUIRE(work.step());
  REQUIRE(work.store().checkpoint(true));
  REQUIRE(work.store().witness(true));
  const auto expected = work.acknowledged();
  work.close();
  const auto whole = disk.take_image();

  // A page of the tree, so that SQLite cannot walk it.
  memory_disk::image broken;
  history::contents saved;
  for (std::size_t page = 6; saved.empty() && (page + 1) * 4096 <= whole.at("a.db").size(); ++page) {
    broken = whole;
    broken.at("a.db")[page * 4096] ^= 0x55;
    disk.put_image(broken);
    const auto opened = pattern_store::open(work.options());
    REQUIRE(opened);
    if (disk.contents("a.db-damaged") == nullptr) continue;
    saved = history::load(**opened);
  }
  REQUIRE_FALSE(saved.empty());
  for (const auto& [position, hash] : saved) REQUIRE(work.written().at(position) == hash);

  std::mt19937_64 random(seed);
  for (std::uint64_t n = 1;; ++n) {
    INFO("seed " << seed << ", power lost at call " << n);
    disk.put_image(broken);
    disk.power_off_at(n);
    const bool done = pattern_store::open(work.options()).has_value();
    if (done && !disk.is_off()) break;
    disk.restart(random, n % 2 == 0 ? 512 : 4096);
    if (done) continue;  // it was said by who ended then
    REQUIRE(contents_after_loss(work) == saved);
  }
}

}  // namespace quicsync
