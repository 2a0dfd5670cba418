// How an agent is run: its name, where, and what happens when it fails. A plain value.
#pragma once
#include <optional>
#include <string>

#include <quicsync/actors/peer/backoff.hpp>

namespace quicsync {

enum class placement : unsigned char {
  pool,  ///< on CAF's worker threads: heavy work scales across cores
  loop,  ///< on the node's loop, beside cache and peers: no thread to wake, so the least latency; never for heavy work
};

class agent_options {
 public:
  // NOLINTNEXTLINE(google-explicit-constructor): a name alone is enough
  agent_options(std::string name) : name_(std::move(name)) {}
  agent_options(const char* name) : name_(name) {}

  agent_options& on(placement where) {
    where_ = where;
    return *this;
  }
  /// Runs the function again, with its first arguments, after it ended with an exception: after a wait that grows
  /// (backoff.hpp), at most `max_attempts` times in a row; then the agent ends with the last exception's text. A life
  /// that lasted longer than `max_delay` begins a new row. Messages that came meanwhile are kept. Unless said, an agent
  /// is never restarted.
  agent_options& restart_on_failure(retry_policy policy = {}) {
    restarts_ = policy;
    return *this;
  }

  const std::string& name() const noexcept { return name_; }
  placement where() const noexcept { return where_; }
  const std::optional<retry_policy>& restarts() const noexcept { return restarts_; }

 private:
  std::string name_;
  placement where_ = placement::pool;
  std::optional<retry_policy> restarts_;
};

}  // namespace quicsync
