// Looks at a node for the admin endpoint while it runs: samples its actors, tells event streams what happens, and knows
// whether the node still answers. Two threads of its own, since a node that is stuck answers nobody.
#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include <quicsync/actors/inspect/event_streams.hpp>
#include <quicsync/actors/log_cursor.hpp>
#include <quicsync/actors/server.hpp>

namespace quicsync {

class node_watch {
 public:
  /// `node` and `streams` outlive it.
  node_watch(server& node, event_streams& streams);
  ~node_watch();
  node_watch(const node_watch&) = delete;
  node_watch& operator=(const node_watch&) = delete;

  /// The node's loop has answered lately.
  bool answers() const noexcept;

 private:
  template <class F>
  void every(std::chrono::milliseconds time, F&& what);
  void look(unsigned round);
  void tell_stats(const node_state& state);
  void tell_patterns();

  server& node_;
  event_streams& streams_;
  std::atomic<std::int64_t> answered_ms_;  ///< of the steady clock
  bool follows_log_ = false;               ///< somebody wants patterns, and the log's end was found
  log_cursor read_to_;
  std::mutex mutex_;
  std::condition_variable ends_;
  bool over_ = false;
  std::thread samples_, looks_;
};

}  // namespace quicsync
