#include <quicsync/codec/merge.hpp>
#include <quicsync/codec/planted.hpp>

namespace quicsync {

merge_result merge(const record_order& held, const record_order& incoming) noexcept {
  const auto order = incoming <=> held;
  if (planted(bug::wrong_tie_break) && order != 0 && incoming.version == held.version)
    return {merge_outcome::older, true};
  if (order == 0) return {merge_outcome::same, false};
  const bool conflict = incoming.version == held.version;
  return {order > 0 ? merge_outcome::replaces : merge_outcome::older, conflict};
}

order_part first_difference(const record_order& one, const record_order& other) noexcept {
  if (one.version != other.version) return order_part::version;
  if (one.timestamp != other.timestamp) return order_part::timestamp;
  if (one.agent_id != other.agent_id) return order_part::agent_id;
  if (one.deleted != other.deleted) return order_part::deleted;
  if (one.hash != other.hash) return order_part::content;
  return order_part::none;
}

bool is_expired(std::optional<std::int64_t> expires_at, std::int64_t now_ms) noexcept {
  return expires_at && *expires_at <= now_ms;
}

bool is_past_horizon(const record_view& record, std::int64_t now_ms, std::chrono::milliseconds horizon) noexcept {
  std::int64_t gone_ms = record.timestamp();
  if (!record.deleted()) {
    if (!is_expired(record.expires_at(), now_ms)) return false;
    gone_ms = *record.expires_at();
  }
  return gone_ms < now_ms && now_ms - gone_ms >= horizon.count();
}

}  // namespace quicsync
