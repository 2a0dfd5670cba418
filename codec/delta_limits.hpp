// The bounds of deltas (docs/WIRE.md, "Block"), as in codec/limits.hpp.
#pragma once
#include <cstddef>
#include <cstdint>

#include <quicsync/codec/limits.hpp>

namespace quicsync::limits {

inline constexpr std::size_t delta_record_bytes =
    (64u << 10) - 1;  ///< a record that stands as a delta: bounds what few bytes can stand for
inline constexpr std::size_t delta_block_records = slab_records;  ///< of a block with deltas: they come as one slab
inline constexpr std::size_t delta_kept_bytes =
    32;  ///< that a delta has in common with its base at least: below, a check of eight bytes costs more than it saves
inline constexpr std::size_t delta_ratio_bytes =
    256u << 10;  ///< of whole records, from which a lane knows what compression makes of them
inline constexpr std::size_t deltas_unsettled =
    65'536;  ///< sent on a lane and not acknowledged: each is kept whole until then
inline constexpr std::size_t deltas_missing =
    2 * deltas_unsettled;  ///< on a lane, of which the base was not held and the whole record has not come yet
inline constexpr std::uint64_t deltas_doubted =
    256;  ///< may miss their base at a peer; from then on no more than one in eight of all
inline constexpr std::size_t replacements_kept =
    1u << 20;  ///< positions of which is known what they replaced: 24 MB, where a reader is that far behind
inline constexpr unsigned delta_steps = 16;  ///< versions that a delta may pass over

}  // namespace quicsync::limits
