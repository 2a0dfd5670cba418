// The readers of a node's events over the admin endpoint, each with a bounded backlog: who is slow is told how much it
// missed, and holds up nobody. Used from any thread.
#pragma once
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <quicsync/codec/limits.hpp>

namespace quicsync {

class event_streams {
 public:
  class stream {
   public:
    /// What has come, as server-sent events; empty: nothing within this time. Blocks.
    std::string next(std::chrono::milliseconds patience);
    bool over() const;

   private:
    friend class event_streams;
    mutable std::mutex mutex_;
    std::condition_variable some_;
    std::deque<std::shared_ptr<const std::string>> waiting_;  ///< ready to be sent
    std::uint64_t skipped_ = 0;
    bool patterns_ = false;
    bool over_ = false;
  };

  /// Null: there are as many as there may be.
  std::shared_ptr<stream> open(bool patterns);
  void close(const std::shared_ptr<stream>& which);
  /// `data`: one line of JSON. `of_patterns`: only for streams that want them.
  void tell(const std::string& name, const std::string& data, bool of_patterns = false);
  /// So many patterns were not told one by one.
  void skip_patterns(std::uint64_t count);
  bool any() const;
  bool any_wants_patterns() const;
  /// Every stream ends, and no other begins.
  void end();

 private:
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<stream>> open_;
  std::uint64_t last_number_ = 0;
  bool ended_ = false;
};

}  // namespace quicsync
