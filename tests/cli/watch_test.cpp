#include <chrono>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <nlohmann/json.hpp>
#include <signal.h>

#include "workplace.hpp"

using namespace quicsync::test;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;

namespace {

std::string pattern_line(const std::string& id, const std::string& type, int version = 1) {
  return R"({"id":")" + id + R"(","agentId":"a","type":")" + type + R"(","data":{"n":)" + std::to_string(version) +
         R"(},"metadata":{"source":"a","tags":["x"]},"timestamp":1,"version":)" + std::to_string(version) + "}\n";
}

void share(const running_node& node, const workplace& place, const std::string& lines) {
  const auto said = run(command("share", node, place.identity("writer")), lines);
  INFO(said.errors);
  REQUIRE(said.code == 0);
}

}  // namespace

TEST_CASE("watch: from the start it prints first what the node holds", "[cli][net]") {
  const workplace place;
  running_node node(place);
  const auto samples = make_samples(300);
  share(node, place, lines_of(samples));
  process watch(command("watch", node, place.identity("reader"), {"--since", "start", "--count", "300"}));
  CHECK(watch.wait() == 0);
  require_same(watch.output_lines(), samples);
  CHECK(watch.errors() == "watching\n");
}

TEST_CASE("watch: from now on it prints only what is new", "[cli][net]") {
  const workplace place;
  running_node node(place);
  share(node, place, pattern_line("old", "t"));
  process watch(command("watch", node, place.identity("reader"), {"--count", "2"}));
  watch.await_error("watching");
  share(node, place, pattern_line("old", "t"));  // the same again is no news
  share(node, place, pattern_line("new", "t"));
  share(node, place, pattern_line("old", "t", 2));
  CHECK(watch.wait() == 0);
  const auto lines = watch.output_lines();
  REQUIRE(lines.size() == 2);
  CHECK_THAT(lines[0], StartsWith(R"({"id":"new")"));
  CHECK(number_in(lines[1], "version") == 2);
}

TEST_CASE("watch: only what matches the filter", "[cli][net]") {
  const workplace place;
  running_node node(place);
  process watch(command("watch", node, place.identity("reader"), {"--filter", "type=test_* !id=b*", "--count", "2"}));
  watch.await_error("watching");
  share(node, place,
        pattern_line("a", "test_execution") + pattern_line("b", "test_execution") + pattern_line("c", "coverage_gap") +
            pattern_line("d", "test_generation"));
  CHECK(watch.wait() == 0);
  const auto lines = watch.output_lines();
  REQUIRE(lines.size() == 2);
  CHECK_THAT(lines[0], StartsWith(R"({"id":"a")"));
  CHECK_THAT(lines[1], StartsWith(R"({"id":"d")"));
}

TEST_CASE("watch: a signal ends it with 0, but with 1 before --count is reached", "[cli][net]") {
  const workplace place;
  running_node node(place);
  process open_end(command("watch", node, place.identity("reader")));
  process counting(command("watch", node, place.identity("reader"), {"--count", "5"}));
  for (auto* watch : {&open_end, &counting}) {
    watch->await_error("watching");
    watch->signal(SIGTERM);
  }
  CHECK(open_end.wait() == 0);
  CHECK(counting.wait() == 1);
  CHECK_THAT(counting.errors(), ContainsSubstring("quicsync: error: ") && ContainsSubstring("0 of 5"));
}

TEST_CASE("watch: a node that stops ends it with 1, after everything that came was printed", "[cli][net]") {
  const workplace place;
  running_node node(place);
  process watch(command("watch", node, place.identity("reader"), {"--count", "1000", "--patience", "0"}));
  watch.await_error("watching");
  const auto samples = make_samples(200);
  share(node, place, lines_of(samples));
  for (std::size_t i = 0; i < samples.size(); ++i) watch.await_output("{\"id\":");
  CHECK(node.stop() == 0);
  CHECK(watch.wait() == 1);
  require_same(watch.output_lines(), samples);
  CHECK_THAT(watch.errors(),
             ContainsSubstring("quicsync: error: lost peer 'alpha'") && ContainsSubstring("200 of 1000"));
}

TEST_CASE("watch: a reader that has gone ends it quietly", "[cli][net]") {
  const workplace place;
  running_node node(place);
  process watch(command("watch", node, place.identity("reader")));
  watch.await_error("watching");
  watch.close_output();
  share(node, place, lines_of(make_samples(10)));
  CHECK(watch.wait() == 0);
  CHECK(watch.errors() == "watching\n");
}

TEST_CASE("watch: several nodes at once, and it carries nothing from one to the other", "[cli][net]") {
  const workplace place;
  running_node alpha(place, "alpha"), beta(place, "beta");
  process watch(command("watch", alpha, place.identity("reader"), {"--peer", beta.address(), "--count", "2"}));
  watch.await_error("watching");
  share(alpha, place, pattern_line("at-alpha", "t"));
  watch.await_output("at-alpha");
  share(beta, place, pattern_line("at-beta", "t"));
  CHECK(watch.wait() == 0);
  CHECK(run(command("get", beta, place.identity("reader"), {"at-alpha"})).code == 1);
  CHECK(run(command("get", alpha, place.identity("reader"), {"at-beta"})).code == 1);
}

TEST_CASE("watch: goes on where it was when its node is back, without a gap and without repeats", "[cli][net]") {
  const workplace place;
  auto node = std::make_unique<running_node>(place);
  const auto address = node->address();
  process watch(command("watch", *node, place.identity("reader"), {"--count", "4"}));
  watch.await_error("watching");
  share(*node, place, pattern_line("first", "t"));
  watch.await_output("first");
  share(*node, place, pattern_line("second", "t"));
  watch.await_output("second");
  CHECK(node->stop() == 0);
  watch.await_error("lost peer 'alpha'");
  node = std::make_unique<running_node>(place, "alpha", std::vector<std::string>{"--listen", address});
  share(*node, place, pattern_line("second", "t") + pattern_line("third", "t"));
  watch.await_output("third");
  share(*node, place, pattern_line("fourth", "t"));
  CHECK(watch.wait() == 0);
  CHECK(watch.output_lines().size() == 4);
}
