// The shares of a server handle that wait for their reports. They go to the cache from the caller's own thread, so that
// none has to wake to pass them on; their reports come to the gate. Threads share it.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include <quicsync/actors/messages.hpp>

namespace quicsync {

class share_desk {
 public:
  using handler = std::function<void(const sync_report&)>;

  /// Shares go to this cache from now on.
  void open(caf::actor cache);
  /// No more shares are taken; those that wait stay.
  void drain();
  /// Nor do those that wait: they are the caller's to answer.
  std::vector<handler> close();

  /// Sends the share to the cache, and keeps `done` until take(). Otherwise why not, and both are as they were: the
  /// node is not running, or is stopping.
  std::optional<error> hand_over(messages::share& question, handler& done);
  /// Who waits for the report of this number, and waits no more; null: nobody.
  handler take(std::uint64_t number);
  bool empty() const;

 private:
  mutable std::mutex mutex_;
  caf::actor cache_;  ///< null: not running
  bool draining_ = false;
  std::uint64_t last_number_ = 0;
  std::map<std::uint64_t, handler> waiting_;
};

}  // namespace quicsync
