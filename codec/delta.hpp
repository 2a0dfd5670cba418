// Deltas: a new version of a pattern as what changed against the version that the receiver holds. They stand in blocks
// among whole records (docs/WIRE.md, "Block"). Values; a delta_block is made by block_decoder.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include <quicsync/codec/bytes.hpp>
#include <quicsync/codec/record.hpp>
#include <quicsync/codec/slab.hpp>

namespace quicsync {

/// How much of the body of one version (all that follows its id) stands at the beginning and the end of another's. The
/// two never overlap in either.
struct common_ends {
  std::uint16_t prefix_bytes = 0;
  std::uint16_t suffix_bytes = 0;
  std::size_t bytes() const noexcept { return std::size_t{prefix_bytes} + suffix_bytes; }
  bool operator==(const common_ends&) const = default;
};

/// Precondition: well-formed records of at most limits::delta_record_bytes.
common_ends common_ends_of(bytes_view base, bytes_view next) noexcept;

/// What a third version has in common with the first at least, where `first` is so between the first and the second,
/// and `second` between the second and the third.
common_ends joined(common_ends first, common_ends second) noexcept;

/// The number that tells whether the right record came out of a delta: the low half of its content hash.
inline std::uint64_t delta_check(const content_hash& hash) noexcept { return hash.low; }

/// One record of a block that stands as a delta.
struct block_delta {
  std::uint32_t place = 0;  ///< among the block's records
  common_ends kept;         ///< with the version that the receiver holds
  std::uint64_t check = 0;
};

/// A block of which some records stand as deltas, taken apart: they can be rebuilt where their bases are. Moves only.
class delta_block {
 public:
  struct item {
    std::uint32_t place = 0;  ///< among all records of the block
    common_ends kept;
    std::uint64_t key = 0;  ///< as slab_item's
    std::uint64_t version = 0;
    std::uint64_t timestamp = 0;
    std::uint64_t check = 0;
    std::uint32_t offset = 0;  ///< of the id in the bytes; the middle of the body follows
    std::uint32_t id_bytes = 0;
    std::uint32_t middle_bytes = 0;
  };

  delta_block() = default;
  delta_block(delta_block&&) = default;
  delta_block& operator=(delta_block&&) = default;

  /// The records that stand whole, in order; never null.
  const slab_ptr& whole() const noexcept { return whole_; }
  const std::vector<item>& deltas() const noexcept { return deltas_; }
  std::string_view id(const item& of) const noexcept {
    return {reinterpret_cast<const char*>(bytes_.data()) + of.offset, of.id_bytes};
  }
  bytes_view middle(const item& of) const noexcept {
    return bytes_view(bytes_).subspan(of.offset + of.id_bytes, of.middle_bytes);
  }
  /// All records.
  std::uint32_t size() const noexcept { return static_cast<std::uint32_t>(whole_->size() + deltas_.size()); }
  /// About what their records have together once they are rebuilt.
  std::size_t record_bytes() const noexcept { return whole_->record_bytes() + rebuilt_bytes_; }

 private:
  friend class block_decoder;
  slab_ptr whole_ = std::make_shared<const slab>();
  std::vector<item> deltas_;
  byte_buffer bytes_;
  std::size_t rebuilt_bytes_ = 0;
};

}  // namespace quicsync
