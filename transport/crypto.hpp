// Small cryptographic tools over GnuTLS for those who do not speak TLS: random bytes, digests, hexadecimal. Stateless
// and safe from any thread.
#pragma once
#include <array>
#include <cstdint>
#include <string>

#include <quicsync/codec/bytes.hpp>

namespace quicsync::crypto {

/// Fills with bytes that nobody can predict. Never fails: without randomness the process ends.
void random_bytes(std::uint8_t* out, std::size_t count);

using digest = std::array<std::uint8_t, 32>;

/// HMAC-SHA-256, RFC 2104.
digest hmac_sha256(bytes_view key, bytes_view text);

/// Lower-case.
std::string to_hex(bytes_view bytes);

}  // namespace quicsync::crypto
