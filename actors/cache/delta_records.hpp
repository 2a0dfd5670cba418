// The records that a block with deltas stands for, from what the pattern table holds. A pure function of the two.
#pragma once
#include <cstdint>
#include <vector>

#include <quicsync/actors/cache/pattern_table.hpp>
#include <quicsync/codec/delta.hpp>
#include <quicsync/codec/slab.hpp>

namespace quicsync {

/// One record of the block.
struct placed_record {
  slab_ptr records;  ///< null: what it was made against is not held, and it has to be sent whole
  std::uint16_t index = 0;
};

/// One for each record of the block, in order: as it stood there, rebuilt, or (where that very record is held already)
/// the one that is held.
std::vector<placed_record> rebuild(const delta_block& block, const pattern_table& table, std::uint64_t key_seed);

}  // namespace quicsync
