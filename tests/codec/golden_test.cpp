// The golden vectors that docs/WIRE.md speaks of. They are frozen with wire version 1: a test that fails here means
// that peers in the field would no longer be understood, so the code is wrong and not the file.
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <quicsync/codec/block.hpp>
#include <quicsync/codec/delta.hpp>
#include <quicsync/codec/filter.hpp>
#include <quicsync/codec/frame.hpp>
#include <quicsync/codec/hex.hpp>
#include <quicsync/codec/json.hpp>
#include <quicsync/codec/limits.hpp>
#include <quicsync/codec/sketch.hpp>
#include <quicsync/codec/stored_block.hpp>
#include <quicsync/codec/symbols.hpp>

using namespace quicsync;

namespace {

/// The lines of a golden file that are no comments.
std::vector<std::string> lines_of(const char* name) {
  std::ifstream file(std::filesystem::path(QUICSYNC_TEST_FOLDER) / "golden" / name);
  REQUIRE(file);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with('#')) lines.push_back(line);
  }
  REQUIRE_FALSE(lines.empty());
  return lines;
}

byte_buffer bytes_of(std::string_view hex) {
  byte_buffer bytes(hex.size() / 2);
  REQUIRE(hex.size() % 2 == 0);
  REQUIRE(detail::pack_hex(bytes.data(), hex));
  return bytes;
}

std::string hex_of(std::uint64_t number) {
  std::string text;
  for (int shift = 60; shift >= 0; shift -= 4) text.push_back("0123456789abcdef"[number >> shift & 15]);
  return text;
}

std::vector<byte_buffer> golden_records() {
  const auto lines = lines_of("records.txt");
  std::vector<byte_buffer> records;
  for (std::size_t i = 1; i < lines.size(); i += 3) records.push_back(bytes_of(lines[i]));
  return records;
}

}  // namespace

TEST_CASE("golden: records are encoded to the bytes of WIRE.md, and back", "[codec][golden]") {
  const auto lines = lines_of("records.txt");
  REQUIRE(lines.size() % 3 == 0);
  for (std::size_t i = 0; i < lines.size(); i += 3) {
    INFO(lines[i]);
    const auto record = bytes_of(lines[i + 1]);
    byte_buffer encoded;
    REQUIRE(append_record_of_json(encoded, lines[i]));
    CHECK(encoded == record);
    const auto view = record_view::parse(record);
    REQUIRE(view);
    std::string printed;
    REQUIRE(append_json(printed, *view));
    CHECK(printed == lines[i]);
    const auto hash = hash_of(record);
    CHECK(hex_of(hash.high) + hex_of(hash.low) == lines[i + 2]);
  }
}

TEST_CASE("golden: blocks give the records they were made of", "[codec][golden]") {
  const auto records = golden_records();
  block_decoder decoder;
  slab_builder builder(1);
  std::vector<slab_ptr> full;
  std::vector<byte_buffer> all;
  for (const auto& line : lines_of("blocks.txt")) {
    const auto name = line.substr(0, line.find(' '));
    INFO(name);
    const auto bytes = bytes_of(line.substr(name.size() + 1));
    bytes_view block = bytes;
    if (name == "stored") {
      const auto opened = open_stored_block(bytes);
      REQUIRE(opened);
      block = *opened;
    }
    REQUIRE(decoder.decode(block, builder, full));
    const auto slab = builder.finish();
    REQUIRE(slab->size() == records.size());
    for (std::size_t i = 0; i < slab->size(); ++i) {
      CHECK(byte_buffer(slab->bytes(i).begin(), slab->bytes(i).end()) == records[i]);
    }
    if (name == "raw") {
      std::vector<bytes_view> views(records.begin(), records.end());
      byte_buffer made;
      block_encoder(false).append(made, views);
      CHECK(made == bytes);
    }
  }
}

TEST_CASE("golden: frames of wire version 1 are read, and written as they were", "[codec][golden]") {
  for (const auto& line : lines_of("frames.txt")) {
    INFO(line);
    const auto bytes = bytes_of(line.substr(line.find(' ') + 1));
    frame_reader reader(limits::control_frame_bytes);
    reader.feed(shared_bytes::copy_of(bytes));
    const auto next = reader.next();
    REQUIRE(next);
    REQUIRE(*next);
    CHECK_FALSE(std::holds_alternative<std::monostate>(**next));
    byte_buffer again;
    append_frame(again, **next);
    CHECK(again == bytes);
  }
}

TEST_CASE("golden: a hello says what WIRE.md says it says", "[codec][golden]") {
  for (const auto& line : lines_of("frames.txt")) {
    if (!line.starts_with("hello ")) continue;
    const auto bytes = bytes_of(line.substr(6));
    const auto decoded = decode_frame(bytes[0], bytes_view(bytes).subspan(2));
    REQUIRE(decoded);
    const auto& hello = std::get<hello_frame>(*decoded);
    CHECK(hello.name == "node-a");
    CHECK(hello.role == node_role::client);
    CHECK(hello.instance == 0x0123456789abcdef);
    CHECK(hello.pattern_bytes_max == limits::pattern_bytes);
    CHECK(hello.level == ack_level::stored);
    CHECK(hello.log == log_position{77, 1234567});
    CHECK(hello.remembered == log_position{88, 3});
    CHECK(hello.partial);
  }
}

TEST_CASE("golden: filters have their canonical form", "[codec][golden]") {
  const auto lines = lines_of("filters.txt");
  for (std::size_t i = 0; i + 1 < lines.size(); i += 2) {
    const auto parsed = filter::parse(lines[i]);
    REQUIRE(parsed);
    CHECK(parsed->to_string() == lines[i + 1]);
  }
}

TEST_CASE("golden: a block's deltas lead from their bases to the next versions", "[codec][golden]") {
  std::vector<byte_buffer> bases, nexts;
  for (const auto& line : lines_of("deltas.txt")) {
    const auto name = line.substr(0, line.find(' '));
    INFO(name);
    const auto bytes = bytes_of(line.substr(name.size() + 1));
    if (name == "base") bases.push_back(bytes);
    if (name == "next") nexts.push_back(bytes);
    if (name != "block") continue;
    REQUIRE(nexts.size() == 3);
    const auto taken = block_decoder().decode_deltas(bytes, 1);
    REQUIRE(taken);
    CHECK(taken->size() == 3);
    REQUIRE(taken->deltas().size() == bases.size());
    std::vector<block_delta> deltas;
    for (std::size_t i = 0; i < bases.size(); ++i) {
      const auto place = taken->deltas()[i].place;
      slab_builder builder(1);
      REQUIRE(builder.add_delta(*taken, i, bases[i]));
      const auto slab = builder.finish();
      CHECK(byte_buffer(slab->bytes(0).begin(), slab->bytes(0).end()) == nexts[place]);
      deltas.push_back({place, common_ends_of(bases[i], nexts[place]), delta_check(hash_of(nexts[place]))});
    }
    const auto whole = taken->whole();
    REQUIRE(whole->size() == 1);
    CHECK(byte_buffer(whole->bytes(0).begin(), whole->bytes(0).end()) == nexts[1]);
    byte_buffer made;
    block_encoder(false).append(made, std::vector<bytes_view>(nexts.begin(), nexts.end()), deltas);
    CHECK(made == bytes);
  }
  CHECK(bases.size() == 2);
}

TEST_CASE("golden: items and symbols of a sketch", "[codec][golden]") {
  constexpr std::uint64_t key = 0x1234567890abcdef;
  const auto lines = lines_of("sketch.txt");
  REQUIRE(lines.size() == 12);
  sketch_source source(key);
  for (std::uint64_t n = 0; n < 10; ++n) {
    CHECK(hex_of(sketch_item_of({n, 2 * n}, key)) == lines[n]);
    source.add({n, 2 * n});
  }
  while (!source.build(8, 4)) continue;
  byte_buffer symbols;
  append_symbols(symbols, source.symbols().first(8), 0, 10);
  CHECK(symbols == bytes_of(lines[10]));
  CHECK(hex_of(sketch_id_of("pattern-1", key)) == lines[11]);
}

TEST_CASE("golden: the words are those of wire version 1, in their places", "[codec][golden]") {
  for (const auto list : {detail::word_list::keys, detail::word_list::names}) {
    const auto words = lines_of(list == detail::word_list::keys ? "words_keys.txt" : "words_names.txt");
    for (unsigned i = 0; i < 128; ++i) {
      const auto word = detail::word_at(list, i);
      CHECK(word == (i < words.size() ? std::string_view(words[i]) : std::string_view()));
      if (!word.empty()) CHECK(detail::find_word(list, word) == static_cast<int>(i));
    }
  }
  CHECK(detail::find_word(detail::word_list::names, "passe") == -1);
  CHECK(detail::find_word(detail::word_list::names, std::string_view("passed\0", 7)) == -1);
}
