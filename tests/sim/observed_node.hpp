// A whole node in a fault run and an actor beside it that reads along: every change of what the node holds, in order,
// and every report of what it shared. It can be killed and started again. Owned by a fault run.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <tests/sim/sync_node.hpp>
#include <tests/sim/written_patterns.hpp>

#include <quicsync/actors/cache/pattern_table.hpp>

namespace quicsync::sim {

class observed_node {
 public:
  /// Called while the world advances, on whatever actor it happens.
  struct listener {
    std::function<void(observed_node&, const change_set&, const change&)> changed;
    std::function<void(observed_node&, std::uint64_t share, const sync_report&)> reported;
  };
  struct held_record {
    kept_order order;
    slab_ptr records;
    std::uint16_t index = 0;
    sharing access;
    peer_number source = this_node;
  };

  observed_node(simulated_world& world, node_config config, bool with_store, const listener& to);
  ~observed_node();

  const std::string& name() const noexcept { return config_.id; }
  const node_config& config() const noexcept { return config_; }
  /// What evicts forgets, where there is no store; such a node is partial sooner or later.
  bool forgets() const noexcept { return !disk_ && (config_.cache_entries || config_.cache_ttl); }

  /// Precondition of each: it is down, or up.
  void start();
  void crash();
  /// What its store has is gone. Precondition: it is down.
  void lose_disk();
  bool is_up() const noexcept { return node_ != nullptr; }
  /// Counts the starts.
  std::uint64_t incarnation() const noexcept { return incarnation_; }
  /// Counts the disks; 0: it has no store.
  std::uint64_t disk() const noexcept { return disk_ ? disks_ : 0; }

  /// It never was down and never lost a connection.
  bool is_undisturbed() const { return incarnation_ == 1 && node_->count("peer:disconnected") == 0; }

  /// The records as this node would make them, for share().
  slab_ptr records_of(const std::vector<pattern>& patterns);
  /// The number is unique in the run.
  void share(std::uint64_t number, slab_ptr records, delivery_wish wish);

  /// Why it holds what it holds of this id; `take` is not called where it holds nothing.
  void ask_why(std::string id, std::function<void(const pattern_table::reason&)> take);

  /// By id, the greatest that this incarnation ever held.
  std::map<std::string, kept_order>& newest() noexcept { return newest_; }
  /// By id, who might have it when it was last logged.
  std::map<std::string, sharing>& last_access() noexcept { return last_access_; }
  /// By id, deletions too; the world advances a little.
  std::map<std::string, held_record> held();
  node_state state() { return node_->ask_state(); }

 private:
  class reader;
  struct inbox;

  simulated_world& world_;
  node_config config_;
  const listener& listener_;
  std::uint64_t incarnation_ = 0;
  std::shared_ptr<tests::memory_disk> disk_;
  std::uint64_t disks_ = 0;
  std::unique_ptr<sync_node> node_;
  std::shared_ptr<inbox> inbox_;
  caf::actor reader_;
  std::map<std::string, kept_order> newest_;
  std::map<std::string, sharing> last_access_;
};

}  // namespace quicsync::sim
