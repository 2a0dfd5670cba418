// A whole quicsync node in a simulated world: coordinator, cache, peers, ledger and transport, with a small actor that
// speaks for the test.
#pragma once
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <tests/actors/memory_store.hpp>
#include <tests/sim/simulated_world.hpp>
#include <tests/transport/identities.hpp>

#include <quicsync/actors/coordinator/coordinator_actor.hpp>
#include <quicsync/actors/messages.hpp>
#include <quicsync/codec/slab.hpp>

namespace quicsync::sim {

class sync_node {
 public:
  /// `disk`: it keeps its patterns there, and finds what is there already; null: in memory only.
  explicit sync_node(simulated_world& world, const std::string& name, node_config config = {},
                     std::shared_ptr<tests::memory_disk> disk = nullptr);
  sync_node(const sync_node&) = delete;
  sync_node& operator=(const sync_node&) = delete;

  const std::string& name() const noexcept { return name_; }
  simulated_node& place() noexcept { return node_; }
  /// Null once it is stopped.
  const caf::actor& cache() const noexcept { return log_->cache; }

  /// Everything below is asked for now and answered while the world advances.
  void connect(const sync_node& other);
  void share(const std::vector<pattern>& patterns, delivery_wish wish = {});
  void remove_peer(const std::string& name);
  /// From now on this configuration; what only a new start can change must be as it was.
  void reload(node_config next);
  void stop();
  /// Asks a connected node; ids of the answer, in any order. The world advances until it is there.
  std::set<std::string> ask(const sync_node& other, query_frame::kind what, std::string argument = {});

  /// Answers to remove_peer() and reload().
  std::size_t answered() const noexcept { return log_->answered; }
  bool started() const noexcept { return log_->started; }
  bool stopped() const noexcept { return log_->stopped; }
  const std::vector<sync_report>& reports() const noexcept { return log_->reports; }
  /// Those that came since the last call; reports() then begins anew.
  std::vector<sync_report> take_reports() { return std::exchange(log_->reports, {}); }
  const std::vector<event>& events() const noexcept { return log_->events; }
  std::size_t count(const std::string& event_name) const;
  /// State and statistics; the world advances a little.
  node_state ask_state();

  /// What the node holds, "id@version=data" by id; read through the cache's messages, so the world advances a little.
  std::map<std::string, std::string> state();

 private:
  struct log {
    bool started = false;
    bool stopped = false;
    std::size_t answered = 0;
    std::optional<error> failure;
    caf::actor cache;
    std::vector<sync_report> reports;
    std::vector<event> events;
    std::map<std::string, std::string> state;
    bool state_whole = false;
    std::set<std::string> answer;
    bool answer_whole = false;
    std::optional<node_state> statistics;
  };
  class speaker;

  simulated_world& world_;
  std::string name_;
  simulated_node& node_;
  std::shared_ptr<log> log_;
  caf::actor coordinator_, speaker_;
  std::uint64_t last_share_ = 0;
};

}  // namespace quicsync::sim
