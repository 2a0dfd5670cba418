#include "losses.hpp"

#include <fmt/format.h>

namespace quicsync::cli {

void losses::follow(server& node) {
  node.on("peer:error", [this](const event& e) {
    std::lock_guard lock(mutex_);
    last_errors_.insert_or_assign(e.peer_id, e.failure);
  });
  // A peer that says goodbye is gone without an error before.
  node.on("peer:disconnected", [this](const event& e) {
    error reason{errc::connection_closed, "it closed the connection"};
    {
      std::lock_guard lock(mutex_);
      if (auto known = last_errors_.find(e.peer_id); known != last_errors_.end()) reason = known->second;
    }
    note(e.peer_id, reason);
  });
}

void losses::note(const std::string& peer, const error& reason) {
  {
    std::lock_guard lock(mutex_);
    if (!first_) first_ = {peer, reason};
  }
  changed_();
}

std::optional<losses::loss> losses::first() const {
  std::lock_guard lock(mutex_);
  return first_;
}

std::string losses::loss::to_string() const {
  return fmt::format("lost {}: {}", peer.empty() ? "the peers" : fmt::format("peer '{}'", peer),
                     quicsync::to_string(reason));
}

}  // namespace quicsync::cli
