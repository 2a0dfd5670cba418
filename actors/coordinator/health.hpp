// Which connections are well: the coordinator's memory of its health checks. Decisions only; time is an argument.
#pragma once
#include <chrono>
#include <cstdint>
#include <map>

#include <quicsync/actors/coordinator/membership.hpp>
#include <quicsync/actors/report.hpp>

namespace quicsync {

/// So many errors since the last acknowledgement make a connection unhealthy.
inline constexpr std::uint64_t unhealthy_errors = 5;
/// So long without any acknowledgement while one is due, likewise.
inline constexpr std::chrono::seconds unhealthy_silence{60};

class health_watch {
 public:
  /// At each health check: true where the connection was well at the last check and is not any more.
  bool check(member_id id, const connection_state& state, std::int64_t now_ms);
  /// Now, by what the checks saw so far.
  bool is_healthy(member_id id, const connection_state& state, std::int64_t now_ms) const;
  void forget(member_id id) { seen_.erase(id); }

 private:
  struct sight {
    std::int64_t last_sync_ms = 0;
    std::int64_t due_since_ms = 0;  ///< 0: nothing is due
    bool healthy = true;
  };
  std::map<member_id, sight> seen_;
};

}  // namespace quicsync
