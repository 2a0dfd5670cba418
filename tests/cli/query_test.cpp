#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "workplace.hpp"

using namespace quicsync::test;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;

TEST_CASE("list: prints what the node holds", "[cli][net]") {
  const workplace place;
  running_node node(place);
  process empty(command("list", node, place.identity("reader")));
  CHECK(empty.wait() == 0);
  CHECK(empty.output().empty());

  const auto samples = make_samples(5000);
  REQUIRE(run(command("share", node, place.identity("writer"), {place.write("patterns", lines_of(samples))})).code ==
          0);
  process all(command("list", node, place.identity("reader")));
  CHECK(all.wait() == 0);
  CHECK(all.errors().empty());
  require_same(all.output_lines(), samples);
}

TEST_CASE("list: with a filter only what matches", "[cli][net]") {
  const workplace place;
  running_node node(place);
  const auto samples = make_samples(1000);
  REQUIRE(run(command("share", node, place.identity("writer")), lines_of(samples)).code == 0);
  std::vector<sample> expected;
  for (const auto& s : samples)
    if (s.line.find(R"("type":"coverage_gap")") != std::string::npos) expected.push_back(s);
  REQUIRE_FALSE(expected.empty());
  process some(command("list", node, place.identity("reader"), {"--filter", "type=coverage_gap"}));
  CHECK(some.wait() == 0);
  require_same(some.output_lines(), expected);
}

TEST_CASE("list: of several versions the newest", "[cli][net]") {
  const workplace place;
  running_node node(place);
  auto version = [](int n) {
    return R"({"id":"p","agentId":"a","type":"t","data":)" + std::to_string(n) +
           R"(,"metadata":{"source":"a","tags":[]},"timestamp":1,"version":)" + std::to_string(n) + "}\n";
  };
  REQUIRE(run(command("share", node, place.identity("writer")), version(2) + version(3) + version(1)).code == 0);
  const auto held = run(command("list", node, place.identity("reader")));
  CHECK(held.output == version(3));
}

TEST_CASE("list: a reader that has gone ends it quietly", "[cli][net]") {
  const workplace place;
  running_node node(place);
  REQUIRE(run(command("share", node, place.identity("writer")), lines_of(make_samples(2000))).code == 0);
  process list(command("list", node, place.identity("reader")));
  list.close_output();
  CHECK(list.wait() == 0);
  CHECK(list.errors().empty());
}

TEST_CASE("get: one pattern by its id", "[cli][net]") {
  const workplace place;
  running_node node(place);
  const auto samples = make_samples(50);
  REQUIRE(run(command("share", node, place.identity("writer")), lines_of(samples)).code == 0);
  process found(command("get", node, place.identity("reader"), {samples[17].id}));
  CHECK(found.wait() == 0);
  require_same(found.output_lines(), {samples[17]});

  const auto missing = run(command("get", node, place.identity("reader"), {"no-such-id"}));
  CHECK(missing.code == 1);
  CHECK(missing.output.empty());
  CHECK_THAT(missing.errors, StartsWith("quicsync: error: " + node.address() + " has no pattern 'no-such-id'"));
}
