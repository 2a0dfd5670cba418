#include <algorithm>

#include <quicsync/actors/peer/neighbourhood.hpp>

namespace quicsync {
namespace {

/// Half of what a control frame may have: names and their sizes.
constexpr std::size_t names_bytes = limits::control_frame_bytes / 2;

}  // namespace

bool neighbourhood::peer_up(peer_number peer, const std::string& name, bool takes_all) {
  if (!takes_all) return ours_.erase(peer) != 0;
  return ours_.insert_or_assign(peer, name).second;
}

bool neighbourhood::peer_down(peer_number peer) {
  said_.erase(peer);
  return ours_.erase(peer) != 0;
}

bool neighbourhood::says(peer_number peer, std::vector<std::string> names) {
  auto& held = said_[peer];
  if (held == names) return false;
  held = std::move(names);
  return true;
}

std::vector<std::string> neighbourhood::our_names() const {
  std::vector<std::string> names;
  std::size_t bytes = 0;
  for (const auto& [peer, name] : ours_) {
    bytes += name.size() + 2;
    if (bytes > names_bytes || names.size() == limits::frame_names) break;
    names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace quicsync
