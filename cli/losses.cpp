#include "losses.hpp"

#include <fmt/format.h>

namespace quicsync::cli {

void losses::follow(server& node) {
  node.on("peer:error", [this](const event& e) {
    std::lock_guard lock(mutex_);
    last_errors_.insert_or_assign(e.peer_id, e.failure);
  });
  node.on("peer:connected", [this](const event& e) {
    {
      std::lock_guard lock(mutex_);
      last_errors_.erase(e.peer_id);
      if (away_.erase(e.peer_id) == 0) return;
      news_.push_back(fmt::format("peer '{}' is back", e.peer_id));
    }
    changed_();
  });
  // A peer that says goodbye is gone without an error before.
  node.on("peer:disconnected", [this](const event& e) {
    error reason{errc::connection_closed, "it closed the connection"};
    {
      std::lock_guard lock(mutex_);
      if (auto known = last_errors_.find(e.peer_id); known != last_errors_.end()) reason = known->second;
      away_.emplace(e.peer_id, absence{std::chrono::steady_clock::now(), reason});
      news_.push_back(loss{e.peer_id, reason}.to_string());
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

std::optional<losses::loss> losses::lasting(std::chrono::steady_clock::duration patience) const {
  std::lock_guard lock(mutex_);
  std::optional<loss> longest;
  auto before = std::chrono::steady_clock::now() - patience;
  for (const auto& [peer, absent] : away_) {
    if (absent.since > before) continue;
    before = absent.since;
    longest = {peer, absent.reason};
  }
  return longest;
}

std::vector<std::string> losses::take_news() {
  std::lock_guard lock(mutex_);
  return std::exchange(news_, {});
}

std::string losses::loss::to_string() const {
  return fmt::format("lost {}: {}", peer.empty() ? "the peers" : fmt::format("peer '{}'", peer),
                     quicsync::to_string(reason));
}

}  // namespace quicsync::cli
