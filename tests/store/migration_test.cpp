// Stores of older formats are brought to this one when they are opened; newer ones are refused and left alone.
#include <catch2/catch_test_macros.hpp>
#include <sqlite3.h>

#include <quicsync/codec/stored_block.hpp>

#include "support.hpp"

namespace quicsync::test {
namespace {

constexpr std::uint8_t this_format = 1;

/// The head's block, whose first byte is the format.
class raw_head {
 public:
  explicit raw_head(const std::string& path) { REQUIRE(sqlite3_open(path.c_str(), &file_) == SQLITE_OK); }
  ~raw_head() { sqlite3_close(file_); }
  raw_head(const raw_head&) = delete;
  raw_head& operator=(const raw_head&) = delete;

  byte_buffer read() {
    sqlite3_stmt* get = nullptr;
    REQUIRE(sqlite3_prepare_v2(file_, "SELECT body FROM head", -1, &get, nullptr) == SQLITE_OK);
    REQUIRE(sqlite3_step(get) == SQLITE_ROW);
    const auto* bytes = static_cast<const std::uint8_t*>(sqlite3_column_blob(get, 0));
    const bytes_view body(bytes, static_cast<std::size_t>(sqlite3_column_bytes(get, 0)));
    const auto block = open_stored_block(body);
    REQUIRE(block);
    byte_buffer out(block->begin(), block->end());
    sqlite3_finalize(get);
    return out;
  }
  void set_format(std::uint8_t format) {
    auto block = read();
    block[0] = format;
    byte_buffer body;
    append_stored_block(body, block);
    sqlite3_stmt* put = nullptr;
    REQUIRE(sqlite3_prepare_v2(file_, "UPDATE head SET body=?1", -1, &put, nullptr) == SQLITE_OK);
    sqlite3_bind_blob(put, 1, body.data(), static_cast<int>(body.size()), SQLITE_STATIC);
    REQUIRE(sqlite3_step(put) == SQLITE_DONE);
    sqlite3_finalize(put);
  }

 private:
  sqlite3* file_ = nullptr;
};

void fill(const store_options& options) {
  auto store = must_open(options);
  must(store->write(std::vector{make_set(1, {{1}, {2}, {3}}), make_set(10, {{4}, {5, 2}})}));
  must(store->checkpoint(true) ? result<void>() : fail(errc::internal, "checkpoint"));
}

}  // namespace

TEST_CASE("store migration: one of an older format is brought to this one, with all that it holds", "[store]") {
  for (const bool sealed : {false, true}) {
    store_place place;
    auto options = place.options();
    if (sealed) options.key_file = place.key_file("key", 'k');
    fill(options);
    const auto before = contents_of(*must_open(options));
    raw_head(place.path()).set_format(0);
    {
      auto store = must_open(options);
      CHECK(contents_of(*store) == before);
      CHECK_FALSE(store->state().lost);
      must(store->write(std::vector{make_set(20, {{6}})}));
      must(store->checkpoint(true) ? result<void>() : fail(errc::internal, "checkpoint"));
    }
    CHECK(raw_head(place.path()).read().front() == this_format);
    CHECK(contents_of(*must_open(options)).size() == before.size() + 1);
  }
}

TEST_CASE("store migration: one of a newer format is refused, and nothing in it changes", "[store]") {
  store_place place;
  fill(place.options());
  raw_head(place.path()).set_format(this_format + 1);
  const auto before = raw_head(place.path()).read();
  const auto opened = pattern_store::open(place.options());
  REQUIRE_FALSE(opened);
  CHECK(opened.error().code == errc::store_newer);
  CHECK(raw_head(place.path()).read() == before);
}

}  // namespace quicsync::test
