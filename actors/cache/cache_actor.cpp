#include <algorithm>
#include <deque>
#include <map>
#include <variant>

#include <fmt/format.h>

#include <quicsync/actors/cache/cache_actor.hpp>
#include <quicsync/actors/cache/cold_pages.hpp>
#include <quicsync/actors/cache/comparison_desk.hpp>
#include <quicsync/actors/cache/delta_records.hpp>
#include <quicsync/actors/cache/memory_blocks.hpp>
#include <quicsync/actors/cache/pattern_table.hpp>
#include <quicsync/actors/cache/unstored.hpp>
#include <quicsync/actors/inspect/inspect_messages.hpp>
#include <quicsync/actors/peer/peer_rules.hpp>
#include <quicsync/actors/store/store_answers.hpp>
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
        key_seed_(setup.table.key_seed),
        table_(std::move(setup.table)),
        wall_clock_ms_(std::move(setup.wall_clock_ms)),
        ledger_(std::move(setup.ledger)),
        coordinator_(std::move(setup.coordinator)),
        store_(std::move(setup.store)),
        goes_on_without_store_(setup.goes_on_without_store) {
    if (store_) store_is_ = store_condition::loading;
  }

  const char* name() const override { return "cache"; }

  caf::behavior make_behavior() override {
    home().add(this, -1, 0);
    set_exit_handler([this](caf::exit_msg& m) {
      hand_over();
      quit(m.reason);
    });
    return {
        [this](messages::share& m) {
          if (!held_up()) return on_share(m);
          // Agents have no window that stays shut: what they share on and on is refused at some time.
          if (deferred_share_bytes_ > limits::unstored_bytes)
            return on_share(m, {errc::overloaded, "the store cannot keep up with what is shared"});
          deferred_share_bytes_ += m.patterns->record_bytes();
          deferred_.emplace_back(std::move(m));
        },
        [this](messages::apply& m) {
          handed_apply handed{std::move(m), caf::actor_cast<caf::actor>(current_sender())};
          if (!held_up()) return on_apply(handed);
          deferred_.emplace_back(std::move(handed));
        },
        [this](messages::pull& m) { on_pull(m); },
        [this](const messages::stop_reading& m) { forget(m); },
        [this](const messages::find& m) { return on_find(m); },
        [this](const inspect_messages::ask_left& m) {
          inspect_messages::left answer;
          for (const auto& after : m.after) answer.records.push_back(table_.left_after(after));
          return answer;
        },
        [this](const inspect_messages::ask_why& m) { return inspect_messages::because{table_.why(m.id)}; },
        [this](const messages::ask_log_end& m) {
          return messages::log_end{m.tag, table_.last_position(), table_.partial(),
                                   store_works() ? ack_level::stored : ack_level::applied};
        },
        [this](const messages::progress& m) { table_.set_progress(m.peer, m.on, m.position); },
        [this](const messages::no_progress& m) { table_.forget_progress(m.peer); },
        // Answered when nothing of it would come back after a restart, or with an error where the store has failed.
        [this](messages::clear) -> caf::result<messages::cleared> {
          messages::cleared answer{table_.clear()};
          desk_.clear();
          remembered_.clear();
          event what;
          what.name = "cache:cleared";
          what.pattern_count = answer.patterns;
          tell(this, coordinator_, messages::happened{std::move(what)});
          tell(this, ledger_, answer);
          if (!store_works()) return answer;
          hand_over();
          tell(this, store_, messages::forget_all{});
          clears_.emplace_back(make_response_promise<messages::cleared>(), answer);
          return clears_.back().first;
        },
        [this](const messages::ask_digest& m) {
          compare(
              [&](const auto& who) { desk_.ask_digest(who.address(), m, answer_to<messages::digest_answer>(who)); });
        },
        [this](const messages::ask_symbols& m) {
          compare(
              [&](const auto& who) { desk_.ask_symbols(who.address(), m, answer_to<messages::symbols_answer>(who)); });
        },
        [this](messages::select_records& m) {
          compare(
              [&](const auto& who) { desk_.select(who.address(), std::move(m), answer_to<messages::selected>(who)); });
        },
        [this](const messages::pull_selected& m) {
          auto reading = desk_.next_page(asker().address(), m.records_max, m.bytes_max);
          hand_out(asker(), {m.tag, std::move(reading.sets), {}, reading.at_end}, std::move(reading.cold));
        },
        [this](messages::end_round) { desk_.end_round(asker().address()); },
        [this](messages::compare_on) {
          comparing_ = false;
          desk_.work(limits::slice_records);
          compare_on();
        },
        [this](messages::remember_log& m) { remember(std::move(m)); },
        [this](const messages::recall_log& m) {
          auto known = remembered_.find(m.name);
          return messages::recalled_log{m.tag,
                                        known == remembered_.end() ? std::nullopt : std::optional(known->second)};
        },
        [this](messages::ask_state) {
          node_state state;
          state.patterns = table_.size();
          state.store.unstored_bytes = unstored_.bytes();
          return state;
        },
        // store
        [this](const messages::restore& m) { on_restore(m); },
        [this](const messages::restored& m) {
          store_is_ = store_condition::working;
          table_.resume_after(m.position);
          unstored_.durable(m.position);
          tell_durable(m.position);
          table_.maintain(wall_clock_ms_());
          arm();
        },
        [this](const messages::fetched& m) { on_fetched(m); },
        [this](messages::lacking) { lacks_something_ = true; },
        [this](messages::forgotten) {
          if (clears_.empty()) return;
          clears_.front().first.deliver(clears_.front().second);
          clears_.pop_front();
        },
        [this](const messages::durable& m) { on_durable(m.position); },
        [this](const messages::store_broke& m) { on_store_broke(m.reason); },
    };
  }

  void on_exit() override {
    home().remove(this);
    desk_.forget_all();
    waiting_.clear();
    deferred_.clear();
    unstored_ = {};
    cold_pages_ = {};
    cold_finds_.clear();
    clears_.clear();
    ledger_ = nullptr;
    coordinator_ = nullptr;
    store_ = nullptr;
  }

 private:
  /// An apply, and who is to be answered.
  struct handed_apply {
    messages::apply what;
    caf::actor peer;
  };

  void on_share(messages::share& m, const error& held_up = {}) {
    const auto access = sharing::only_to(m.wish.only_to, m.wish.pass_on);
    messages::track track{m.number, std::move(m.requester), std::move(m.wish), {}, {}, m.handed_over};
    const slab& patterns = *m.patterns;
    pattern_table::batch batch(table_, m.patterns, this_node, access, wall_clock_ms_());
    const auto& why = store_refusal_.code != errc::none ? store_refusal_ : held_up;
    track.local.resize(patterns.size());
    track.places.resize(patterns.size(), {lane::normal, 0});
    for (std::size_t i = 0; i < patterns.size(); ++i) {
      const auto refuse = [&](error reason) {
        track.local.set(i, {share_outcome::verdict::refused, std::move(reason)});
      };
      if (why.code != errc::none) {
        refuse(why);
        continue;
      }
      batch.expect(i);
      if (patterns.item(i).has_checksum && !planted(bug::checksum_is_not_checked))
        if (auto corruption = find_corruption(patterns.record(i))) {
          refuse(std::move(*corruption));
          continue;
        }
      const auto outcome = batch.apply(i);
      note(outcome);
      keep(outcome, m.patterns, i);
      const auto verdict = as_share_verdict(outcome.what);
      if (verdict != share_outcome::verdict::refused) {
        track.places[i] = {outcome.on, outcome.position};
        if (verdict != share_outcome::verdict::accepted) track.local.set(i, {verdict, {}});
      } else if (outcome.what == pattern_table::verdict::expired) {
        refuse({errc::expired, "its expiresAt is over already"});
      } else {
        refuse(refusal_of(outcome.what));
      }
    }
    arm();
    track.own_store = store_works();
    track.takes_bundles = m.takes_bundles;
    tell(this, ledger_, std::move(track));
    tell_moves();  // last: one share can replace what it has just brought
    feed_waiting();
  }

  /// What comes of the records that a peer brought together.
  struct taken_records {
    log_position_number last = 0;  ///< where what settles them stands
    std::vector<std::pair<std::uint32_t, error>> refused;
    messages::answer_older older;
  };

  /// `number`: among those that came together.
  void take(taken_records& taken, pattern_table::batch& from, std::uint32_t number, const slab_ptr& records,
            std::uint32_t index) {
    if (store_refusal_.code != errc::none) {
      taken.refused.emplace_back(number, store_refusal_);
      return;
    }
    const auto outcome = from.apply(index);
    note(outcome);
    keep(outcome, records, index);
    if (is_refusal(outcome.what))
      taken.refused.emplace_back(number, refusal_of(outcome.what));
    else
      // An expired one stands nowhere: what it left stands before the log's end.
      taken.last = std::max(taken.last, outcome.position != 0 ? outcome.position : table_.last_position());
    if (outcome.what == pattern_table::verdict::older) answer_older(taken, records, index);
  }

  void answer_older(taken_records& taken, const slab_ptr& records, std::uint32_t index) {
    if (auto newer = table_.newer_than(*records, index))
      taken.older.pairs.push_back({std::move(newer), records, static_cast<std::uint16_t>(index)});
  }

  /// A version that is not wanted takes the place of one that was. Who may not write is told all the same what it has
  /// missed.
  void take_or_refuse(taken_records& taken, pattern_table::batch& from, std::uint32_t number, const slab_ptr& records,
                      std::uint32_t index, std::optional<error> reason) {
    if (!reason || (reason->code == errc::not_wanted && table_.knows(*records, index)))
      return take(taken, from, number, records, index);
    taken.refused.emplace_back(number, std::move(*reason));
    answer_older(taken, records, index);
  }

  /// Some of them are what changed: they are rebuilt first, and judged only then.
  std::uint32_t take_deltas(taken_records& taken, const messages::apply& m, std::int64_t now_ms) {
    const auto records = rebuild(*m.deltas, table_, key_seed_);
    for (std::uint32_t i = 0; i < records.size(); ++i) {
      const auto& [slab, index] = records[i];
      if (!slab) {
        taken.refused.emplace_back(i, error{errc::unknown_base, {}});
        continue;
      }
      pattern_table::batch one(table_, slab, m.source, m.access, now_ms);
      take_or_refuse(taken, one, i, slab, index, judge_record(m.rules.get(), *slab, index));
    }
    return m.deltas->size();
  }

  void on_apply(handed_apply& handed) {
    auto& m = handed.what;
    taken_records taken{0, {}, {m.tag, {}}};
    const auto now_ms = wall_clock_ms_();
    std::uint32_t count = 0;
    if (m.deltas) {
      count = take_deltas(taken, m, now_ms);
    } else {
      count = static_cast<std::uint32_t>(m.records->size());
      auto before = m.refused.begin();  // by the session
      pattern_table::batch batch(table_, m.records, m.source, m.access, now_ms);
      for (std::uint32_t i = 0; i < count; ++i) {
        batch.expect(i);
        const bool judged = before != m.refused.end() && before->first == i;
        take_or_refuse(taken, batch, i, m.records, i,
                       judged ? std::optional(std::move(before++->second)) : std::nullopt);
      }
    }
    arm();
    tell_moves();
    messages::applied answer{m.tag, m.on, m.first_sequence, count, std::move(taken.refused)};
    if (store_works()) unstored_.wait(handed.peer, answer, taken.last);
    if (!taken.older.pairs.empty()) tell(this, handed.peer, std::move(taken.older));
    feed_waiting();  // who waits for patterns has them before the peer has its answer
    tell(this, handed.peer, std::move(answer));
    if (store_works() && taken.last <= unstored_.durable_position()) on_durable(unstored_.durable_position());
  }

  // -- the store
  // ----------------------------------------------------------------------------------------------------------------

  bool store_works() const noexcept { return store_is_ == store_condition::working; }

  /// What a restart would have to know of a record that was taken.
  void keep(const pattern_table::outcome& outcome, const slab_ptr& records, std::size_t index) {
    if (!store_works() || outcome.entry == pattern_table::none) return;
    const auto held = table_.taken_at(outcome.entry);
    unstored_.add(records, index, outcome.on, held.source, held.access, held.past);
  }

  void hand_over() {
    if (!store_works()) return;
    if (auto gone = table_.take_gone(); !gone.empty()) unstored_.add_gone(std::move(gone));
    if (auto next = unstored_.take(table_.last_position())) tell(this, store_, std::move(*next));
  }

  // A disk that is slower than what comes slows down who sends it: what waits here is not acknowledged, and gives back
  // no credit.
  bool held_up() const noexcept { return must_wait() || !deferred_.empty(); }
  bool must_wait() const noexcept {
    return store_is_ == store_condition::loading || (store_works() && unstored_.full());
  }
  void take_deferred() {
    while (!deferred_.empty() && !must_wait()) {
      auto next = std::move(deferred_.front());
      deferred_.pop_front();
      if (auto* share = std::get_if<messages::share>(&next)) {
        deferred_share_bytes_ -= share->patterns->record_bytes();
        on_share(*share);
      } else {
        on_apply(std::get<handed_apply>(next));
      }
    }
  }

  void on_restore(const messages::restore& m) {
    for (const auto& set : m.sets)
      for (const auto& record : set.kept) {
        table_.set_durable(record.past.position);
        table_.restore(set.records, record.index, set.source, set.access, record.past);
      }
  }

  void on_durable(log_position_number position) {
    if (!store_works()) return;
    const bool grown = position > unstored_.durable_position();
    table_.set_durable(position);
    for (auto& [peer, answer] : unstored_.durable(position)) tell(this, peer, std::move(answer));
    if (!grown) return;
    tell_durable(position);
    take_deferred();
  }

  void tell_durable(log_position_number position) {
    for (lane l : {lane::high, lane::normal, lane::low})
      tell(this, ledger_, messages::reached{this_store, l, position, ack_level::stored});
  }

  // What was acknowledged as applied is still applied; nothing is said to be stored any more. The coordinator ends the
  // connections, so that the peers hear it in the next hello.
  void on_store_broke(const error& reason) {
    store_is_ = store_condition::failed;
    unstored_ = {};
    table_.lose_store();
    for (auto& [reader, page] : cold_pages_.give_up()) tell(this, reader, std::move(page));
    for (auto& [number, waiting] : cold_finds_)
      waiting.promise.deliver(messages::found{waiting.tag, nullptr, 0, 0, {}});
    cold_finds_.clear();
    for (auto& [promise, answer] : std::exchange(clears_, {}))
      promise.deliver(caf::make_error(caf::sec::runtime_error));
    if (!goes_on_without_store_)
      store_refusal_ = {errc::store_failed, fmt::format("this node's store has failed: {}", to_string(reason))};
    tell(this, ledger_, messages::peer_down{this_store, 0, reason});
    take_deferred();
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
    if (m.deltas.number != this_node) table_.note_replacements();
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
    auto reading = table_.read_for(m.deltas, m.after, m.lanes, m.records_max, m.bytes_max);
    hand_out(m.reader, {m.tag, std::move(reading.sets), reading.next, reading.at_end}, std::move(reading.cold));
  }

  void hand_out(const caf::actor& reader, messages::page page, std::vector<cold_record> cold) {
    if (cold.empty() || !store_works()) return tell(this, reader, std::move(page));
    const auto number = ++last_fetch_;
    tell(this, store_, messages::fetch{number, cold_pages_.wait(number, reader, std::move(page), std::move(cold))});
  }

  // -- what only the store has the payload of
  // -----------------------------------------------------------------------------------------------------------------

  caf::result<messages::found> on_find(const messages::find& m) {
    auto place = table_.find(m.id);
    if (place.cold == 0 || !store_works())
      return messages::found{m.tag, std::move(place.records), place.index, place.source, std::move(place.access)};
    const auto number = ++last_fetch_;
    const auto position = place.cold;
    auto promise = make_response_promise<messages::found>();
    cold_finds_.emplace(number, cold_find{m.tag, m.id, promise, std::move(place)});
    tell(this, store_, messages::fetch{number, {position}});
    return promise;
  }

  void on_fetched(const messages::fetched& m) {
    if (!m.damaged.empty()) {
      event what;
      what.name = "store:lost";
      what.failure = {errc::store_lost,
                      fmt::format("the store has lost {} patterns that were asked for: their checksum "
                                  "does not fit",
                                  m.damaged.size())};
      tell(this, coordinator_, messages::happened{std::move(what)});
    }
    for (const auto position : m.damaged)
      for (lane l : all_lanes) table_.forget_cold(position, l);
    if (auto whole = cold_pages_.finish(m.number, m.sets)) tell(this, whole->reader, std::move(whole->page));
    auto waiting = cold_finds_.extract(m.number);
    if (waiting.empty()) return;
    auto& find = waiting.mapped();
    messages::found answer{find.tag, nullptr, 0, find.place.source, std::move(find.place.access)};
    if (!m.sets.empty() && !m.sets.front().kept.empty()) {
      answer.records = m.sets.front().records;
      answer.index = m.sets.front().kept.front().index;
    } else if (auto now = table_.find(find.id); now.records) {  // replaced meanwhile
      answer = {find.tag, std::move(now.records), now.index, now.source, std::move(now.access)};
    }
    find.promise.deliver(std::move(answer));
  }

  void feed_waiting() {
    std::erase_if(waiting_, [this](const messages::pull& w) {
      if (table_.nothing_after(w.after, w.lanes)) return false;
      answer(w);
      return true;
    });
  }

  void forget(const messages::stop_reading& m) {
    if (!m.reading) {
      cold_pages_.forget(m.reader);
      desk_.forget(m.reader);
    }
    std::erase_if(waiting_, [&](const messages::pull& w) {
      return w.reader.address() == m.reader && (!m.reading || *m.reading == w.reading);
    });
  }

  // -- comparing with peers
  // ----------------------------------------------------------------------------------------------------

  caf::actor asker() { return caf::actor_cast<caf::actor>(current_sender()); }

  template <class Answer>
  std::function<void(Answer)> answer_to(const caf::actor& who) {
    return [this, who](Answer value) { tell(this, who, std::move(value)); };
  }

  template <class F>
  void compare(F&& ask) {
    ask(asker());
    compare_on();
  }

  /// A slice at a time, so that others have their turns between.
  void compare_on() {
    if (desk_.busy() && !std::exchange(comparing_, true))
      tell(this, caf::actor_cast<caf::actor>(this), messages::compare_on{});
  }

  void remember(messages::remember_log m) {
    if (std::exchange(lacks_something_, false)) {
      event what;
      what.name = "store:healed";
      what.peer_id = m.name;
      tell(this, coordinator_, messages::happened{std::move(what)});
    }
    auto& known = remembered_[m.name];
    const bool same = known.at.incarnation == m.what.at.incarnation && known.filter == m.what.filter;
    if (same) m.what.at.position = std::max(m.what.at.position, known.at.position);
    known = std::move(m.what);
    if (remembered_.size() <= limits::remembered_logs) return;
    // Which one is forgotten costs that node a comparison, no more.
    auto first = remembered_.begin();
    remembered_.erase(first->first == m.name ? std::next(first) : first);
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
  // What a turn has taken goes to the store together.
  void on_turn_end() override {
    if (unstored_.has_next()) run_in_context([this] { hand_over(); });
  }
  void on_deadline() override {
    run_in_context([this] {
      armed_for_ms_.reset();
      home().set_deadline(this, time_point::max());
      table_.maintain(wall_clock_ms_());
      arm();
      hand_over();
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

  const std::uint64_t key_seed_;
  pattern_table table_;
  comparison_desk<caf::actor_addr> desk_{table_};
  bool comparing_ = false;
  std::map<std::string, remembered_log> remembered_;  ///< how far this node is in others' logs, by their names
  std::function<std::int64_t()> wall_clock_ms_;
  std::optional<std::int64_t> armed_for_ms_;
  caf::actor ledger_;
  caf::actor coordinator_;
  enum class store_condition : std::uint8_t { none, loading, working, failed } store_is_ = store_condition::none;
  caf::actor store_;
  bool goes_on_without_store_ = false;
  error store_refusal_;  ///< why nothing is taken any more; code none: it is
  unstored unstored_;
  std::deque<std::variant<messages::share, handed_apply>> deferred_;  ///< until the store has caught up
  std::size_t deferred_share_bytes_ = 0;
  /// Somebody waits for one record.
  struct cold_find {
    std::uint64_t tag = 0;
    std::string id;
    caf::typed_response_promise<messages::found> promise;
    pattern_table::place place;
  };
  cold_pages cold_pages_;
  std::map<std::uint64_t, cold_find> cold_finds_;
  std::uint64_t last_fetch_ = 0;
  /// Who cleared, and what they are told once the store has forgotten, too.
  std::deque<std::pair<caf::typed_response_promise<messages::cleared>, messages::cleared>> clears_;
  bool lacks_something_ = false;         ///< the store has lost some, and no peer has been heard out since
  messages::moved moves_;                ///< of this turn
  std::vector<messages::pull> waiting_;  ///< readers at the log's end
};

}  // namespace

caf::actor spawn_cache(caf::actor_system& system, loop& home, cache_setup setup) {
  return system.spawn<cache_actor>(home, std::move(setup));
}

table_config table_config_of(const node_config& config, std::uint64_t key_seed) {
  constexpr std::uint64_t usual_pattern_bytes = 256;  // all in
  table_config table;
  table.key_seed = key_seed;
  if (config.cache_entries) table.entries_max = *config.cache_entries;
  if (config.cache_bytes != 0)
    table.bytes_max = config.cache_bytes;
  else
    table.bytes_max = memory_blocks::physical_bytes() / 4;
  table.entries_expected = config.cache_reserve / usual_pattern_bytes;
  table.ttl = config.cache_ttl;
  table.horizon = config.tombstone_horizon;
  table.sync_priority = config.sync_priority;
  return table;
}

}  // namespace quicsync
