#include <quicsync/actors/peer/ledger.hpp>
#include <quicsync/actors/peer/ledger_actor.hpp>

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
        [this](messages::peer_up& m) { ledger_.peer_up(m.peer, m.connection, std::move(m.name), m.counts, m.level); },
        [this](const messages::reached& m) {
          act([&] { ledger_.reached(m.peer, m.on, m.position, m.level, home().now()); });
        },
        [this](const messages::refused_by& m) { ledger_.refused(m.peer, m.on, m.position, m.reason); },
        [this](const messages::peer_down& m) {
          act([&] { ledger_.peer_down(m.peer, m.connection, m.reason, home().now()); });
        },
    };
  }

  void on_exit() override {
    home().remove(this);
    coordinator_ = nullptr;
  }

 private:
  void on_ready(unsigned) override {}
  void on_turn_end() override {}
  void on_deadline() override {
    run_in_context([this] { act([this] { ledger_.handle_deadline(home().now()); }); });
  }

  template <class F>
  void act(F&& change) {
    change();
    for (auto& due : ledger_.take_due()) {
      announce(due.what.outcome);
      tell(this, due.requester, std::move(due.what));
    }
    auto next = ledger_.deadline().value_or(time_point::max());
    if (next != armed_) home().set_deadline(this, armed_ = next);
  }

  void announce(const sync_report& outcome) {
    event what;
    if (outcome.failure.code == errc::no_peers) {
      what.name = "sync:warning";
      what.message = outcome.failure.context;
      tell(this, coordinator_, messages::happened{what});
    }
    for (const auto& peer : outcome.peers) {
      what = {};
      what.peer_id = peer.peer;
      if (peer.failure.code == errc::none) {
        what.name = "sync:completed";
        what.pattern_count = outcome.local.size() - peer.refused.size();
        what.latency_ms = static_cast<double>(peer.latency.count()) / 1000.0;
      } else {
        what.name = "sync:failed";
        what.failure = peer.failure;
      }
      tell(this, coordinator_, messages::happened{what});
    }
  }

  ledger ledger_;
  caf::actor coordinator_;
  time_point armed_ = time_point::max();
};

}  // namespace

caf::actor spawn_ledger(caf::actor_system& system, loop& home, caf::actor coordinator) {
  return system.spawn<ledger_actor>(home, std::move(coordinator));
}

}  // namespace quicsync
