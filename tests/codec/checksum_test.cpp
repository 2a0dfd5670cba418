#include <catch2/catch_test_macros.hpp>

#include <quicsync/codec/checksum.hpp>

using namespace quicsync;

TEST_CASE("checksum: known answers", "[codec][checksum]") {
  // RFC 3720 appendix B.4 and the check value that every catalogue of CRCs lists.
  CHECK(crc32c(as_bytes("123456789")) == 0xe3069283u);
  CHECK(crc32c(byte_buffer(32, 0x00)) == 0x8a9136aau);
  CHECK(crc32c(byte_buffer(32, 0xff)) == 0x62a8ab43u);
  // FIPS 180-4 examples.
  CHECK(checksum_of("abc", checksum_method::sha256) ==
        "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(checksum_of("", checksum_method::sha256) ==
        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(checksum_of("123456789", checksum_method::crc32c) == "crc32c:e3069283");
}

TEST_CASE("checksum: a right one passes in either case, a wrong one is named", "[codec][checksum]") {
  CHECK(check_checksum("crc32c:e3069283", "123456789"));
  CHECK(check_checksum("crc32c:E3069283", "123456789"));
  for (const auto* wrong : {"crc32c:e3069284", "crc32c:", "crc32c:e306928", "sha256:00", "crc32c:zzzzzzzz"}) {
    const auto checked = check_checksum(wrong, "123456789");
    REQUIRE_FALSE(checked);
    CHECK(checked.error().code == errc::bad_checksum);
  }
}

TEST_CASE("checksum: what is not known is carried as it is", "[codec][checksum]") {
  CHECK(check_checksum("md5:1234", "x"));
  CHECK(check_checksum("", "x"));
  CHECK(check_checksum(pattern{}));
}
