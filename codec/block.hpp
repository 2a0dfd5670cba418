// Blocks: records one after another, compressed with lz4 against what went before on the same lane. docs/WIRE.md,
// "block".
#pragma once
#include <memory>
#include <span>

#include <quicsync/codec/bytes.hpp>
#include <quicsync/codec/delta.hpp>
#include <quicsync/codec/error.hpp>
#include <quicsync/codec/slab.hpp>

namespace quicsync {

/// The sending side of one lane: keeps up to 64 KB of history. Independent blocks come from `fresh` on each one.
class block_encoder {
 public:
  explicit block_encoder(bool compress = true);
  ~block_encoder();
  block_encoder(block_encoder&&) noexcept;
  block_encoder& operator=(block_encoder&&) noexcept;

  /// Appends one block with these records in this order. `fresh`: forget the history first (and say so in the block).
  /// Blocks that do not shrink go raw. Precondition: each of them is a record that was checked (of a slab, say); their
  /// bytes together are at most limits::block_bytes, or it is a single one of at most limits::pattern_bytes.
  void append(byte_buffer& out, std::span<const bytes_view> records, bool fresh = false);

  /// The same, where some of them stand as deltas (by place, ascending): at most limits::delta_block_records records,
  /// the deltas' of at most limits::delta_record_bytes each.
  void append(byte_buffer& out, std::span<const bytes_view> records, std::span<const block_delta> deltas,
              bool fresh = false);

  /// Gives the history's memory back until the next block, which then is a fresh one.
  void release();

 private:
  struct state;
  std::unique_ptr<state> state_;
  bool compress_ = true;
};

/// The receiving side of one lane.
class block_decoder {
 public:
  block_decoder();
  ~block_decoder();
  block_decoder(block_decoder&&) noexcept;
  block_decoder& operator=(block_decoder&&) noexcept;

  /// Appends the records of one whole block to slabs: `out` is filled up, and full slabs are moved to `full`.
  /// Sizes are checked before anything is allocated. Errors: bad_block, bad_record, truncated, too_large: the lane
  /// cannot go on after any of them (the history is lost); what was appended before stays.
  result<void> decode(bytes_view block, slab_builder& out, std::vector<slab_ptr>& full);

  /// Whether records of a block stand as deltas: such a block is for decode_deltas() and an error for decode().
  static bool has_deltas(bytes_view block) noexcept;
  /// The next block of the lane, when it is one of those. Errors: as decode().
  result<delta_block> decode_deltas(bytes_view block, std::uint64_t key_seed);

  /// Gives the history's memory back; the next block must be a fresh one.
  void release();

 private:
  result<bytes_view> unpack_linked(std::uint8_t flags, bytes_view payload, std::size_t size);
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace quicsync
