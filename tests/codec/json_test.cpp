#include <catch2/catch_test_macros.hpp>

#include <quicsync/codec/json.hpp>
#include <quicsync/codec/limits.hpp>

#include "tests/codec/samples.hpp"

using namespace quicsync;
using namespace quicsync::samples;

namespace {

const std::string whole =
    R"({"id":"p1","agentId":"a","type":"t","data":{"x":[1,2,3],"y":"\u00e9"},"metadata":{"source":"s","tags":["u","v"],)"
    R"("priority":7,"expiresAt":1760000001000,"checksum":"abc","traceId":"x"},"timestamp":1760000000000,"version":2,"more":1e999})";

std::string with(std::string text, std::string_view from, std::string_view to) {
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

error refusal(std::string_view json) {
  const auto parsed = parse_pattern(json);
  byte_buffer out;
  const auto appended = append_record_of_json(out, json);
  REQUIRE_FALSE(parsed);
  REQUIRE_FALSE(appended);
  CHECK(out.empty());
  CHECK(parsed.error() == appended.error());
  return parsed.error();
}

}  // namespace

TEST_CASE("json: a pattern is read field by field and printed again", "[codec][json]") {
  const auto value = parse_pattern(whole);
  REQUIRE(value);
  CHECK(value->id == "p1");
  CHECK(value->data == R"({"x":[1,2,3],"y":"\u00e9"})");
  CHECK(value->metadata.tags == std::vector<std::string>{"u", "v"});
  CHECK(value->metadata.priority == 7);
  CHECK(value->metadata.expires_at == 1760000001000);
  CHECK(value->metadata.extra == R"("traceId":"x")");
  CHECK(value->extra == R"("more":1e999)");
  CHECK(value->version == 2);
  std::string printed;
  append_json(printed, *value);
  CHECK(printed == whole);
}

TEST_CASE("json: text to record and back to text is the same text", "[codec][json]") {
  byte_buffer record;
  REQUIRE(append_record_of_json(record, whole));
  std::string printed;
  REQUIRE(append_json(printed, *record_view::parse(record)));
  CHECK(printed == whole);
}

TEST_CASE("json: both ways from text to record give the same bytes", "[codec][json]") {
  pattern_maker maker(seed());
  INFO("QUICSYNC_TEST_SEED=" << seed());
  for (int i = 0; i < 2000; ++i) {
    const auto value = maker.make();
    std::string text;
    append_json(text, value);
    INFO(text);
    byte_buffer direct, through;
    REQUIRE(append_record_of_json(direct, text));
    const auto parsed = parse_pattern(text);
    REQUIRE(parsed);
    CHECK(*parsed == value);
    REQUIRE(append_record(through, *parsed));
    REQUIRE(direct == through);
    const auto view = record_view::parse(direct);
    REQUIRE(view);
    const auto back = view->to_pattern();
    REQUIRE(back);
    CHECK(*back == value);
    std::string printed;
    REQUIRE(append_json(printed, *view));
    CHECK(printed == text);
  }
}

TEST_CASE("json: fields may come in any order and with white space", "[codec][json]") {
  const auto value = parse_pattern(
      "{ \"version\" : 2,\n\t\"timestamp\":5 , \"later\" : [1, 2], \"metadata\":{\"tags\":[ ],\"source\":\"\"}, "
      "\"data\" : "
      "{\"a\" : 1} ,\"type\":\"t\",\"agentId\":\"a\",\"id\":\"i\"}\r\n");
  REQUIRE(value);
  CHECK(value->data == "{\"a\" : 1}");
  CHECK(value->extra == "\"later\":[1, 2]");
  CHECK(value->metadata.tags.empty());
}

TEST_CASE("json: escapes in the pattern's own fields are resolved, in data they stay", "[codec][json]") {
  const auto value = parse_pattern(with(whole, R"("id":"p1")", R"("id":"p\u0031\n\ud83d\ude00")"));
  REQUIRE(value);
  CHECK(value->id == "p1\n\xf0\x9f\x98\x80");
  CHECK(refusal(with(whole, R"("id":"p1")", R"("id":"\ud83d")")).code == errc::bad_field);
}

TEST_CASE("json: what is wrong is named with its byte, field and reason", "[codec][json]") {
  const auto expect = [](const std::string& json, errc code, std::string_view part) {
    const auto why = refusal(json);
    INFO(why.context);
    CHECK(why.code == code);
    CHECK(why.context.find(part) != std::string::npos);
  };
  expect(with(whole, R"("version":2)", R"("version":"2")"), errc::bad_field,
         "version: must be an integer from 0 to 9007199254740991, got a string");
  expect(with(whole, R"("version":2)", R"("version":-1)"), errc::bad_field, "version");
  expect(with(whole, R"("version":2)", R"("version":2.0)"), errc::bad_field, "version");
  expect(with(whole, R"("version":2)", R"("version":9007199254740992)"), errc::bad_field, "version");
  expect(with(whole, R"("version":2)", R"("version":02)"), errc::bad_json, "version");
  expect(with(whole, R"("version":2)", R"("version":2,"version":3)"), errc::duplicate_field, "version: given twice");
  expect(with(whole, R"("version":2)", R"("version":2,"\u0076ersion":3)"), errc::duplicate_field, "version");
  expect(with(whole, R"("source":"s")", R"("source":"s","source":"s")"), errc::duplicate_field, "metadata.source");
  expect(with(whole, R"("id":"p1",)", ""), errc::missing_field, "id: missing");
  expect(with(whole, R"("source":"s",)", ""), errc::missing_field, "metadata.source");
  expect(with(whole, R"("id":"p1")", R"("id":"")"), errc::bad_field, "id");
  expect(with(whole, R"("priority":7)", R"("priority":0)"), errc::bad_field, "from 1 to 10");
  expect(with(whole, R"("tags":["u","v"])", R"("tags":["u",1])"), errc::bad_field, "metadata.tags");
  expect(with(whole, R"("tags":["u","v"])", R"("tags":["u",])"), errc::bad_json, "byte");
  expect(with(whole, R"("data":{"x":[1,2,3])", R"("data":{"x":[1,2,3,])"), errc::bad_json, "byte");
  expect(with(whole, R"("data":{"x":[1,2,3])", R"("data":{"x":[01])"), errc::bad_json, "byte");
  expect(with(whole, R"("data":{"x":[1,2,3])", R"("data":{"x":truex)"), errc::bad_json, "byte");
  expect(with(whole, R"(\u00e9)", R"(\u00g9)"), errc::bad_json, "escape");
  expect(with(whole, R"(\u00e9)", "\xff"), errc::bad_utf8, "byte 61");
  expect(with(whole, R"(\u00e9)", "\x01"), errc::bad_json, "control");
  expect(whole.substr(0, whole.size() - 1), errc::bad_json, "byte");
  expect(whole + "x", errc::bad_json, "byte");
  expect(whole + whole, errc::bad_json, "byte");
  expect("", errc::bad_json, "empty");
  expect("[]", errc::bad_json, "byte 0");
  expect("{,}", errc::bad_json, "byte 1");
  expect("\"abc", errc::bad_json, "not closed");
}

TEST_CASE("json: every prefix of a pattern is refused", "[codec][json]") {
  for (std::size_t size = 0; size < whole.size(); ++size) CHECK_FALSE(parse_pattern(std::string(whole, 0, size)));
}

TEST_CASE("json: nesting ends at the limit, however deep the text goes", "[codec][json]") {
  const auto nested = [](std::size_t depth) {
    return with(whole, R"({"x":[1,2,3],"y":"\u00e9"})", std::string(depth, '[') + std::string(depth, ']'));
  };
  CHECK(parse_pattern(nested(limits::json_depth - 1)));
  CHECK(refusal(nested(limits::json_depth)).code == errc::too_deep);
  CHECK(refusal(nested(100000)).code == errc::too_deep);
  CHECK(refusal(std::string(100000, '{')).code == errc::bad_json);
}

TEST_CASE("json: a deletion is read and printed", "[codec][json]") {
  const std::string text = R"({"id":"p1","agentId":"a","deleted":true,"timestamp":5,"version":9})";
  const auto value = parse_pattern(text);
  REQUIRE(value);
  CHECK(value->deleted);
  std::string printed;
  append_json(printed, *value);
  CHECK(printed == text);
  byte_buffer record;
  REQUIRE(append_record(record, *value));
  printed.clear();
  REQUIRE(append_json(printed, *record_view::parse(record)));
  CHECK(printed == text);
  CHECK(refusal(with(text, "\"deleted\":true", "\"deleted\":true,\"type\":\"t\"")).code == errc::bad_field);
}

TEST_CASE("json: a pattern beyond the size limit is refused", "[codec][json]") {
  const auto big = with(whole, R"("y":"\u00e9")", "\"y\":\"" + std::string(limits::pattern_bytes, 'x') + "\"");
  CHECK(refusal(big).code == errc::too_large);
  const auto fits = with(whole, R"("y":"\u00e9")", "\"y\":\"" + std::string(limits::pattern_bytes - 1000, 'x') + "\"");
  byte_buffer record;
  REQUIRE(append_record_of_json(record, fits));
  std::string printed;
  REQUIRE(append_json(printed, *record_view::parse(record)));
  CHECK(printed == fits);
}
