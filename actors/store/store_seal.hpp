// How a store's bodies are kept: behind a checksum, and sealed where the store has a key. The key file's key wraps a
// random data key, so that changing it rewrites nothing; each opening seals under a key of its own derived from that,
// so that counted nonces never meet twice. Owned by the pattern store. docs/STORE.md, "sealing".
#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include <quicsync/codec/bytes.hpp>
#include <quicsync/codec/error.hpp>
#include <quicsync/transport/crypto.hpp>

namespace quicsync::detail {

/// 32 secret bytes, overwritten when they go.
class store_key {
 public:
  store_key() = default;
  store_key(const store_key&) = default;
  store_key& operator=(const store_key&) = default;
  ~store_key() { crypto::wipe(bytes_.data(), bytes_.size()); }

  /// Errors: store_key: not there, not 32 bytes, or others than its owner may read it.
  static result<store_key> read(const std::string& path);

  bytes_view view() const noexcept { return bytes_; }
  std::uint8_t* data() noexcept { return bytes_.data(); }
  static constexpr std::size_t size() noexcept { return crypto::aead_key::key_bytes; }

 private:
  std::array<std::uint8_t, crypto::aead_key::key_bytes> bytes_{};
};

class store_seal {
 public:
  using random_source = std::function<void(std::uint8_t*, std::size_t)>;

  /// Checksums only.
  store_seal() = default;
  /// A new data key.
  static store_seal make(random_source random);
  /// The data key that was wrapped. Errors: store_key where `key` is not the one that wrapped it.
  static result<store_seal> unwrap(bytes_view wrapped, const store_key& key, random_source random);

  /// Another one of the same data key, or without one.
  store_seal with_same_key() const;

  bool sealed() const noexcept { return data_key_.has_value(); }
  /// Precondition: sealed().
  byte_buffer wrap(const store_key& key) const;

  /// What is written of a body; it opens only under the same `label`. `sum` is its checksum, for the store's total.
  struct closed {
    byte_buffer bytes;
    std::uint64_t sum = 0;
  };
  closed close(std::string_view label, bytes_view body);
  /// Errors: store_corrupt.
  result<byte_buffer> open(std::string_view label, bytes_view written) const;

  /// The checksum alone: true where the bytes are what was written.
  static bool is_whole(bytes_view written, std::uint64_t sum);

 private:
  static constexpr std::size_t salt_bytes = 16;
  using salt = std::array<std::uint8_t, salt_bytes>;
  const crypto::aead_key& key_of(const salt& s) const;
  void begin(random_source random);

  std::optional<store_key> data_key_;
  random_source random_;
  salt salt_{};
  std::uint64_t counter_ = 0;
  mutable std::map<salt, crypto::aead_key> keys_;  ///< of this opening, and of those before it whose rows were read
};

}  // namespace quicsync::detail
