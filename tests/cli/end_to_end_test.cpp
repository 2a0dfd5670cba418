#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <signal.h>

#include "workplace.hpp"

using namespace quicsync::test;

namespace {
constexpr std::size_t pattern_count = 20000;
}

TEST_CASE("end to end: what one process shares another prints, each pattern once, byte for byte", "[cli][net]") {
  const workplace place;
  running_node node(place);
  const auto samples = make_samples(pattern_count);
  const auto file = place.write("patterns.jsonl", lines_of(samples));
  process watch(command("watch", node, place.identity("reader"), {"--count", std::to_string(pattern_count)}));
  watch.await_error("watching");
  process share(command("share", node, place.identity("writer"), {file}));
  CHECK(watch.wait() == 0);
  CHECK(share.wait() == 0);
  CHECK(number_in(share.output(), "acknowledged") == pattern_count);
  CHECK(number_in(share.output(), "refused") == 0);
  require_same(watch.output_lines(), samples);
  WARN(pattern_count / number_in(share.output(), "seconds")
       << " patterns/s; CPU of share " << share.cpu_seconds() << " s, of watch " << watch.cpu_seconds() << " s");

  SECTION("the node holds them, and the same again changes nothing") {
    // One that is shared last marks the end of what a watcher could have seen.
    process silent(command("watch", node, place.identity("reader"), {"--count", "1"}));
    silent.await_error("watching");
    const auto again = run(command("share", node, place.identity("writer"), {file}));
    CHECK(again.code == 0);
    CHECK(number_in(again.output, "acknowledged") == pattern_count);
    auto last = make_samples(1, 99);
    last.front().id = "the last one";
    last.front().line.replace(7, last.front().line.find('"', 7) - 7, last.front().id);
    REQUIRE(run(command("share", node, place.identity("writer")), lines_of(last)).code == 0);
    CHECK(silent.wait() == 0);
    require_same(silent.output_lines(), last);

    process list(command("list", node, place.identity("reader"), {"--filter", "!id=\"the last one\""}));
    CHECK(list.wait() == 0);
    require_same(list.output_lines(), samples);
  }
}

TEST_CASE("end to end: what one node is given arrives over another", "[cli][net]") {
  const workplace place;
  running_node alpha(place, "alpha", {"--events"});
  running_node beta(place, "beta", {"--peer", "alpha@" + alpha.address()});
  alpha.program().await_output("peer:connected");
  const auto samples = make_samples(2000, 5);
  process watch(command("watch", beta, place.identity("reader"), {"--count", "2000"}));
  watch.await_error("watching");
  const auto said =
      run(command("share", alpha, place.identity("writer"), {place.write("patterns", lines_of(samples))}));
  CHECK(said.code == 0);
  CHECK(watch.wait() == 0);
  require_same(watch.output_lines(), samples);
}
