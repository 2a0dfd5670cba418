#include <algorithm>

#include <catch2/catch_test_macros.hpp>

#include <quicsync/codec/digest.hpp>
#include <quicsync/codec/limits.hpp>
#include <quicsync/codec/sketch.hpp>

#include "tests/codec/samples.hpp"

using namespace quicsync;
using namespace quicsync::samples;

namespace {

constexpr std::uint64_t key = 0x1234567890abcdef;

void build_all(sketch_source& source, std::size_t symbols) {
  while (!source.build(symbols, 1024)) continue;
}

struct outcome {
  std::size_t symbols = 0;
  std::vector<sketch_item> theirs, ours;
};

/// Sends symbols in steps until the differences are found.
outcome reconcile(sketch_source& theirs, sketch_source& ours, std::size_t step) {
  sketch_decoder decoder(key);
  while (!decoder.complete()) {
    const auto from = decoder.size();
    const auto to = from + std::max<std::size_t>(step, from / 64);
    REQUIRE(to < limits::sketch_symbols);
    build_all(theirs, to);
    build_all(ours, to);
    byte_buffer wire;
    append_symbols(wire, theirs.symbols().subspan(from, to - from), from, theirs.size());
    const auto sent = take_symbols(wire, from, theirs.size());
    REQUIRE(sent);
    REQUIRE(decoder.add(*sent, ours.symbols().subspan(from, to - from)));
  }
  outcome found{decoder.size(), decoder.theirs(), decoder.ours()};
  std::sort(found.theirs.begin(), found.theirs.end());
  std::sort(found.ours.begin(), found.ours.end());
  return found;
}

}  // namespace

TEST_CASE("sketch: exactly the differences are found", "[codec][sketch]") {
  INFO("QUICSYNC_TEST_SEED=" << seed());
  std::mt19937_64 random(seed());
  for (const std::size_t differences : {0u, 1u, 2u, 10u, 100u, 1000u, 5000u}) {
    sketch_source theirs(key), ours(key);
    std::vector<sketch_item> only_theirs, only_ours;
    for (int i = 0; i < 20000; ++i) {
      const content_hash hash{random(), random()};
      theirs.add(hash);
      ours.add(hash);
    }
    for (std::size_t i = 0; i < differences; ++i) {
      const content_hash hash{random(), random()};
      const bool there = random() % 3 == 0;
      (there ? theirs : ours).add(hash);
      (there ? only_theirs : only_ours).push_back(sketch_item_of(hash, key));
    }
    std::sort(only_theirs.begin(), only_theirs.end());
    std::sort(only_ours.begin(), only_ours.end());
    const auto found = reconcile(theirs, ours, 1);
    CHECK(found.theirs == only_theirs);
    CHECK(found.ours == only_ours);
    if (differences >= 100) CHECK(static_cast<double>(found.symbols) <= 1.8 * static_cast<double>(differences));
  }
}

TEST_CASE("sketch: the mean of twenty runs is at most one and a half symbols a difference", "[codec][sketch]") {
  INFO("QUICSYNC_TEST_SEED=" << seed());
  std::mt19937_64 random(seed());
  for (const std::size_t differences : {100u, 1000u}) {
    std::size_t symbols = 0;
    for (int run = 0; run < 20; ++run) {
      sketch_source theirs(key), ours(key);
      for (std::size_t i = 0; i < differences; ++i) (i % 2 == 0 ? theirs : ours).add({random(), random()});
      symbols += reconcile(theirs, ours, 1).symbols;
    }
    CHECK(static_cast<double>(symbols) / 20 <= 1.5 * static_cast<double>(differences));
  }
}

TEST_CASE("sketch: built at once or in slices and steps, the symbols are the same", "[codec][sketch]") {
  std::mt19937_64 random(seed());
  sketch_source whole(key), sliced(key);
  for (int i = 0; i < 5000; ++i) {
    const content_hash hash{random(), random()};
    whole.add(hash);
    sliced.add(hash);
  }
  REQUIRE(whole.build(300, 1'000'000));
  for (std::size_t symbols = 7; symbols < 300; symbols += 31) {
    while (!sliced.build(symbols, 100)) continue;
  }
  build_all(sliced, 300);
  const auto first = whole.symbols().first(300), second = sliced.symbols().first(300);
  CHECK(std::equal(first.begin(), first.end(), second.begin()));
}

TEST_CASE("sketch: symbols that are none are an error or find nothing wrong, and always end", "[codec][sketch]") {
  std::mt19937_64 random(seed());
  for (int run = 0; run < 200; ++run) {
    byte_buffer noise(1 + random() % 500);
    for (auto& byte : noise) byte = static_cast<std::uint8_t>(random());
    const auto symbols = take_symbols(noise, 0, random());
    if (!symbols) continue;
    const std::vector<sketch_symbol> nothing(symbols->size());
    sketch_decoder decoder(key);
    (void)decoder.add(*symbols, nothing);
    CHECK(decoder.theirs().size() + decoder.ours().size() <= symbols->size());
  }
  CHECK_FALSE(take_symbols(byte_buffer(12), 0, 0));
  CHECK_FALSE(take_symbols(byte_buffer(13), limits::sketch_symbols + 1, 0));
}

TEST_CASE("digest: parts add up to the whole, and what is removed is gone", "[codec][digest]") {
  std::mt19937_64 random(seed());
  digest whole, left, right;
  std::vector<content_hash> hashes;
  for (int i = 0; i < 1000; ++i) {
    hashes.push_back({random(), random()});
    whole.add(hashes.back());
    (i % 3 == 0 ? left : right).add(hashes.back());
  }
  auto sum = right;
  sum += left;
  CHECK(sum == whole);
  CHECK(whole.count() == 1000);
  std::shuffle(hashes.begin(), hashes.end(), random);
  for (const auto& hash : hashes) {
    const auto before = whole;
    whole.remove(hash);
    CHECK(whole != before);
  }
  CHECK(whole == digest());
}

TEST_CASE("sketch: the counts alone tell about how many differences there are", "[codec][sketch]") {
  INFO("QUICSYNC_TEST_SEED=" << seed());
  std::mt19937_64 random(seed());
  for (const std::size_t differences : {1000u, 20000u}) {
    sketch_source theirs(key), ours(key);
    for (int i = 0; i < 30000; ++i) {
      const content_hash hash{random(), random()};
      theirs.add(hash);
      ours.add(hash);
    }
    for (std::size_t i = 0; i < differences; ++i) (i % 3 == 0 ? theirs : ours).add({random(), random()});
    build_all(theirs, 256);
    build_all(ours, 256);
    sketch_decoder decoder(key);
    REQUIRE(decoder.add(theirs.symbols().first(256), ours.symbols().first(256)));
    CHECK_FALSE(decoder.complete());
    CHECK(decoder.estimate() > 0.6 * static_cast<double>(differences));
    CHECK(decoder.estimate() < 1.6 * static_cast<double>(differences));
  }
}
