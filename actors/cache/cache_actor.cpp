#include <algorithm>

#include <fmt/format.h>
#include <unistd.h>

#include <quicsync/actors/cache/cache_actor.hpp>
#include <quicsync/actors/cache/pattern_table.hpp>
#include <quicsync/actors/validation.hpp>
#include <quicsync/codec/limits.hpp>
#include <quicsync/codec/planted.hpp>

namespace quicsync {
namespace {

using caf_compat::tell;

share_outcome::verdict as_share_verdict(pattern_table::verdict v) {
  switch (v) {
    case pattern_table::verdict::added:
    case pattern_table::verdict::replaced:
    case pattern_table::verdict::widened:
      return share_outcome::verdict::accepted;
    case pattern_table::verdict::duplicate:
      return share_outcome::verdict::duplicate;
    case pattern_table::verdict::older:
      break;
    case pattern_table::verdict::expired:
    case pattern_table::verdict::crowded:
    case pattern_table::verdict::no_room:
      return share_outcome::verdict::refused;
  }
  return share_outcome::verdict::superseded;
}

/// Why a record was not taken; code none where it was.
error refusal_of(pattern_table::verdict what) {
  if (what == pattern_table::verdict::no_room)
    return {errc::overloaded, "the cache is full of patterns that peers have not acknowledged yet"};
  if (what == pattern_table::verdict::crowded)
    return {errc::too_large, fmt::format("an audience of more than {} names", limits::frame_names)};
  return {};
}

bool is_refusal(pattern_table::verdict what) {
  return what == pattern_table::verdict::no_room || what == pattern_table::verdict::crowded;
}

class cache_actor : public loop_actor, private loop::source {
 public:
  cache_actor(caf::actor_config& config, loop& home, cache_setup setup)
      : loop_actor(config, home),
        table_(std::move(setup.table)),
        wall_clock_ms_(std::move(setup.wall_clock_ms)),
        ledger_(std::move(setup.ledger)),
        coordinator_(std::move(setup.coordinator)) {}

  const char* name() const override { return "cache"; }

  caf::behavior make_behavior() override {
    home().add(this, -1, 0);
    return {
        [this](messages::share& m) { on_share(m); },
        [this](messages::apply& m) { on_apply(m); },
        [this](messages::pull& m) { on_pull(m); },
        [this](const messages::stop_reading& m) { forget(m); },
        [this](const messages::find& m) {
          auto place = table_.find(m.id);
          return messages::found{m.tag, std::move(place.records), place.index, place.source, std::move(place.access)};
        },
        [this](const messages::ask_log_end& m) {
          return messages::log_end{m.tag, table_.last_position(), table_.partial()};
        },
        [this](const messages::progress& m) { table_.set_progress(m.peer, m.on, m.position); },
        [this](const messages::no_progress& m) { table_.forget_progress(m.peer); },
        [this](messages::clear) {
          messages::cleared answer{table_.clear()};
          event what;
          what.name = "cache:cleared";
          what.pattern_count = answer.patterns;
          tell(this, coordinator_, messages::happened{std::move(what)});
          tell(this, ledger_, answer);
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
    home().remove(this);
    waiting_.clear();
    ledger_ = nullptr;
    coordinator_ = nullptr;
  }

 private:
  void on_share(messages::share& m) {
    const auto access = sharing::only_to(m.wish.only_to, m.wish.pass_on);
    messages::track track{m.number, std::move(m.requester), std::move(m.wish), {}, {}, m.handed_over};
    const auto now_ms = wall_clock_ms_();
    track.local.resize(m.patterns->size());
    track.places.resize(m.patterns->size(), {lane::normal, 0});
    for (std::size_t i = 0; i < m.patterns->size(); ++i) {
      table_.expect(*m.patterns, i);
      auto& local = track.local[i];
      if (m.patterns->item(i).has_checksum && !planted(bug::checksum_is_not_checked))
        if (auto corruption = find_corruption(m.patterns->record(i))) {
          local = {share_outcome::verdict::refused, std::move(*corruption)};
          continue;
        }
      const auto outcome = table_.apply(m.patterns, i, this_node, access, now_ms);
      note(outcome);
      local.what = as_share_verdict(outcome.what);
      if (local.what != share_outcome::verdict::refused)
        track.places[i] = {outcome.on, outcome.position};
      else if (outcome.what == pattern_table::verdict::expired)
        local.reason = {errc::expired, "its expiresAt is over already"};
      else
        local.reason = refusal_of(outcome.what);
    }
    arm();
    // The moves last: one share can replace what it has just brought.
    tell(this, ledger_, std::move(track));
    tell_moves();
    feed_waiting();
  }

  void on_apply(messages::apply& m) {
    const auto now_ms = wall_clock_ms_();
    std::vector<std::pair<std::uint32_t, error>> refused;
    auto before = m.refused.begin();  // by the session
    for (std::uint32_t i = 0; i < m.records->size(); ++i) {
      table_.expect(*m.records, i);
      if (before != m.refused.end() && before->first == i) {
        refused.push_back(std::move(*before++));
        continue;
      }
      const auto outcome = table_.apply(m.records, i, m.source, m.access, now_ms);
      note(outcome);
      if (is_refusal(outcome.what)) refused.emplace_back(i, refusal_of(outcome.what));
    }
    arm();
    tell_moves();
    messages::applied answer{m.tag, m.on, m.first_sequence, static_cast<std::uint32_t>(m.records->size()),
                             std::move(refused)};
    tell(this, caf::actor_cast<caf::actor>(current_sender()), std::move(answer));
    feed_waiting();
  }

  void note(const pattern_table::outcome& outcome) {
    note_move(outcome);
    if (outcome.conflict) report_conflict(outcome);
  }

  // A share waits for positions in the log. When its record is replaced before a peer has it, the peer will never be
  // sent that position, and only the one that replaced it says that the peer's state is as new.
  void note_move(const pattern_table::outcome& outcome) {
    // What came expired stands nowhere that a reader would come by.
    if (outcome.replaced != 0 && outcome.what != pattern_table::verdict::expired)
      moves_.places.push_back(
          {outcome.replaced, outcome.on, outcome.position, outcome.what == pattern_table::verdict::widened});
  }
  void tell_moves() {
    if (!moves_.places.empty()) tell(this, ledger_, std::exchange(moves_, {}));
  }

  void on_pull(messages::pull& m) {
    if (m.wait && table_.nothing_after(m.after, m.lanes)) {
      auto same = std::find_if(waiting_.begin(), waiting_.end(),
                               [&](const auto& w) { return w.reader == m.reader && w.reading == m.reading; });
      if (same != waiting_.end())
        *same = std::move(m);
      else
        waiting_.push_back(std::move(m));
      return;
    }
    answer(m);
  }

  void answer(const messages::pull& m) {
    auto reading = table_.read(m.after, m.lanes, m.records_max, m.bytes_max);
    tell(this, m.reader, messages::page{m.tag, std::move(reading.sets), reading.next, reading.at_end});
  }

  void feed_waiting() {
    std::erase_if(waiting_, [this](const messages::pull& w) {
      if (table_.nothing_after(w.after, w.lanes)) return false;
      answer(w);
      return true;
    });
  }

  void forget(const messages::stop_reading& m) {
    std::erase_if(waiting_, [&](const messages::pull& w) {
      return w.reader.address() == m.reader && (!m.reading || *m.reading == w.reading);
    });
  }

  void report_conflict(const pattern_table::outcome& outcome) {
    event what;
    what.name = "sync:warning";
    what.message = "two different contents with the same version";
    if (outcome.loser) {
      const auto loser = outcome.loser->record(outcome.loser_index);
      what.pattern_id = std::string(loser.id());
      what.message += fmt::format(": the one of agent '{}' lost", loser.agent_id());
      if (auto value = loser.to_pattern()) what.loser = std::make_shared<const pattern>(std::move(*value));
    }
    tell(this, coordinator_, messages::happened{std::move(what)});
  }

  // -- time
  // -----------------------------------------------------------------------------------------------------------------

  void on_ready(unsigned) override {}
  void on_turn_end() override {}
  void on_deadline() override {
    run_in_context([this] {
      armed_for_ms_.reset();
      home().set_deadline(this, time_point::max());
      table_.maintain(wall_clock_ms_());
      arm();
    });
  }

  /// The wall clock says when patterns are over; the loop wakes by its own.
  void arm() {
    const auto due = table_.next_due_ms();
    if (!due || (armed_for_ms_ && *armed_for_ms_ <= *due)) return;
    armed_for_ms_ = due;
    // A clock that was set back is noticed within the hour.
    const auto wait = std::clamp<std::int64_t>(*due - wall_clock_ms_(), 0, 3'600'000);
    home().set_deadline(this, home().now() + std::chrono::milliseconds(wait));
  }

  pattern_table table_;
  std::function<std::int64_t()> wall_clock_ms_;
  std::optional<std::int64_t> armed_for_ms_;
  caf::actor ledger_;
  caf::actor coordinator_;
  messages::moved moves_;                ///< of this turn
  std::vector<messages::pull> waiting_;  ///< readers at the log's end
};

}  // namespace

caf::actor spawn_cache(caf::actor_system& system, loop& home, cache_setup setup) {
  return system.spawn<cache_actor>(home, std::move(setup));
}

table_config table_config_of(const node_config& config, std::uint64_t key_seed) {
  table_config table;
  table.key_seed = key_seed;
  if (config.cache_entries) table.entries_max = *config.cache_entries;
  if (config.cache_bytes != 0)
    table.bytes_max = config.cache_bytes;
  else if (const long pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGESIZE); pages > 0 && page_bytes > 0)
    table.bytes_max = static_cast<std::size_t>(pages) * static_cast<std::size_t>(page_bytes) / 4;
  table.ttl = config.cache_ttl;
  table.horizon = config.tombstone_horizon;
  table.sync_priority = config.sync_priority;
  return table;
}

}  // namespace quicsync
