// Who sends to whom around this node, so that what came from a peer is not relayed to those whom that peer serves
// itself: the nodes that this node sends everything to, and what each peer says of its own. Owned by the ledger actor;
// decisions only.
#pragma once
#include <map>
#include <string>
#include <vector>

#include <quicsync/actors/messages.hpp>

namespace quicsync {

class neighbourhood {
 public:
  /// A peer is there, or wants something else now. True when our_names() changed.
  bool peer_up(peer_number peer, const std::string& name, bool takes_all);
  /// True when our_names() changed.
  bool peer_down(peer_number peer);

  /// What a peer says. False where that is what it said before.
  bool says(peer_number peer, std::vector<std::string> names);

  /// Sorted; cut to what fits a frame on the control lane: who is left out gets some things twice.
  std::vector<std::string> our_names() const;
  const std::map<peer_number, std::vector<std::string>>& said() const noexcept { return said_; }

 private:
  std::map<peer_number, std::string> ours_;
  std::map<peer_number, std::vector<std::string>> said_;
};

}  // namespace quicsync
