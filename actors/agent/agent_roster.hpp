// Which agents of a node there are, how they are, and why the last ones ended. Shared by the node's handle and its
// agents, on any thread; an agent touches it when it begins, fails and ends, never while it works.
#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <quicsync/transport/caf_compat.hpp>

namespace quicsync {

/// What a supervisor, or somebody who looks, sees of an agent.
struct agent_status {
  enum class state : std::uint8_t { running, restarting, ended, failed } what = state::running;
  std::string name;
  std::uint32_t restarts = 0;
  std::string last_error;              ///< text of the exception that ended it last; empty: none did
  std::uint64_t refused_messages = 0;  ///< because too many waited
};

class agent_roster {
 public:
  /// A place in the roster, part of the agent's host. Costs a failing agent, not a healthy one.
  class entry {
   protected:
    entry() = default;
    ~entry() = default;
    void count_refused_message() noexcept { refused_messages_.fetch_add(1, std::memory_order_relaxed); }

   private:
    friend class agent_roster;
    entry* next_ = nullptr;
    entry* previous_ = nullptr;
    caf::weak_actor_ptr actor_;
    const std::string* name_ = nullptr;
    std::unique_ptr<agent_status> failures_;  ///< null: it never failed
    std::atomic<std::uint32_t> refused_messages_{0};
    bool listed_ = false;
  };

  // -- agents
  /// False: the roster is closed, and the agent must end. `name` lives as long as the entry.
  bool join(entry& who, const std::string& name, caf::actor_control_block* actor);
  void failed(entry& who, const std::string& why, bool restarts);
  void restarted(entry& who);
  /// Once it is gone. Also for one that never joined.
  void leave(entry& who);

  // -- their node
  /// Those that failed and are gone, then those that live and have failed before, then the others; so many at most.
  std::vector<agent_status> list(std::size_t at_most = SIZE_MAX) const;
  /// Those that live.
  std::size_t size() const;
  /// From now on none joins. Tells all to end, and waits until they have.
  void close();

 private:
  agent_status status_of(const entry& who) const;

  mutable std::mutex mutex_;
  std::condition_variable emptied_;
  entry* first_ = nullptr;
  std::size_t size_ = 0;
  bool closed_ = false;
  std::deque<agent_status> gone_;  ///< the last limits::agents_remembered that failed
};

}  // namespace quicsync
