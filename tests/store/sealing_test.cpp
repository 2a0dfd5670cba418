// A store with a key: what stands in its files, which key opens it, and how the key changes.
#include <filesystem>
#include <fstream>
#include <sstream>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <sys/stat.h>

#include "support.hpp"

namespace quicsync {
namespace {

using namespace test;
using Catch::Matchers::ContainsSubstring;

/// All bytes of all files of the place.
std::string all_bytes(const store_place& place) {
  std::string all;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(std::filesystem::path(place.path()).parent_path())) {
    std::ifstream in(entry.path(), std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    all += text.str();
  }
  return all;
}

std::vector<stored_set> sample_sets() {
  std::vector<stored_set> sets;
  for (log_position_number p = 1; p < 400; p += 20) {
    std::vector<sample_record> records;
    for (std::uint64_t n = p; n < p + 20; ++n) records.push_back({n, 1, 200});
    sets.push_back(make_set(p, records, "source-of-records"));
    sets.back().access = sharing::only_to({"one-of-the-audience"});
  }
  return sets;
}

constexpr const char* secrets[] = {"pattern-0000",        "agent-of-tests", "secret-type",
                                   "secret-tag",          "secret text",    "source-of-records",
                                   "one-of-the-audience", "name-of-note",   "bbbbbbbb"};

void fill(pattern_store& store) {
  const auto sets = sample_sets();
  must(store.write(sets, {{"name-of-note", {1, 2, 3}}}));
  stored_set gone;
  gone.superseded = {3, 5, 7, 9, 11, 13, 15, 17, 19, 1, 2, 4, 6, 8};
  must(store.write({&gone, 1}));
}

result<std::unique_ptr<pattern_store>> open_with(const store_place& place, std::string key_file) {
  auto options = place.options();
  options.key_file = std::move(key_file);
  return pattern_store::open(options);
}

}  // namespace

TEST_CASE("store sealing: without a key the files show what is in them, so the search below finds what is there",
          "[store]") {
  store_place place;
  auto store = must_open(place.options());
  fill(*store);
  const auto bytes = all_bytes(place);
  // What lz4 does not take apart.
  for (const auto* secret :
       {"agent-of-tests", "secret-type", "source-of-records", "one-of-the-audience", "name-of-note"}) {
    INFO(secret);
    CHECK(bytes.find(secret) != std::string::npos);
  }
}

TEST_CASE("store sealing: with a key no id, type, tag, text, name or audience stands in any file", "[store]") {
  store_place place;
  const auto key = place.key_file("key", 'k');
  const auto sets = sample_sets();
  {
    auto store = open_with(place, key);
    REQUIRE(store);
    fill(**store);
    const auto check = [&](const char* when) {
      const auto bytes = all_bytes(place);
      for (const auto* secret : secrets) {
        INFO(secret << " " << when);
        CHECK(bytes.find(secret) == std::string::npos);
      }
    };
    check("in the log");
    REQUIRE((*store)->checkpoint(true));
    check("in the file");
    while ((*store)->compact(std::chrono::milliseconds(5)).value()) {
    }
    check("after compaction");
  }
  auto again = open_with(place, key);
  REQUIRE(again);
  CHECK_FALSE((*again)->state().lost);
  CHECK((*again)->noted().count("name-of-note") == 1);
  CHECK(contents_of(**again).size() == 400 - 14);
}

TEST_CASE("store sealing: a wrong key, no key, and a key for a store without one are refused and change nothing",
          "[store]") {
  store_place place;
  const auto key = place.key_file("key", 'k'), other = place.key_file("other", 'o');
  {
    auto store = open_with(place, key);
    REQUIRE(store);
    fill(**store);
  }
  for (const auto& wrong : {other, std::string()}) {
    auto opened = open_with(place, wrong);
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code == errc::store_key);
    CHECK_THAT(opened.error().context, ContainsSubstring(place.path()));
  }
  auto right = open_with(place, key);
  REQUIRE(right);
  CHECK(contents_of(**right).size() == 400 - 14);

  store_place plain;
  must_open(plain.options());
  auto opened = open_with(plain, key);
  REQUIRE_FALSE(opened);
  CHECK(opened.error().code == errc::store_key);
}

TEST_CASE("store sealing: a key file that others may read, or of another length, is refused", "[store]") {
  store_place place;
  const auto key = place.key_file("key", 'k');
  REQUIRE(::chmod(key.c_str(), 0640) == 0);
  auto exposed = open_with(place, key);
  REQUIRE_FALSE(exposed);
  CHECK(exposed.error().code == errc::store_key);
  CHECK_THAT(exposed.error().context, ContainsSubstring("chmod 600"));
  REQUIRE(::chmod(key.c_str(), 0600) == 0);
  std::ofstream(key, std::ios::app) << "x";
  auto longer = open_with(place, key);
  REQUIRE_FALSE(longer);
  CHECK_THAT(longer.error().context, ContainsSubstring("32 bytes"));
  auto missing = open_with(place, place.path("none"));
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == errc::store_key);
}

TEST_CASE("store sealing: the key changes without its records, and the old one opens nothing any more", "[store]") {
  store_place place;
  const auto key = place.key_file("key", 'k'), next = place.key_file("next", 'n');
  {
    auto store = open_with(place, key);
    REQUIRE(store);
    fill(**store);
    REQUIRE((*store)->checkpoint(true));
  }
  auto options = place.options();
  options.key_file = key;
  must(pattern_store::change_key(options, next));
  REQUIRE_FALSE(open_with(place, key));
  auto opened = open_with(place, next);
  REQUIRE(opened);
  CHECK_FALSE((*opened)->state().lost);
  CHECK(contents_of(**opened).size() == 400 - 14);
}

}  // namespace quicsync
