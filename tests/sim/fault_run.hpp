// One fault run: the nodes of a plan work for a minute while things go wrong, then everything heals, and then they must
// hold the same. What must never be seen (DESIGN's invariants 3, 4, 5, 7, 9) is looked for all the time. In a world of
// its own; docs/SIMULATION.md.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <tests/sim/fault_plan.hpp>
#include <tests/sim/observed_node.hpp>
#include <tests/sim/written_patterns.hpp>

namespace quicsync::sim {

class fault_run {
 public:
  /// From the end of the last fault: connections are made anew, what was missed is caught up, no share waits any more.
  static constexpr std::chrono::seconds healed_within{45};

  struct outcome {
    std::vector<std::string> violations;  ///< none: all is well
    std::chrono::nanoseconds virtual_time{0};
    std::chrono::nanoseconds equal_after{0};  ///< from the end of the last fault
    std::size_t patterns = 0;                 ///< written
    std::uint64_t sent_when_equal = 0;        ///< patterns, in the last five seconds
    std::size_t acknowledged = 0;             ///< by some peer, of those
    std::uint64_t trace_hash = 0;
  };

  explicit fault_run(simulated_world& world);
  ~fault_run();

  enum class until { the_end, first_violation };
  outcome run(until when = until::the_end);

 private:
  struct shared {
    slab_ptr records;
    std::size_t by = 0;
    std::map<std::string, std::uint64_t> incarnations;  ///< of all nodes, when it was shared
    std::map<std::string, std::uint64_t> disks;         ///< likewise
  };

  // fault_run.cpp: what happens
  void begin(const fault& f);
  void end(const fault& f);
  void set_conditions();
  void work_until(std::chrono::milliseconds time);
  void look_at_the_end();
  bool has_seen_enough() const { return until_ == until::first_violation && !outcome_.violations.empty(); }

  // fault_work.cpp: what the agents do
  void share_something();
  pattern new_version(const std::string& by, std::int64_t now_ms);
  void share(std::size_t by, const std::vector<pattern>& patterns, delivery_wish wish, bool corrupt = false);
  delivery_wish draw_audience(std::size_t by);

  // fault_checks.cpp: what must hold
  void check_change(observed_node& at, const change_set& set, const change& c);
  void check_report(observed_node& at, std::uint64_t number, const sync_report& report);
  bool may_reach(const observed_node& from, const observed_node& to, const observed_node::held_record& record) const;
  /// What keeps these two from being equal; empty: nothing.
  using held_state = std::map<std::string, observed_node::held_record>;
  std::string difference(const observed_node& from, const held_state& there, const observed_node& to,
                         const held_state& here) const;
  std::string difference();
  void check_promises(observed_node& node, const std::map<std::string, kept_order>& promised);
  void check_at_the_end();
  void violated(const std::string& what);

  std::vector<const observed_node*> neighbours_of(const observed_node& node) const;
  observed_node* find(const std::string& name);

  simulated_world& world_;
  fault_plan plan_;
  tests::seeded_random random_;
  observed_node::listener listener_;
  std::vector<std::unique_ptr<observed_node>> nodes_;
  time_point began_;
  tests::network_conditions calm_;
  std::vector<const fault*> active_;
  std::uint16_t next_port_ = 1000;

  written_patterns written_;
  std::map<std::string, std::uint64_t> versions_;      ///< the newest of each id
  std::vector<std::pair<std::size_t, pattern>> some_;  ///< that were shared to some only, and by whom
  std::map<std::uint64_t, shared> waiting_;            ///< shares without a report, by number
  std::uint64_t last_share_ = 0;
  /// What a node has acknowledged, by id: of each incarnation, and as stored on each disk.
  using promises = std::map<std::pair<std::string, std::uint64_t>, std::map<std::string, kept_order>>;
  promises acknowledged_, stored_;
  outcome outcome_;
  until until_ = until::the_end;
};

}  // namespace quicsync::sim
