#include <algorithm>

#include <quicsync/actors/report.hpp>

namespace quicsync {

bool sync_report::complete() const noexcept {
  if (failure.code != errc::none || peers.empty()) return false;
  bool taken = std::none_of(local.begin(), local.end(),
                            [](const share_outcome& o) { return o.what == share_outcome::verdict::refused; });
  bool acknowledged = std::all_of(peers.begin(), peers.end(), [](const peer_outcome& p) {
    return p.failure.code == errc::none && p.refused.empty();
  });
  return taken && acknowledged;
}

}  // namespace quicsync
