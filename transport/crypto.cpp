#include <cstdlib>

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include <quicsync/transport/crypto.hpp>

namespace quicsync::crypto {

void random_bytes(std::uint8_t* out, std::size_t count) {
  // Keys made without randomness would be worse than no process; GnuTLS itself fails here only when the kernel gives
  // none.
  if (gnutls_rnd(GNUTLS_RND_RANDOM, out, count) != 0) std::abort();
}

digest hmac_sha256(bytes_view key, bytes_view text) {
  digest out{};
  // Fails only for an algorithm that the library lacks, which SHA-256 is not.
  if (gnutls_hmac_fast(GNUTLS_MAC_SHA256, key.data(), key.size(), text.data(), text.size(), out.data()) != 0)
    std::abort();
  return out;
}

std::string to_hex(bytes_view bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const auto byte : bytes) {
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

}  // namespace quicsync::crypto
