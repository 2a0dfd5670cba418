// The merge rule: which of two records of one id stays. One total order, so that any order and any number of deliveries
// ends in the same state on every node. docs/WIRE.md, "merge rule". Pure functions: the time is an argument.
#pragma once
#include <chrono>
#include <cstdint>
#include <optional>

#include <quicsync/codec/record.hpp>

namespace quicsync {

/// What an incoming record does to the one that is held.
enum class merge_outcome : std::uint8_t {
  replaces,  ///< it is greater: it is the state now
  same,      ///< it is the record that is held, delivered again
  older,     ///< it is smaller: nothing changes
};

struct merge_result {
  merge_outcome outcome = merge_outcome::replaces;
  /// Same version, other content: two writers met. The smaller one is the loser; a conflict event carries it.
  bool conflict = false;
  bool operator==(const merge_result&) const = default;
};

/// Compares by (version, timestamp, agentId, deleted, content hash), in this order, and by nothing else. Neither expiry
/// nor arrival counts: they differ from node to node.
merge_result merge(const record_order& held, const record_order& incoming) noexcept;

/// The first part of the order in which two records of an id differ: the rule that decides between them. `tie`: one
/// after the version, which a store does not remember.
enum class order_part : std::uint8_t { none, version, timestamp, agent_id, deleted, content, tie };
order_part first_difference(const record_order& one, const record_order& other) noexcept;

/// True once the pattern's `expiresAt` is reached: its payload goes, its order stays (a later refresh must still win,
/// and what is older must still lose).
bool is_expired(std::optional<std::int64_t> expires_at, std::int64_t now_ms) noexcept;

/// True when the order of a deleted or expired record may be forgotten too: `horizon` after it was deleted or expired,
/// by the record's own times, so that nodes agree. Never for a live record.
bool is_past_horizon(const record_view& record, std::int64_t now_ms, std::chrono::milliseconds horizon) noexcept;

}  // namespace quicsync
