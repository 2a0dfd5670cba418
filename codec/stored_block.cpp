#define XXH_INLINE_ALL
#include <xxhash.h>

#include <quicsync/codec/stored_block.hpp>
#include <quicsync/codec/varint.hpp>

namespace quicsync {
namespace {

constexpr std::uint64_t seed = 0x71756963626c6f63;  // "quicbloc": a stored block is told from other uses of the hash

}  // namespace

void append_stored_block(byte_buffer& out, bytes_view block) {
  detail::append_u64(out, XXH3_64bits_withSeed(block.data(), block.size(), seed));
  detail::append_bytes(out, block);
}

result<bytes_view> open_stored_block(bytes_view stored) {
  detail::byte_reader in(stored);
  const auto checksum = in.u64();
  if (!in.ok()) return fail(errc::truncated, "stored block: ends in its checksum");
  const auto block = in.rest();
  if (XXH3_64bits_withSeed(block.data(), block.size(), seed) != checksum) {
    return fail(errc::hash_mismatch, "stored block: its bytes do not give its checksum");
  }
  return block;
}

}  // namespace quicsync
