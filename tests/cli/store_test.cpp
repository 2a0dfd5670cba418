// `quicsync store`: what is on disk, without a node.
#include <filesystem>
#include <fstream>
#include <sstream>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <sys/stat.h>

#include "workplace.hpp"

namespace quicsync::test {
namespace {

using Catch::Matchers::ContainsSubstring;

std::string make_key(const workplace& place, const std::string& name, char fill) {
  const auto path = place.write(name, std::string(32, fill));
  REQUIRE(::chmod(path.c_str(), 0600) == 0);
  return path;
}

std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> all;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) all.push_back(line);
  return all;
}

}  // namespace

TEST_CASE("store: what is imported is exported, byte for byte, and check counts it", "[cli]") {
  workplace place(false);
  const auto samples = make_samples(600);
  const auto store = place.path("a.db");
  auto imported = run({"store", "import", store, place.write("in.jsonl", lines_of(samples))});
  INFO(imported.errors);
  REQUIRE(imported.code == 0);
  CHECK(number_in(imported.output, "imported") == 600);
  require_same(lines(run({"store", "export", store}).output), samples);

  // Once more changes nothing.
  imported = run({"store", "import", store}, lines_of(samples));
  CHECK(number_in(imported.output, "imported") == 0);
  CHECK(number_in(imported.output, "known") == 600);
  const auto checked = run({"store", "check", store});
  CHECK(checked.code == 0);
  CHECK(number_in(checked.output, "patterns") == 600);
  CHECK(number_in(checked.output, "damagedRows") == 0);
}

TEST_CASE("store: a line that is no pattern is named, the others are taken, and it did not succeed", "[cli]") {
  workplace place(false);
  const auto samples = make_samples(3);
  const auto done = run({"store", "import", place.path("a.db")}, lines_of(samples) + "{\"id\":7}\n");
  CHECK(done.code == 1);
  CHECK_THAT(done.errors, ContainsSubstring("stdin:4:"));
  CHECK(number_in(done.output, "imported") == 3);
  CHECK(number_in(done.output, "refused") == 1);
}

TEST_CASE("store: a backup is one file with all that was there", "[cli]") {
  workplace place(false);
  const auto samples = make_samples(300);
  const auto store = place.path("a.db"), copy = place.path("b.db");
  REQUIRE(run({"store", "import", store}, lines_of(samples)).code == 0);
  const auto done = run({"store", "backup", store, copy});
  INFO(done.errors);
  REQUIRE(done.code == 0);
  CHECK_FALSE(std::filesystem::exists(copy + "-wal"));
  CHECK_FALSE(std::filesystem::exists(copy + "-witness"));
  require_same(lines(run({"store", "export", store}).output), samples);
  CHECK(run({"store", "check", copy}).code == 0);
  const auto again = run({"store", "backup", store, copy});
  CHECK(again.code == 2);
  CHECK_THAT(again.errors, ContainsSubstring("is there already"));
}

TEST_CASE("store: with a key only that key opens it, a wrong one is misuse, and it can be changed", "[cli]") {
  workplace place(false);
  const auto samples = make_samples(50);
  const auto store = place.path("a.db");
  const auto key = make_key(place, "key", 'a'), other = make_key(place, "other", 'b');
  REQUIRE(run({"store", "import", store, "--store-key", key}, lines_of(samples)).code == 0);
  for (const auto& wrong : {std::vector<std::string>{"--store-key", other}, std::vector<std::string>{}}) {
    std::vector<std::string> arguments{"store", "check", store};
    arguments.insert(arguments.end(), wrong.begin(), wrong.end());
    const auto refused = run(arguments);
    CHECK(refused.code == 2);
    CHECK_THAT(refused.errors, ContainsSubstring("quicsync: error:") && ContainsSubstring(store));
    CHECK(refused.output.empty());
  }
  REQUIRE(run({"store", "rekey", store, "--store-key", key, "--new-key", other}).code == 0);
  CHECK(run({"store", "check", store, "--store-key", key}).code == 2);
  require_same(lines(run({"store", "export", store, "--store-key", other}).output), samples);
}

TEST_CASE("store: what is damaged is said, and the rest is exported", "[cli]") {
  workplace place(false);
  const auto store = place.path("a.db");
  for (std::uint64_t seed = 1; seed <= 4; ++seed)
    REQUIRE(run({"store", "import", store}, lines_of(make_samples(300, seed))).code == 0);
  const auto whole = lines(run({"store", "export", store}).output).size();
  REQUIRE(run({"store", "check", store}).code == 0);
  {
    // Opening it has moved the log into the file.
    REQUIRE(run({"store", "import", store}, "").code == 0);
    std::fstream file(store, std::ios::in | std::ios::out | std::ios::binary);
    const auto bytes = std::filesystem::file_size(store);
    for (std::uintmax_t at = bytes / 2; at + 4096 <= bytes; at += 4096) {
      file.seekp(static_cast<std::streamoff>(at));
      file << std::string(64, 'U');
    }
  }
  const auto checked = run({"store", "check", store});
  CHECK(checked.code == 1);
  CHECK_THAT(checked.errors, ContainsSubstring(store));
  const auto exported = run({"store", "export", store});
  CHECK(exported.code == 1);
  CHECK(lines(exported.output).size() < whole);
}

TEST_CASE("store: a store that is not there is said, with exit code 2", "[cli]") {
  workplace place(false);
  for (const auto* what : {"check", "export"}) {
    const auto done = run({"store", what, place.path("none.db")});
    CHECK(done.code == 2);
    CHECK_THAT(done.errors, ContainsSubstring("none.db"));
  }
}

}  // namespace quicsync::test
