#include <catch2/catch_test_macros.hpp>

#include <quicsync/codec/filter.hpp>
#include <quicsync/codec/limits.hpp>

#include "tests/codec/samples.hpp"

using namespace quicsync;
using namespace quicsync::samples;

namespace {

bool matches(std::string_view expression, const pattern& value) {
  byte_buffer out;
  REQUIRE(append_record(out, value));
  const auto parsed = filter::parse(expression);
  INFO(expression);
  REQUIRE(parsed);
  return parsed->matches(*record_view::parse(out));
}

}  // namespace

TEST_CASE("filter: each kind of term matches what it says", "[codec][filter]") {
  pattern value = simple_pattern();
  value.metadata.priority = 7;
  for (const auto* yes : {"",
                          "  ",
                          "type=test_execution",
                          "type=test_*",
                          "type=*",
                          "tag=auth",
                          "tag=au*",
                          "!tag=db",
                          "source=test-generator",
                          "agent=test-generator-3",
                          "agent=test-*",
                          "id=pattern_*",
                          "id=pattern_17",
                          "priority=7",
                          "priority>=7",
                          "priority<=7",
                          "priority>6",
                          "priority<8",
                          "!priority>7",
                          "tag=\"a tag of its own\"",
                          "tag=\"a tag\"*",
                          "type=test_* tag=auth priority>=5 !agent=x"}) {
    CHECK(matches(yes, value));
  }
  for (const auto* no :
       {"type=test", "!type=test_*", "tag=aut", "tag=x*", "source=test-generator-3", "id=pattern_1", "priority=6",
        "priority>7", "priority<7", "priority<=6", "priority>=8", "type=test_* tag=db"}) {
    CHECK_FALSE(matches(no, value));
  }
}

TEST_CASE("filter: a pattern without a priority compares as 5", "[codec][filter]") {
  CHECK(matches("priority=5", simple_pattern()));
  CHECK_FALSE(matches("priority>5", simple_pattern()));
}

TEST_CASE("filter: equal filters print equal and print to themselves", "[codec][filter]") {
  const auto a = filter::parse("tag=auth type=test_*  tag=auth !agent=x priority>=5");
  const auto b = filter::parse("priority>=5 !agent=x type=test_* tag=auth");
  REQUIRE(a);
  REQUIRE(b);
  CHECK(*a == *b);
  CHECK(a->to_string() == b->to_string());
  CHECK(a->to_string() == "type=test_* tag=auth !agent=x priority>=5");
  for (const auto* each : {"", "tag=\"a b\"", "tag=\"\"", "tag=\"a*\"*", "id=*", "tag=\"=x\"", "tag=\"<x\"*",
                           "tag=\"q\\\"\\\\\"", "!priority<3"}) {
    const auto parsed = filter::parse(each);
    REQUIRE(parsed);
    CHECK(parsed->to_string() == each);
    CHECK(*filter::parse(parsed->to_string()) == *parsed);
  }
  CHECK(filter::parse("")->match_all());
}

TEST_CASE("filter: what cannot be read is refused with the term", "[codec][filter]") {
  for (const auto* bad :
       {"colour=red", "type", "=x", "type>x", "priority=", "priority=11", "priority=0", "priority=x", "priority==5",
        "tag=a*b", "tag=\"open", "tag=\"a\"b", "type=", "!!tag=a", "tag=a\"b", "\xff"}) {
    const auto parsed = filter::parse(bad);
    INFO(bad);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code == errc::bad_filter);
  }
  CHECK(filter::parse("colour=red").error().context.find("'colour=red'") != std::string::npos);
  CHECK_FALSE(filter::parse(std::string(limits::filter_bytes + 1, ' ')));
  std::string many;
  for (std::size_t i = 0; i <= limits::filter_terms; ++i) many += "tag=t" + std::to_string(i) + " ";
  CHECK_FALSE(filter::parse(many));
}
