// What `metadata.checksum` means: a hash over the bytes of `data` as they were given. docs/WIRE.md, "checksum".
// docs/decisions/checksum-library.md says whose SHA-256 this is. Pure functions.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include <quicsync/codec/bytes.hpp>
#include <quicsync/codec/error.hpp>
#include <quicsync/codec/pattern.hpp>

namespace quicsync {

/// CRC-32C (Castagnoli), RFC 3720 appendix B.4.
std::uint32_t crc32c(bytes_view bytes) noexcept;

/// FIPS 180-4.
std::array<std::uint8_t, 32> sha256(bytes_view bytes) noexcept;

enum class checksum_method : std::uint8_t { crc32c, sha256 };

/// The checksum of `data` as it stands in a pattern: "crc32c:" and 8, or "sha256:" and 64 lower-case hex digits.
std::string checksum_of(std::string_view data, checksum_method method);

/// Checks `checksum` against `data`. A method that is not known here is carried as it is: no error. Hex digits may be
/// of either case. Errors: bad_checksum, also where a known method is followed by anything but its digits.
result<void> check_checksum(std::string_view checksum, std::string_view data);
/// The same for a pattern; one without a checksum passes.
result<void> check_checksum(const pattern& value);

}  // namespace quicsync
