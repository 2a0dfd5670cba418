#include <catch2/catch_test_macros.hpp>

#include <quicsync/codec/frame.hpp>
#include <quicsync/codec/limits.hpp>

using namespace quicsync;

namespace {

const byte_buffer block_bytes{1, 2, 3, 4, 5};

std::vector<frame> every_frame() {
  hello_frame hello;
  hello.name = "node-a";
  hello.role = node_role::client;
  hello.instance = 0x0123456789abcdef;
  hello.capabilities = 5;
  hello.pattern_bytes_max = limits::pattern_bytes;
  hello.level = ack_level::stored;
  hello.log = {77, 1234567};
  hello.remembered = log_position{88, 3};
  hello.partial = true;
  hello_frame plain;
  plain.name = "b";
  return {batch_frame{{}, block_bytes},
          batch_frame{{{"peer-a", "peer-b"}, true}, block_bytes},
          hello,
          plain,
          subscribe_frame{"type=test_*", subscribe_frame::start::now, {}},
          subscribe_frame{"", subscribe_frame::start::position, {9, 10}},
          acknowledgement_frame{2, ack_level::stored, {{0, 0}, {2, 5}, {1000, 100000}}},
          refusal_frame{1, 99, {errc::not_allowed, "writes of agent x"}},
          query_frame{7, query_frame::kind::get, "pattern_1"},
          reply_frame{7, true, error{errc::not_found, "no such pattern"}, {}},
          reply_frame{7, false, std::nullopt, block_bytes},
          ping_frame{1},
          pong_frame{~0ull},
          goodbye_frame{{errc::none, ""}},
          error_frame{{errc::bad_frame, "why"}},
          neighbours_frame{{"a", "b", "c"}},
          digest_frame{3, "tag=auth", digest::of(1000, {1, 2}), 300},
          sketch_frame{3, 0xfedcba9876543210, 1000, 64, block_bytes},
          request_frame{3, request_frame::kind::symbols, 64, 128, {}},
          request_frame{3, request_frame::kind::records, 0, 0, {1, 2, ~0ull}},
          delta_frame{block_bytes},
          offer_frame{3, true, {{5, 1}, {~0ull, 300}}},
          mark_frame{3, 1000, {0, 300, 7}},
          unknown_base_frame{1, 77},
          again_frame{300, block_bytes}};
}

bool equal(const frame& a, const frame& b) {
  byte_buffer left, right;
  append_frame(left, a);
  append_frame(right, b);
  return a.index() == b.index() && left == right;
}

}  // namespace

TEST_CASE("frame: each comes back equal, whatever pieces it arrives in", "[codec][frame]") {
  byte_buffer stream;
  const auto frames = every_frame();
  for (const auto& each : frames) append_frame(stream, each);
  for (std::size_t piece = 1; piece <= stream.size(); ++piece) {
    frame_reader reader(limits::control_frame_bytes);
    std::size_t seen = 0;
    for (std::size_t at = 0; at < stream.size(); at += piece) {
      reader.feed(shared_bytes::copy_of(bytes_view(stream).subspan(at, std::min(piece, stream.size() - at))));
      while (true) {
        const auto next = reader.next();
        REQUIRE(next);
        if (!*next) break;
        REQUIRE(seen < frames.size());
        CHECK(equal(**next, frames[seen]));
        ++seen;
      }
    }
    CHECK(seen == frames.size());
    CHECK(reader.consumed_bytes() == stream.size());
  }
}

TEST_CASE("frame: fed several times before anything is taken, nothing is lost", "[codec][frame]") {
  byte_buffer stream;
  for (std::uint64_t i = 0; i < 10; ++i) append_frame(stream, ping_frame{i});
  frame_reader reader(100);
  for (std::size_t at = 0; at < stream.size(); at += 3) {
    reader.feed(shared_bytes::copy_of(bytes_view(stream).subspan(at, std::min<std::size_t>(3, stream.size() - at))));
  }
  for (std::uint64_t i = 0; i < 10; ++i) {
    const auto next = reader.next();
    REQUIRE((next && *next));
    CHECK(std::get<ping_frame>(**next).token == i);
  }
  CHECK_FALSE(reader.next()->has_value());
}

TEST_CASE("frame: an unknown type is skipped by its length", "[codec][frame]") {
  byte_buffer stream{0x7f, 200, 1};
  stream.resize(stream.size() + 200, 0xaa);
  append_frame(stream, ping_frame{5});
  for (const std::size_t piece : {1u, 2u, 50u, 1000u}) {
    frame_reader reader(1000);
    int skipped = 0, pings = 0;
    for (std::size_t at = 0; at < stream.size(); at += piece) {
      reader.feed(shared_bytes::copy_of(bytes_view(stream).subspan(at, std::min(piece, stream.size() - at))));
      while (true) {
        const auto next = reader.next();
        REQUIRE(next);
        if (!*next) break;
        if (std::holds_alternative<std::monostate>(**next)) ++skipped;
        if (std::holds_alternative<ping_frame>(**next)) ++pings;
      }
    }
    CHECK(skipped == 1);
    CHECK(pings == 1);
    CHECK(reader.consumed_bytes() == stream.size());
  }
}

TEST_CASE("frame: a length over the limit is an error before its bytes come", "[codec][frame]") {
  frame_reader reader(100);
  reader.feed(shared_bytes(byte_buffer{0x01, 101}));
  const auto next = reader.next();
  REQUIRE_FALSE(next);
  CHECK(next.error().code == errc::too_large);
}

TEST_CASE("frame: truncated payloads and changed bytes are errors or other frames, never a crash", "[codec][frame]") {
  for (const auto& each : every_frame()) {
    byte_buffer bytes;
    append_frame(bytes, each);
    REQUIRE(bytes[1] < 0x80);
    const bytes_view payload = bytes_view(bytes).subspan(2);
    for (std::size_t size = 0; size < payload.size(); ++size) {
      const auto decoded = decode_frame(bytes[0], payload.first(size));
      // What ends in a block, symbols or items may end earlier and still be whole.
      const bool open = std::holds_alternative<batch_frame>(each) || std::holds_alternative<reply_frame>(each) ||
                        std::holds_alternative<sketch_frame>(each) || std::holds_alternative<request_frame>(each) ||
                        std::holds_alternative<delta_frame>(each) || std::holds_alternative<offer_frame>(each) ||
                        std::holds_alternative<again_frame>(each);
      if (!open) CHECK_FALSE(decoded);
    }
    for (std::size_t i = 0; i < payload.size() * 8; ++i) {
      byte_buffer changed(payload.begin(), payload.end());
      changed[i / 8] = static_cast<std::uint8_t>(changed[i / 8] ^ 1 << (i % 8));
      (void)decode_frame(bytes[0], changed);
    }
  }
}

TEST_CASE("frame: a hello with fields of a later version is still read", "[codec][frame]") {
  byte_buffer bytes;
  hello_frame hello;
  hello.name = "n";
  append_frame(bytes, hello);
  byte_buffer payload(bytes.begin() + 2, bytes.end());
  payload.insert(payload.end(), {1, 2, 3});
  const auto decoded = decode_frame(bytes[0], payload);
  REQUIRE(decoded);
  CHECK(std::get<hello_frame>(*decoded) == hello);
}
