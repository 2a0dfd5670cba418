#include <catch2/catch_test_macros.hpp>

#include <quicsync/codec/json.hpp>
#include <quicsync/codec/limits.hpp>
#include <quicsync/codec/record.hpp>

#include "tests/codec/samples.hpp"

using namespace quicsync;
using namespace quicsync::samples;

TEST_CASE("record: a pattern comes back equal in every field", "[codec][record]") {
  pattern full = simple_pattern();
  full.metadata.priority = 10;
  full.metadata.expires_at = 1760000009999;
  full.metadata.checksum = "sha256:" + std::string(64, 'a');
  full.metadata.extra = R"("traceId":"9537c106-0f1c-40bb-ba6e-9a9bdafb142c","n":[1,2])";
  full.extra = R"("later":{"x":1e999})";
  byte_buffer out;
  REQUIRE(append_record(out, full));
  const auto view = record_view::parse(out);
  REQUIRE(view);
  CHECK(view->id() == full.id);
  CHECK(view->agent_id() == full.agent_id);
  CHECK(view->type() == full.type);
  CHECK(view->source() == full.metadata.source);
  CHECK(view->version() == full.version);
  CHECK(view->timestamp() == full.timestamp);
  CHECK(view->priority() == 10);
  CHECK(view->expires_at() == full.metadata.expires_at);
  CHECK(view->has_tag("auth"));
  CHECK_FALSE(view->has_tag("aut"));
  CHECK(view->has_tag_prefix("aut"));
  const auto back = view->to_pattern();
  REQUIRE(back);
  CHECK(*back == full);
}

TEST_CASE("record: any JSON value in data comes back byte for byte", "[codec][record]") {
  for (const auto* data :
       {"null",
        "true",
        "false",
        "0",
        "-0",
        "-0.0",
        "1",
        "-1",
        "0.0530",
        "12.50",
        "100",
        "1e999",
        "1E+2",
        "-1.5e-7",
        "18446744073709551616",
        "123456789012345678901234567890",
        "999999999999999999",
        "1000000000000000000",
        "0.000000000000001",
        "0.0000000000000001",
        "\"\"",
        "\"a\"",
        "\"\\u0041\\n\\\"\"",
        "\"\xc3\xa9\xf0\x9f\x98\x80\"",
        "{}",
        "[]",
        "[[]]",
        "[{}]",
        "{\"\":{}}",
        "[1,2,3]",
        "[5]",
        "[3,-2,100000000000000]",
        "[1,2.5]",
        "[1,\"a\"]",
        "[-0,1]",
        "[01]x",
        "[\"a\",\"b\"]",
        "[\"a\",1]",
        "[\"passed\",\"failed\"]",
        "{\"a\":1,\"a\":2}",
        "{ \"a\" : 1 }",
        "[1, 2]",
        "[1,2 ]",
        "\"9537c106-0f1c-40bb-ba6e-9a9bdafb142c\"",
        "\"9537C106-0f1c-40bb-ba6e-9a9bdafb142c\"",
        "\"0123456789abcdef\"",
        "\"0123456789abcde\"",
        "\"0123456789abcdeF\"",
        "\"deadbeefdeadbeefdeadbeef\"",
        "{\"duration\":5,\"result\":\"passed\",\"nested\":{\"file\":\"a/b.ts\",\"lines\":[1,5,9]},\"ok\":true}"}) {
    pattern value = simple_pattern();
    value.data = data;
    byte_buffer out;
    const auto appended = append_record(out, value);
    INFO(data);
    if (value.data == "[01]x") {
      CHECK_FALSE(appended);
      CHECK(out.empty());
      continue;
    }
    REQUIRE(appended);
    const auto view = record_view::parse(out);
    REQUIRE(view);
    const auto back = view->to_pattern();
    REQUIRE(back);
    CHECK(back->data == data);
  }
}

TEST_CASE("record: long strings, long keys and many tags survive", "[codec][record]") {
  pattern value = simple_pattern();
  for (const std::size_t size : {126u, 127u, 128u, 129u, 300u, 70000u}) {
    const std::string text(size, 'x');
    value.data = "{\"" + text + "\":\"" + text + "\"}";
    value.metadata.tags.assign(16, "tag");
    byte_buffer out;
    REQUIRE(append_record(out, value));
    const auto back = record_view::parse(out)->to_pattern();
    REQUIRE(back);
    CHECK(*back == value);
  }
}

TEST_CASE("record: a tombstone carries its order and nothing else", "[codec][record]") {
  byte_buffer out;
  REQUIRE(append_tombstone(out, "p1", "agent", 1234, 7));
  const auto view = record_view::parse(out);
  REQUIRE(view);
  CHECK(view->deleted());
  CHECK(view->id() == "p1");
  CHECK(view->agent_id() == "agent");
  CHECK(view->timestamp() == 1234);
  CHECK(view->version() == 7);
  const auto back = view->to_pattern();
  REQUIRE(back);
  CHECK(back->deleted);
  CHECK(back->data == "null");
}

TEST_CASE("record: every prefix and every changed byte is an error or another record, never a crash",
          "[codec][record]") {
  pattern value = simple_pattern();
  value.metadata.expires_at = 1760000009999;
  value.metadata.checksum = "crc32c:00aabbcc";
  value.metadata.extra = R"("traceId":"9537c106-0f1c-40bb-ba6e-9a9bdafb142c")";
  byte_buffer out;
  REQUIRE(append_record(out, value));
  const auto exercise = [](bytes_view bytes) {
    const auto view = record_view::parse(bytes);
    if (!view) return;
    (void)view->has_tag("auth");
    (void)view->to_pattern();
    std::string text;
    (void)append_json(text, *view);
  };
  for (std::size_t size = 0; size < out.size(); ++size) {
    const byte_buffer prefix(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(size));
    exercise(prefix);
    const auto view = record_view::parse(prefix);
    if (view) CHECK_FALSE(view->to_pattern());
  }
  for (std::size_t i = 0; i < out.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      auto changed = out;
      changed[i] = static_cast<std::uint8_t>(changed[i] ^ 1 << bit);
      exercise(changed);
      CHECK(hash_of(changed) != hash_of(out));
    }
  }
}

TEST_CASE("record: limits are refused with the field's name", "[codec][record]") {
  byte_buffer out;
  const auto refused = [&](auto change, errc code, std::string_view field) {
    pattern value = simple_pattern();
    change(value);
    const auto appended = append_record(out, value);
    REQUIRE_FALSE(appended);
    CHECK(appended.error().code == code);
    CHECK(appended.error().context.find(field) != std::string::npos);
    CHECK(out.empty());
  };
  refused([](pattern& p) { p.id.clear(); }, errc::bad_field, "id");
  refused([](pattern& p) { p.id.assign(limits::id_bytes + 1, 'x'); }, errc::too_large, "id");
  refused([](pattern& p) { p.agent_id = "\xff"; }, errc::bad_field, "agentId");
  refused([](pattern& p) { p.version = limits::version_max + 1; }, errc::bad_field, "version");
  refused([](pattern& p) { p.timestamp = -1; }, errc::bad_field, "timestamp");
  refused([](pattern& p) { p.metadata.priority = 0; }, errc::bad_field, "priority");
  refused([](pattern& p) { p.metadata.priority = 11; }, errc::bad_field, "priority");
  refused([](pattern& p) { p.metadata.tags.assign(limits::tags + 1, "t"); }, errc::too_large, "tags");
  refused([](pattern& p) { p.data = "{"; }, errc::bad_field, "data");
  refused([](pattern& p) { p.data = " 1"; }, errc::bad_field, "data");
  refused([](pattern& p) { p.data = "1 2"; }, errc::bad_field, "data");
  refused([](pattern& p) { p.extra = R"("id":1)"; }, errc::bad_field, "id");
  refused([](pattern& p) { p.extra = R"("\u0069d":1)"; }, errc::bad_field, "id");
  refused([](pattern& p) { p.metadata.extra = R"("tags":1)"; }, errc::bad_field, "tags");
  refused([](pattern& p) { p.extra = R"("a":1,)"; }, errc::bad_field, "pattern");
  refused([](pattern& p) { p.extra = R"("a":1},"b":{"c":1)"; }, errc::bad_field, "pattern");
}

// A checksum with control characters once printed as it was.
TEST_CASE("record: text with control characters prints escaped in every field", "[codec][record]") {
  pattern value = simple_pattern();
  const std::string text("a\0\n\"b", 5);
  value.id = value.agent_id = value.type = value.metadata.source = text;
  value.metadata.tags = {text};
  value.metadata.checksum = text;
  byte_buffer out;
  REQUIRE(append_record(out, value));
  std::string printed;
  REQUIRE(append_json(printed, *record_view::parse(out)));
  CHECK(printed.find('\n') == std::string::npos);
  CHECK(parse_pattern(printed) == value);
}

TEST_CASE("record: JSON that nobody here wrote comes out as it went in", "[codec][record]") {
  // In the manner of package manifests: indented, and minified.
  const std::string indented =
      "{\n  \"name\": \"@scope/pkg\",\n  \"version\": \"1.0.0-rc.1\",\n  \"dependencies\": {\n    \"a\": \"^1.2.3\"\n  "
      "},\n"
      "  \"files\": [\n    \"dist\"\n  ],\n  \"n\": 1.0e+10\n}";
  std::string minified;
  for (const char c : indented) {
    if (c != ' ' && c != '\n') minified.push_back(c);
  }
  for (const auto& data : {indented, minified}) {
    pattern value = simple_pattern();
    value.data = data;
    byte_buffer out;
    REQUIRE(append_record(out, value));
    CHECK(record_view::parse(out)->to_pattern()->data == data);
  }
}
