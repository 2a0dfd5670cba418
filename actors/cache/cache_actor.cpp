#include <algorithm>

#include <quicsync/actors/cache/cache_actor.hpp>
#include <quicsync/actors/cache/pattern_table.hpp>

namespace quicsync {
namespace {

using caf_compat::tell;

share_outcome::verdict as_share_verdict(pattern_table::verdict v) {
  switch (v) {
    case pattern_table::verdict::added:
    case pattern_table::verdict::replaced:
      return share_outcome::verdict::accepted;
    case pattern_table::verdict::duplicate:
      return share_outcome::verdict::duplicate;
    case pattern_table::verdict::older:
      break;
  }
  return share_outcome::verdict::superseded;
}

class cache_actor : public loop_actor {
 public:
  cache_actor(caf::actor_config& config, loop& home, std::uint64_t key_seed, caf::actor ledger, caf::actor coordinator)
      : loop_actor(config, home), table_(key_seed), ledger_(std::move(ledger)), coordinator_(std::move(coordinator)) {}

  const char* name() const override { return "cache"; }

  caf::behavior make_behavior() override {
    return {
        [this](messages::share& m) { on_share(m); },
        [this](messages::apply& m) { on_apply(m); },
        [this](messages::pull& m) { on_pull(m); },
        [this](const messages::stop_reading& m) { forget(m.reader); },
        [this](const messages::find& m) {
          auto place = table_.find(m.id);
          return messages::found{m.tag, std::move(place.records), place.index};
        },
        [this](const messages::ask_log_end& m) { return messages::log_end{m.tag, table_.last_position()}; },
        [this](messages::clear) {
          messages::cleared answer{table_.clear()};
          event what;
          what.name = "cache:cleared";
          what.pattern_count = answer.patterns;
          tell(this, coordinator_, messages::happened{std::move(what)});
          return answer;
        },
        [this](messages::ask_state) {
          node_state state;
          state.patterns = table_.size();
          return state;
        },
    };
  }

  void on_exit() override {
    waiting_.clear();
    ledger_ = nullptr;
    coordinator_ = nullptr;
  }

 private:
  void on_share(messages::share& m) {
    messages::track track{m.number, std::move(m.requester), std::move(m.wish), {}, {}};
    track.local.reserve(m.patterns->size());
    track.places.reserve(m.patterns->size());
    for (std::size_t i = 0; i < m.patterns->size(); ++i) {
      auto outcome = table_.apply(m.patterns, i, this_node);
      note_move(outcome);
      track.local.push_back({as_share_verdict(outcome.what), {}});
      track.places.emplace_back(outcome.on, outcome.position);
      if (outcome.conflict) report_conflict(m.patterns->record(i));
    }
    tell_moves();
    tell(this, ledger_, std::move(track));
    feed_waiting();
  }

  void on_apply(messages::apply& m) {
    for (std::size_t i = 0; i < m.records->size(); ++i) {
      auto outcome = table_.apply(m.records, i, m.source);
      note_move(outcome);
      if (outcome.conflict) report_conflict(m.records->record(i));
    }
    tell_moves();
    messages::applied answer{m.tag, m.on, m.first_sequence, static_cast<std::uint32_t>(m.records->size()), {}};
    tell(this, caf::actor_cast<caf::actor>(current_sender()), std::move(answer));
    feed_waiting();
  }

  // A share waits for positions in the log. When its record is replaced before a peer has it, the peer will never be
  // sent that position, and only the one that replaced it says that the peer's state is as new.
  void note_move(const pattern_table::outcome& outcome) {
    if (outcome.replaced != 0) moves_.places.push_back({outcome.replaced, outcome.on, outcome.position});
  }
  void tell_moves() {
    if (!moves_.places.empty()) tell(this, ledger_, std::exchange(moves_, {}));
  }

  void on_pull(messages::pull& m) {
    if (m.wait && table_.nothing_after(m.after, m.lanes)) {
      auto same = std::find_if(waiting_.begin(), waiting_.end(), [&](const auto& w) { return w.reader == m.reader; });
      if (same != waiting_.end())
        *same = std::move(m);
      else
        waiting_.push_back(std::move(m));
      return;
    }
    answer(m);
  }

  void answer(const messages::pull& m) {
    auto reading = table_.read(m.after, m.lanes);
    tell(this, m.reader, messages::page{m.tag, std::move(reading.sets), reading.next, reading.at_end});
  }

  void feed_waiting() {
    std::erase_if(waiting_, [this](const messages::pull& w) {
      if (table_.nothing_after(w.after, w.lanes)) return false;
      answer(w);
      return true;
    });
  }

  void forget(const caf::actor_addr& gone) {
    std::erase_if(waiting_, [&](const messages::pull& w) { return w.reader.address() == gone; });
  }

  void report_conflict(const record_view& newcomer) {
    event what;
    what.name = "sync:warning";
    what.message = "two different contents with the same version";
    what.pattern_id = std::string(newcomer.id());
    tell(this, coordinator_, messages::happened{std::move(what)});
  }

  pattern_table table_;
  caf::actor ledger_;
  caf::actor coordinator_;
  messages::moved moves_;                ///< of this turn
  std::vector<messages::pull> waiting_;  ///< readers at the log's end
};

}  // namespace

caf::actor spawn_cache(caf::actor_system& system, loop& home, std::uint64_t key_seed, caf::actor ledger,
                       caf::actor coordinator) {
  return system.spawn<cache_actor>(home, key_seed, std::move(ledger), std::move(coordinator));
}

}  // namespace quicsync
