#include <algorithm>
#include <span>
#include <utility>

#include <fmt/format.h>

#include <quicsync/actors/peer/ledger.hpp>
#include <quicsync/actors/peer/ledger_actor.hpp>
#include <quicsync/actors/peer/neighbourhood.hpp>

namespace quicsync {
namespace {

using caf_compat::tell;

class ledger_actor : public loop_actor, private loop::source {
 public:
  ledger_actor(caf::actor_config& config, loop& home, caf::actor coordinator)
      : loop_actor(config, home), coordinator_(std::move(coordinator)) {}

  const char* name() const override { return "ledger"; }

  caf::behavior make_behavior() override {
    home().add(this, -1, 0);
    return {
        [this](messages::track& m) { act([&] { ledger_.track(std::move(m), home().now()); }); },
        [this](const messages::moved& m) { ledger_.moved(m.places); },
        [this](messages::peer_up& m) { on_peer_up(m); },
        [this](const messages::reached& m) {
          act([&] { ledger_.reached(m.peer, m.on, m.position, m.level, home().now()); });
        },
        [this](const messages::refused_by& m) { ledger_.refused(m.peer, m.on, m.position, m.reason); },
        [this](const messages::passed_over& m) { ledger_.passed_over(m.peer, m.on, m.positions); },
        [this](const messages::peer_down& m) {
          act([&] { ledger_.peer_down(m.peer, m.connection, m.reason, home().now()); });
          on_peer_down(m);
        },
        [this](messages::neighbours_of& m) { on_neighbours(m); },
        [this](const messages::cleared&) {
          act([this] { ledger_.forgotten({errc::cancelled, "the cache was cleared"}, home().now()); });
        },
    };
  }

  void on_exit() override {
    home().remove(this);
    tell_all();
    coordinator_ = nullptr;
    peers_.clear();
  }

 private:
  void on_ready(unsigned) override {}
  // A turn's events and reports go together: who hears of them mostly sleeps on another thread, which costs more to
  // wake than to tell. The events first: whoever has a report finds its share counted.
  void on_turn_end() override {
    if (!events_.empty() || !reports_.empty()) run_in_context([this] { tell_all(); });
  }
  void tell_all() {
    if (events_.size() == 1)
      tell(this, coordinator_, messages::happened{std::move(events_.front())});
    else if (!events_.empty())
      tell(this, coordinator_, messages::all_happened{std::move(events_)});
    events_.clear();
    const auto due = std::exchange(reports_, {});
    for (auto first = due.begin(), end = first; first != due.end(); first = end) {
      end = std::find_if(first, due.end(), [&](const auto& each) { return each.requester != first->requester; });
      tell_reports(std::span(first, end));
    }
  }
  /// All of one requester.
  void tell_reports(std::span<const ledger::due> due) {
    const auto& to = due.front();
    if (due.size() == 1 || !to.takes_bundles) {
      for (const auto& each : due) tell(this, each.requester, each.what);
      return;
    }
    messages::reports together;
    for (const auto& each : due) together.all.push_back(each.what);
    tell(this, to.requester, std::move(together));
  }
  void on_deadline() override {
    run_in_context([this] { act([this] { ledger_.handle_deadline(home().now()); }); });
  }

  // -- who sends to whom
  // --------------------------------------------------------------------------------------------------

  void on_peer_up(messages::peer_up& m) {
    const bool is_new = !peers_.count(m.peer) || peers_.at(m.peer).connection != m.connection;
    const bool changed = around_.peer_up(m.peer, m.name, m.takes_all);
    ledger_.peer_up(m.peer, m.connection, m.name, m.counts, m.level);
    if (is_new && m.counts) {
      peers_.insert_or_assign(m.peer, known_peer{m.connection, caf::actor_cast<caf::actor>(current_sender())});
      for (const auto& [of, names] : around_.said())
        if (of != m.peer) tell(this, peers_.at(m.peer).actor, messages::neighbours_of{of, names});
    }
    if (changed)
      tell_our_names();
    else if (is_new && m.counts)
      tell(this, peers_.at(m.peer).actor, messages::our_neighbours{around_.our_names()});
  }

  void on_peer_down(const messages::peer_down& m) {
    auto it = peers_.find(m.peer);
    if (it == peers_.end() || it->second.connection != m.connection) return;
    peers_.erase(it);
    const bool changed = around_.peer_down(m.peer);
    for (const auto& [peer, known] : peers_) tell(this, known.actor, messages::neighbours_of{m.peer, {}});
    if (changed) tell_our_names();
  }

  void on_neighbours(messages::neighbours_of& m) {
    if (!peers_.count(m.peer) || !around_.says(m.peer, m.names)) return;
    for (const auto& [peer, known] : peers_)
      if (peer != m.peer) tell(this, known.actor, m);
  }

  void tell_our_names() {
    const messages::our_neighbours ours{around_.our_names()};
    for (const auto& [peer, known] : peers_) tell(this, known.actor, ours);
  }

  template <class F>
  void act(F&& change) {
    change();
    for (auto& due : ledger_.take_due()) {
      announce(due.what.outcome);
      reports_.push_back(std::move(due));
    }
    auto next = ledger_.deadline().value_or(time_point::max());
    if (next != armed_) home().set_deadline(this, armed_ = next);
  }

  void announce(const sync_report& outcome) {
    if (outcome.failure.code == errc::no_peers) {
      auto& what = events_.emplace_back();
      what.name = "sync:warning";
      what.message = outcome.failure.context;
    }
    for (const auto& peer : outcome.peers) {
      auto& what = events_.emplace_back();
      what.peer_id = peer.peer;
      if (peer.failure.code == errc::none && !peer.refused.empty()) {
        what.name = "sync:failed";
        what.failure = {peer.refused.front().second.code,
                        fmt::format("{} of {} patterns were refused: {}", peer.refused.size(), outcome.local.size(),
                                    to_string(peer.refused.front().second))};
      } else if (peer.failure.code == errc::none) {
        what.name = "sync:completed";
        what.pattern_count = outcome.local.size();
        what.latency_ms = static_cast<double>(peer.latency.count()) / 1000.0;
      } else {
        what.name = "sync:failed";
        what.failure = peer.failure;
      }
    }
  }

  struct known_peer {
    connection_id connection = 0;
    caf::actor actor;
  };

  ledger ledger_;
  neighbourhood around_;
  std::map<peer_number, known_peer> peers_;  ///< nodes only
  caf::actor coordinator_;
  std::vector<event> events_;         ///< of this turn
  std::vector<ledger::due> reports_;  ///< of this turn
  time_point armed_ = time_point::max();
};

}  // namespace

caf::actor spawn_ledger(caf::actor_system& system, loop& home, caf::actor coordinator) {
  return system.spawn<ledger_actor>(home, std::move(coordinator));
}

}  // namespace quicsync
