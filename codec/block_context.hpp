// What a block codes a record's head against: the timestamp and the numbered id that went before. docs/WIRE.md,
// "block". Internal to codec/. One each side of a lane; both sides change alike.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include <quicsync/codec/bytes.hpp>
#include <quicsync/codec/delta.hpp>
#include <quicsync/codec/varint.hpp>

namespace quicsync::detail {

struct record_head;

/// A packed record takes no more than this for a record of `record_bytes`.
constexpr std::size_t packed_record_bound(std::size_t record_bytes) noexcept { return record_bytes + 12; }

/// And no more than this where it stands as a delta.
constexpr std::size_t packed_delta_bound(std::size_t record_bytes) noexcept {
  return packed_record_bound(record_bytes) + 16;
}

class block_context {
 public:
  /// Writes the packed form of a well-formed record: the size of its body, the body, and the head coded against what
  /// went before. Returns the end. `to` has room for packed_record_bound.
  std::uint8_t* pack(std::uint8_t* to, bytes_view record);

  // -- in a block with deltas, where the lowest bit of the first number tells the two apart

  /// The record whole. `to` has room for packed_record_bound.
  std::uint8_t* pack_whole(std::uint8_t* to, bytes_view record);
  /// What lies between `kept`. `to` has room for packed_delta_bound.
  std::uint8_t* pack_delta(std::uint8_t* to, bytes_view record, common_ends kept, std::uint64_t check);

  /// A record taken out of a block, not yet in its own form. Views are into the block, the context or this itself, and
  /// valid until the context is used again.
  struct unpacked {
    std::uint64_t version = 0;
    std::uint64_t timestamp = 0;
    std::string_view id_prefix, id_rest;
    bytes_view body;
    char digits[40];

    std::size_t size_bound() const noexcept {
      return 3 * varint_bytes_max + id_prefix.size() + id_rest.size() + body.size();
    }
    /// Writes the record; `to` has room for size_bound. Returns the end, and where its id stands now.
    std::uint8_t* write(std::uint8_t* to, std::string_view& id) const noexcept;
  };

  /// Reads one packed record. False where it is none.
  bool unpack(unpacked& record, byte_reader& in);

  /// The same of a block with deltas; `record.body` of a delta is what lies between `kept`.
  struct unpacked_delta {
    bool is_delta = false;
    common_ends kept;
    std::uint64_t check = 0;
  };
  bool unpack(unpacked& record, unpacked_delta& delta, byte_reader& in);

 private:
  void remember(std::string_view id);
  std::uint8_t* pack_head(std::uint8_t* to, const record_head& head);
  bool unpack_head(unpacked& record, byte_reader& in);
  void print_number(std::uint64_t number) noexcept;
  std::string prefix_;  ///< what stands before the number of the last id that ended in one
  std::uint64_t number_ = 0;
  char digits_[20] = {};          ///< of number_, where a record was taken out by it
  std::uint8_t digit_count_ = 0;  ///< 0: they are not of number_
  std::uint64_t timestamp_ = 0;
};

}  // namespace quicsync::detail
