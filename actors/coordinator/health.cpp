#include <quicsync/actors/coordinator/health.hpp>

namespace quicsync {

bool health_watch::is_healthy(member_id id, const connection_state& state, std::int64_t now_ms) const {
  if (!state.connected || state.errors_in_row >= unhealthy_errors) return false;
  auto it = seen_.find(id);
  if (it == seen_.end() || it->second.due_since_ms == 0) return true;
  if (!state.sync_due || state.last_sync_ms != it->second.last_sync_ms) return true;
  return now_ms - it->second.due_since_ms < std::chrono::milliseconds(unhealthy_silence).count();
}

bool health_watch::check(member_id id, const connection_state& state, std::int64_t now_ms) {
  auto& seen = seen_[id];
  if (!state.sync_due)
    seen.due_since_ms = 0;
  else if (seen.due_since_ms == 0 || state.last_sync_ms != seen.last_sync_ms)
    seen.due_since_ms = now_ms;
  seen.last_sync_ms = state.last_sync_ms;
  bool was_healthy = seen.healthy;
  seen.healthy = is_healthy(id, state, now_ms);
  return was_healthy && !seen.healthy;
}

}  // namespace quicsync
