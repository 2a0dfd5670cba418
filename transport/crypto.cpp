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

struct aead_key::cipher {
  gnutls_aead_cipher_hd_t handle = nullptr;
  cipher() = default;
  cipher(const cipher&) = delete;
  cipher& operator=(const cipher&) = delete;
  ~cipher() { gnutls_aead_cipher_deinit(handle); }
};

aead_key::aead_key(bytes_view key) : cipher_(std::make_unique<cipher>()) {
  const gnutls_datum_t datum{const_cast<unsigned char*>(key.data()), static_cast<unsigned>(key.size())};
  // Fails only for a cipher that the library lacks, or for want of memory.
  if (gnutls_aead_cipher_init(&cipher_->handle, GNUTLS_CIPHER_AES_256_GCM, &datum) != 0) std::abort();
}
aead_key::~aead_key() = default;
aead_key::aead_key(aead_key&&) noexcept = default;
aead_key& aead_key::operator=(aead_key&&) noexcept = default;

void aead_key::seal(byte_buffer& out, bytes_view nonce, bytes_view associated, bytes_view text) const {
  const auto begin = out.size();
  auto size = text.size() + tag_bytes;
  out.resize(begin + size);
  // Nothing but a wrong size of nonce or tag makes it fail.
  if (gnutls_aead_cipher_encrypt(cipher_->handle, nonce.data(), nonce.size(), associated.data(), associated.size(),
                                 tag_bytes, text.data(), text.size(), out.data() + begin, &size) != 0)
    std::abort();
  out.resize(begin + size);
}

std::optional<byte_buffer> aead_key::open(bytes_view nonce, bytes_view associated, bytes_view sealed) const {
  if (sealed.size() < tag_bytes) return std::nullopt;
  byte_buffer text(sealed.size() - tag_bytes);
  auto size = text.size();
  std::uint8_t nothing = 0;
  if (gnutls_aead_cipher_decrypt(cipher_->handle, nonce.data(), nonce.size(), associated.data(), associated.size(),
                                 tag_bytes, sealed.data(), sealed.size(), text.empty() ? &nothing : text.data(),
                                 &size) != 0)
    return std::nullopt;
  return text;
}

void wipe(std::uint8_t* secret, std::size_t count) { gnutls_memset(secret, 0, count); }

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
