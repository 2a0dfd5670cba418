#include <fmt/format.h>
#include <nettle/sha2.h>

#include <quicsync/codec/checksum.hpp>
#include <quicsync/codec/hex.hpp>

namespace quicsync {
namespace {

constexpr std::string_view crc32c_prefix = "crc32c:", sha256_prefix = "sha256:";

constexpr std::array<std::uint32_t, 256> crc_table = [] {
  constexpr std::uint32_t polynomial = 0x82f63b78;  // Castagnoli's, bits reversed
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    auto value = i;
    for (int bit = 0; bit < 8; ++bit) value = value >> 1 ^ (value & 1 ? polynomial : 0);
    table[i] = value;
  }
  return table;
}();

bool same_hex(std::string_view given, std::string_view computed) noexcept {
  if (given.size() != computed.size()) return false;
  for (std::size_t i = 0; i < given.size(); ++i) {
    const char c = given[i] >= 'A' && given[i] <= 'F' ? static_cast<char>(given[i] - 'A' + 'a') : given[i];
    if (c != computed[i]) return false;
  }
  return true;
}

}  // namespace

std::uint32_t crc32c(bytes_view bytes) noexcept {
  std::uint32_t value = ~0u;
  for (const auto byte : bytes) value = value >> 8 ^ crc_table[(value ^ byte) & 0xff];
  return ~value;
}

std::array<std::uint8_t, 32> sha256(bytes_view bytes) noexcept {
  std::array<std::uint8_t, SHA256_DIGEST_SIZE> digest{};
  sha256_ctx context;
  sha256_init(&context);
  sha256_update(&context, bytes.size(), bytes.data());
  sha256_digest(&context, digest.size(), digest.data());
  return digest;
}

std::string checksum_of(std::string_view data, checksum_method method) {
  if (method == checksum_method::crc32c) return fmt::format("{}{:08x}", crc32c_prefix, crc32c(as_bytes(data)));
  const auto digest = sha256(as_bytes(data));
  char digits[2 * SHA256_DIGEST_SIZE];
  detail::unpack_hex(digits, digest.data(), digest.size());
  return std::string(sha256_prefix).append(digits, sizeof(digits));
}

result<void> check_checksum(std::string_view checksum, std::string_view data) {
  const auto against = [&](std::string_view prefix, checksum_method method) -> result<void> {
    const auto computed = checksum_of(data, method);
    if (same_hex(checksum.substr(prefix.size()), std::string_view(computed).substr(prefix.size()))) return {};
    return fail(errc::bad_checksum, fmt::format("metadata.checksum: data has {}, not {}", computed, checksum));
  };
  if (checksum.starts_with(crc32c_prefix)) return against(crc32c_prefix, checksum_method::crc32c);
  if (checksum.starts_with(sha256_prefix)) return against(sha256_prefix, checksum_method::sha256);
  return {};
}

result<void> check_checksum(const pattern& value) {
  if (!value.metadata.checksum) return {};
  return check_checksum(*value.metadata.checksum, value.data);
}

}  // namespace quicsync
