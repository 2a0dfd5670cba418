// A node's log: one line an event on stderr, in fields (logfmt), so that people and programs can read it. What a peer
// said is escaped and cut; of one kind no more than so many lines a second, the rest is counted and said later. Safe on
// any thread.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include <quicsync/actors/event.hpp>
#include <quicsync/codec/error.hpp>

namespace spdlog {
class logger;
}

namespace quicsync {

class node_log {
 public:
  explicit node_log(std::shared_ptr<spdlog::logger> to);

  void write(const event& what);
  /// For what is no event. `text` is ours; what others said goes through logged_text() first.
  void info(std::string_view text);
  void error(std::string_view text);

  /// trace, debug, info, warn, error or off. Errors: usage.
  result<void> set_level(std::string_view name);

 private:
  struct rate {
    std::int64_t second = 0;
    std::size_t lines = 0;
    std::size_t left_out = 0;
  };

  std::shared_ptr<spdlog::logger> to_;
  std::mutex mutex_;
  std::map<std::string, rate, std::less<>> rates_;  ///< by the event's name
};

/// `"text"`, one line, cut at limits::logged_text_bytes between characters; what a terminal might obey is escaped.
std::string logged_text(std::string_view text);

}  // namespace quicsync
