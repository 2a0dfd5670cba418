// Blocks at rest: an independent block behind a checksum. On the wire QUIC vouches for every byte; a disk does not.
// docs/WIRE.md, "stored block". Pure functions.
#pragma once
#include <quicsync/codec/bytes.hpp>
#include <quicsync/codec/error.hpp>

namespace quicsync {

/// Appends the checksum (8 bytes, XXH3 of 64 bits) and the block.
void append_stored_block(byte_buffer& out, bytes_view block);

/// The block; a view into `stored`. Errors: truncated, hash_mismatch where any bit differs from what was written.
result<bytes_view> open_stored_block(bytes_view stored);

}  // namespace quicsync
