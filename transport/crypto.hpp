// Small cryptographic tools over GnuTLS for those who do not speak TLS: random bytes, digests, hexadecimal. Stateless
// and safe from any thread.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include <quicsync/codec/bytes.hpp>

namespace quicsync::crypto {

/// Fills with bytes that nobody can predict. Never fails: without randomness the process ends.
void random_bytes(std::uint8_t* out, std::size_t count);

using digest = std::array<std::uint8_t, 32>;

/// HMAC-SHA-256, RFC 2104.
digest hmac_sha256(bytes_view key, bytes_view text);

/// AES-256-GCM, NIST SP 800-38D, under one key. A nonce must never be used twice with a key.
class aead_key {
 public:
  static constexpr std::size_t key_bytes = 32, nonce_bytes = 12, tag_bytes = 16;

  /// Precondition: key_bytes of them.
  explicit aead_key(bytes_view key);
  ~aead_key();
  aead_key(aead_key&&) noexcept;
  aead_key& operator=(aead_key&&) noexcept;

  /// Appends the sealed text and its tag; `associated` is vouched for and not appended.
  void seal(byte_buffer& out, bytes_view nonce, bytes_view associated, bytes_view text) const;
  /// The text; nullopt where a bit of anything differs from what was sealed.
  std::optional<byte_buffer> open(bytes_view nonce, bytes_view associated, bytes_view sealed) const;

 private:
  struct cipher;
  std::unique_ptr<cipher> cipher_;
};

/// Overwrites a secret before its memory is given back.
void wipe(std::uint8_t* secret, std::size_t count);

/// Lower-case.
std::string to_hex(bytes_view bytes);

}  // namespace quicsync::crypto
