// Which connections of a client ended, and why. Told by the node's events, on a thread of the node; read by the main
// thread. Make it before the node, so that it is there as long as there are events.
#pragma once
#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <quicsync/actors/server.hpp>

namespace quicsync::cli {

class losses {
 public:
  /// `changed` is called after each loss and return, on a thread of the node.
  explicit losses(std::function<void()> changed) : changed_(std::move(changed)) {}

  /// Follows the node's events; before it connects to anybody.
  void follow(server& node);

  /// A share was not acknowledged by this peer (empty: by any), with the reason.
  void note(const std::string& peer, const error& reason);

  struct loss {
    std::string peer;  ///< empty: not known which
    error reason;
    std::string to_string() const;  ///< "lost peer 'alpha': …"
  };
  /// The first one.
  std::optional<loss> first() const;
  /// Of those that are not connected again, the one that was lost first, if that was longer ago than `patience`.
  std::optional<loss> lasting(std::chrono::steady_clock::duration patience) const;
  /// What changed since the last call, for people: peers that were lost, and came back.
  std::vector<std::string> take_news();

 private:
  const std::function<void()> changed_;
  mutable std::mutex mutex_;                  ///< guards what follows
  std::map<std::string, error> last_errors_;  ///< by peer
  std::optional<loss> first_;
  struct absence {
    std::chrono::steady_clock::time_point since;
    error reason;
  };
  std::map<std::string, absence> away_;  ///< by peer
  std::vector<std::string> news_;
};

}  // namespace quicsync::cli
