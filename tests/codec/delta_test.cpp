#include <catch2/catch_test_macros.hpp>

#include <quicsync/codec/delta.hpp>
#include <quicsync/codec/limits.hpp>

#include "tests/codec/samples.hpp"

using namespace quicsync;
using namespace quicsync::samples;

namespace {

byte_buffer record_of(const pattern& value) {
  byte_buffer out;
  REQUIRE(append_record(out, value));
  return out;
}

}  // namespace

TEST_CASE("delta: a new version comes out of its base and the delta", "[codec][delta]") {
  INFO("QUICSYNC_TEST_SEED=" << seed());
  pattern_maker maker(seed());
  for (int i = 0; i < 3000; ++i) {
    const auto before = maker.make();
    auto after = maker.make();
    after.id = before.id;
    if (maker.one_in(2)) {
      after = before;
      after.version += 1;
      after.timestamp += 60000;
      if (maker.one_in(2)) after.metadata.priority = 3;
      if (maker.one_in(2)) after.data = "{\"duration\":" + std::to_string(maker.below(5000)) + "}";
    }
    const auto base = record_of(before), next = record_of(after);
    byte_buffer deltas;
    append_delta(deltas, base, next);
    append_delta(deltas, next, base);
    bytes_view rest = deltas;
    for (const auto* want : {&next, &base}) {
      const auto delta = take_delta(rest);
      REQUIRE(delta);
      const auto& from = want == &next ? base : next;
      CHECK(delta->base == base_reference(hash_of(from)));
      byte_buffer out;
      REQUIRE(apply_delta(out, *delta, from));
      CHECK(out == *want);
    }
    CHECK(rest.empty());
  }
}

TEST_CASE("delta: one changed number costs little", "[codec][delta]") {
  auto value = simple_pattern();
  const auto base = record_of(value);
  value.version += 1;
  value.timestamp += 60000;
  value.data = R"({"testCase":"login_rejects","duration":121,"coverage":0.9810,"result":"passed"})";
  byte_buffer delta;
  append_delta(delta, base, record_of(value));
  CHECK(delta.size() <= 24);
}

TEST_CASE("delta: a long text that changed in places is compressed against its base", "[codec][delta]") {
  auto value = simple_pattern();
  std::string text;
  for (int i = 0; i < 2000; ++i) text += "word" + std::to_string(i) + " ";
  value.data = "\"" + text + "\"";
  const auto base = record_of(value);
  value.data = "\"x" + text + "x\"";
  value.version += 1;
  const auto next = record_of(value);
  byte_buffer bytes;
  append_delta(bytes, base, next);
  CHECK(bytes.size() < next.size() / 5);
  bytes_view rest = bytes;
  byte_buffer out;
  REQUIRE(apply_delta(out, *take_delta(rest), base));
  CHECK(out == next);
}

TEST_CASE("delta: another base than the one meant is noticed", "[codec][delta]") {
  auto value = simple_pattern();
  const auto base = record_of(value);
  value.version += 1;
  const auto next = record_of(value);
  value.data = "1";
  const auto other = record_of(value);
  byte_buffer bytes;
  append_delta(bytes, base, next);
  bytes_view rest = bytes;
  byte_buffer out{7};
  const auto applied = apply_delta(out, *take_delta(rest), other);
  REQUIRE_FALSE(applied);
  CHECK(applied.error().code == errc::unknown_base);
  CHECK(out == byte_buffer{7});
}

TEST_CASE("delta: every prefix and every flipped bit is an error or the right record", "[codec][delta]") {
  auto value = simple_pattern();
  const auto base = record_of(value);
  value.version += 1;
  value.data = R"({"testCase":"another text of some length to be compressed, of some length","duration":1})";
  const auto next = record_of(value);
  byte_buffer bytes;
  append_delta(bytes, base, next);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const byte_buffer prefix(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    bytes_view rest = prefix;
    CHECK_FALSE(take_delta(rest));
  }
  for (std::size_t i = 64; i < bytes.size() * 8; ++i) {
    auto changed = bytes;
    changed[i / 8] = static_cast<std::uint8_t>(changed[i / 8] ^ 1 << (i % 8));
    bytes_view rest = changed;
    const auto delta = take_delta(rest);
    if (!delta) continue;
    byte_buffer out;
    if (apply_delta(out, *delta, base)) CHECK(out == next);
  }
}
