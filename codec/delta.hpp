// Deltas: a new version of a pattern as what changed against a version that the receiver is known to hold.
// docs/WIRE.md, "delta". Pure functions.
#pragma once
#include <cstdint>

#include <quicsync/codec/bytes.hpp>
#include <quicsync/codec/error.hpp>
#include <quicsync/codec/record.hpp>

namespace quicsync {

/// Names a record that is held: the lower half of its content hash. It stands for the id too, and is never trusted
/// alone: a delta also carries a check of the record it gives.
std::uint64_t base_reference(const content_hash& hash) noexcept;

/// Appends the delta from `base` to `next`. Precondition: well-formed records of one id. Where little is alike it can
/// be larger than the record: the caller compares sizes and sends the record instead.
void append_delta(byte_buffer& out, bytes_view base, bytes_view next);

/// A delta taken apart; views are into its bytes.
struct delta_view {
  std::uint64_t base = 0;   ///< the base_reference to look up
  std::uint32_t check = 0;  ///< lowest bits of the new record's content hash
  std::int64_t version_step = 0;
  std::int64_t timestamp_step = 0;
  std::uint64_t prefix_bytes = 0;  ///< of the base's body, kept
  std::uint64_t suffix_bytes = 0;  ///< of the base's body, kept
  std::uint64_t middle_bytes = 0;  ///< between the two, in the new body
  bool middle_lz4 = false;         ///< compressed, the base's body being the dictionary
  bytes_view middle;
};

/// Takes the first delta off `bytes`, which may hold several. Errors: truncated, bad_record, too_large.
result<delta_view> take_delta(bytes_view& bytes);

/// Appends the new record. `base` is the record that `delta.base` names. Errors (nothing is appended): unknown_base
/// where the delta does not fit this base or gives another record than was meant; too_large.
result<void> apply_delta(byte_buffer& out, const delta_view& delta, bytes_view base);

}  // namespace quicsync
