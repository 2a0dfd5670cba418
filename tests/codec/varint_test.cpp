// Numbers as bytes: every length, wherever the bytes end, and forms that are not the shortest.
#include <array>
#include <random>

#include <catch2/catch_test_macros.hpp>

#include <quicsync/codec/varint.hpp>

using namespace quicsync;
using detail::append_varint;
using detail::byte_reader;

namespace {

/// The number alone, and with bytes of any kind behind it.
void check_number(std::uint64_t value) {
  for (const std::size_t behind : {0, 1, 7, 8, 9}) {
    byte_buffer bytes;
    append_varint(bytes, value);
    const auto size = bytes.size();
    bytes.resize(size + behind, static_cast<std::uint8_t>(0x7f + behind));
    byte_reader in(bytes);
    const auto read = in.varint();
    if (read != value || !in.ok() || in.left() != behind)
      FAIL("" << value << " with " << behind << " bytes behind reads as " << read << ", " << in.left() << " are left");
    CHECK(size == detail::varint_size(value));
    // Cut short it is none.
    byte_reader cut(bytes_view(bytes).first(size - 1));
    (void)cut.varint();
    CHECK_FALSE(cut.ok());
  }
}

}  // namespace

TEST_CASE("numbers: of every length are read as they were written, whatever follows", "[codec]") {
  const unsigned seed = 20261129;
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  for (unsigned bits = 0; bits < 64; ++bits) {
    const auto power = std::uint64_t{1} << bits;
    for (const auto value : {power - 1, power, power + 1, ~power, power | (random() & (power - 1))})
      check_number(value);
  }
}

TEST_CASE("numbers: a form that is not the shortest is refused at every length, and so is more than 64 bits",
          "[codec]") {
  for (std::size_t size = 2; size <= 10; ++size)
    for (const std::size_t behind : {0, 8}) {
      byte_buffer bytes(size - 1, std::uint8_t{0x81});
      bytes.push_back(0);
      bytes.resize(size + behind, std::uint8_t{1});
      byte_reader in(bytes);
      (void)in.varint();
      INFO(size << " bytes, " << behind << " behind");
      CHECK_FALSE(in.ok());
    }
  for (const std::uint8_t last : {0x02, 0x7f, 0x80}) {
    byte_buffer bytes(9, std::uint8_t{0xff});
    bytes.push_back(last);
    bytes.resize(20, std::uint8_t{1});
    byte_reader in(bytes);
    (void)in.varint();
    CHECK_FALSE(in.ok());
  }
}
