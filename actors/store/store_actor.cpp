#include <map>

#include <fmt/format.h>

#include <quicsync/actors/store/store_actor.hpp>
#include <quicsync/actors/store/store_answers.hpp>
#include <quicsync/codec/limits.hpp>
#include <quicsync/transport/inspected_actor.hpp>

namespace quicsync {
namespace {

using caf_compat::tell;

/// What was there at the start was brought by somebody of an earlier run: their numbers begin here, so that nothing of
/// it is taken for what a peer of today has brought.
constexpr peer_number first_source_of_old = 0x80000000;

/// Sets handed to the cache at once when the store is loaded.
constexpr std::size_t restored_at_once = 64;
/// After so many commits in a row without a pause, compaction gets a slice all the same.
constexpr int commits_between_slices = 32;
/// How long nothing has come before the time is used for compaction.
constexpr std::chrono::milliseconds idle_after{5};

struct write_waiting {};
struct use_idle_time {};

}  // namespace
}  // namespace quicsync

QUICSYNC_LOCAL_MESSAGE(quicsync::write_waiting)
QUICSYNC_LOCAL_MESSAGE(quicsync::use_idle_time)

namespace quicsync {
namespace {

class store_actor : public inspected_actor {
 public:
  store_actor(caf::actor_config& config, store_setup setup) : inspected_actor(config), setup_(std::move(setup)) {}

  const char* name() const override { return "store"; }

  caf::behavior make_behavior() override {
    return {
        [this](messages::open_store& m) { on_open(m); },
        [this](messages::persist& m) { on_persist(m); },
        [this](write_waiting) { write(); },
        [this](use_idle_time) { on_idle(); },
        [this](messages::forget_all) { on_forget(); },
        [this](const messages::fetch& m) { on_fetch(m); },
        [this](messages::peer_name& m) { names_.insert_or_assign(m.number, std::move(m.name)); },
        [this](messages::close_store) {
          while (!waiting_.empty() && engine_) write();
          quit(caf::exit_reason::normal);
        },
    };
  }

  void on_exit() override {
    engine_.reset();
    if (setup_.board) setup_.board->set({});
    setup_ = {};
    cache_ = nullptr;
  }

 private:
  // -- opening
  // ------------------------------------------------------------------------------------------------------------------

  void on_open(messages::open_store& m) {
    cache_ = std::move(m.cache);
    node_store_state loading;
    loading.condition = "loading";
    setup_.board->set(std::move(loading));
    messages::store_opened answer;
    auto opened = setup_.open(setup_.key_seed);
    if (opened) engine_ = std::move(*opened);
    auto loaded = opened ? load(answer) : fail(std::move(opened.error()));
    if (!loaded) {
      engine_.reset();
      setup_.board->set({});
      answer.failure = std::move(loaded.error());
      return tell(this, setup_.coordinator, std::move(answer));
    }
    answer.incarnation = engine_->incarnation();
    if (auto lost = engine_->state().lost) answer.lost = to_string(*lost);
    // What was taken and not on disk before the end may have been seen by peers: their positions are not used again.
    const auto next = engine_->durable_position();
    tell(this, cache_, messages::restored{next == 0 ? 0 : next + limits::store_position_gap});
    if (!answer.lost.empty()) tell(this, cache_, messages::lacking{});
    publish();
    tell(this, setup_.coordinator, std::move(answer));
    idle_soon();
  }

  result<void> load(messages::store_opened& answer) {
    messages::restore next;
    auto hand_over = [&] {
      if (!next.sets.empty()) tell(this, cache_, std::exchange(next, {}));
    };
    auto loaded = engine_->load([&](stored_set set) -> result<void> {
      answer.patterns += set.places.size();
      next.sets.push_back(as_kept(std::move(set)));
      if (next.sets.size() >= restored_at_once) hand_over();
      return {};
    });
    hand_over();
    for (const auto& [name, number] : old_sources_) answer.sources.emplace_back(number, name);
    return loaded;
  }

  kept_set as_kept(stored_set set) {
    kept_set out{std::move(set.records), number_of(set.source), std::move(set.access), {}};
    out.kept.reserve(set.places.size());
    for (const auto& place : set.places)
      out.kept.push_back(
          {place.index, place.on, {place.position, set.arrived_ms, place.over_version, number_of(place.over_source)}});
    return out;
  }

  peer_number number_of(const std::string& name) {
    if (name.empty()) return this_node;
    auto [it, is_new] = old_sources_.try_emplace(name, first_source_of_old + old_sources_.size());
    if (is_new) names_.emplace(it->second, name);
    return it->second;
  }

  // -- writing
  // ------------------------------------------------------------------------------------------------------------------

  // What stands in the mailbox before write_waiting goes into the same commit: the slower the disk, the larger the
  // group.
  void on_persist(messages::persist& m) {
    if (!engine_) return;
    waiting_.push_back(std::move(m));
    if (!std::exchange(told_to_write_, true)) tell(this, this, write_waiting{});
  }

  void write() {
    told_to_write_ = false;
    if (!engine_ || waiting_.empty()) return;
    std::vector<stored_set> sets;
    std::size_t bytes = 0, taken = 0;
    for (; taken < waiting_.size() && bytes < limits::store_group_bytes; ++taken)
      bytes += add_to(sets, waiting_[taken]);
    const auto last = waiting_[taken - 1].last;
    auto written = engine_->write(sets, last);
    if (!written) return give_up(std::move(written.error()));
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(taken));
    tell(this, cache_, messages::durable{last});
    publish();
    if (auto moved = engine_->checkpoint(); !moved) return give_up(std::move(moved.error()));
    if (!waiting_.empty()) {
      told_to_write_ = true;
      tell(this, this, write_waiting{});
    }
    if (++commits_in_row_ >= commits_between_slices) use_time();
    idle_soon();
  }

  /// Returns about how many bytes that is.
  std::size_t add_to(std::vector<stored_set>& sets, const messages::persist& from) {
    std::size_t bytes = 0;
    const auto first = sets.size();
    for (const auto& kept : from.sets) {
      stored_set* open = nullptr;
      for (const auto& record : kept.kept) {
        if (open == nullptr || open->arrived_ms != record.past.arrived_ms) {
          open = &sets.emplace_back();
          open->records = kept.records;
          open->source = name_of(kept.source);
          open->access = kept.access;
          open->arrived_ms = record.past.arrived_ms;
        }
        open->places.push_back({record.past.position, record.index, record.on, record.past.over_version,
                                name_of(record.past.over_source)});
        bytes += kept.records->item(record.index).size;
      }
    }
    if (!from.gone.empty()) {
      if (sets.size() == first) sets.emplace_back();
      sets[first].superseded = from.gone;
    }
    return bytes;
  }

  const std::string& name_of(peer_number number) const {
    static const std::string nobody;
    auto it = names_.find(number);
    return it == names_.end() ? nobody : it->second;
  }

  void on_fetch(const messages::fetch& m) {
    messages::fetched answer{m.number, {}, {}};
    if (engine_) {
      auto read = engine_->read(m.positions);
      if (!read) return give_up(std::move(read.error()));
      for (auto& set : read->sets) answer.sets.push_back(as_kept(std::move(set)));
      answer.damaged = std::move(read->damaged);
    }
    tell(this, cache_, std::move(answer));
  }

  void on_forget() {
    if (!engine_) return;
    while (engine_ && !waiting_.empty()) write();
    if (!engine_) return;
    if (auto cleared = engine_->clear(); !cleared) return give_up(std::move(cleared.error()));
    tell(this, cache_, messages::forgotten{});
    idle_soon();
  }

  // -- idle time
  // ------------------------------------------------------------------------------------------------------------------

  void idle_soon(std::chrono::milliseconds wait = idle_after) {
    if (engine_ && !std::exchange(idle_is_due_, true)) delayed_send(this, wait, use_idle_time{});
  }

  void on_idle() {
    idle_is_due_ = false;
    if (!engine_) return;
    // Somebody waits for a commit: later.
    if (told_to_write_) return idle_soon();
    const bool more = use_time();
    if (!engine_) return;
    publish();
    if (auto told = engine_->witness(); !told) return give_up(std::move(told.error()));
    if (more) return idle_soon(std::chrono::milliseconds(0));
    if (engine_->witness_due()) idle_soon(limits::store_slice * 10);
  }

  bool use_time() {
    commits_in_row_ = 0;
    auto more = engine_->compact(limits::store_slice);
    if (more) return *more;
    give_up(std::move(more.error()));
    return false;
  }

  // -- the end of it
  // ------------------------------------------------------------------------------------------------------------------

  // Nobody knows what of the file has reached the disk: nothing is tried again before the next start.
  void give_up(error reason) {
    note_error(to_string(reason));
    auto last = state();
    last.condition = "failed";
    last.failure = reason;
    setup_.board->set(std::move(last));
    engine_.reset();
    waiting_.clear();
    tell(this, cache_, messages::store_broke{reason});
    tell(this, setup_.coordinator, messages::store_broke{std::move(reason)});
  }

  void publish() { setup_.board->set(state()); }

  node_store_state state() const {
    const auto s = engine_->state();
    node_store_state out;
    out.condition = "working";
    out.incarnation = engine_->incarnation();
    out.position = engine_->durable_position();
    out.bytes = s.bytes;
    out.commits = s.commits;
    out.live = s.live;
    out.quarantined = s.quarantined;
    if (s.lost) out.failure = *s.lost;
    return out;
  }

  store_setup setup_;
  caf::actor cache_;
  std::unique_ptr<store_engine> engine_;
  std::map<peer_number, std::string> names_;
  std::map<std::string, peer_number> old_sources_;
  std::vector<messages::persist> waiting_;
  bool told_to_write_ = false;
  bool idle_is_due_ = false;
  int commits_in_row_ = 0;
};

}  // namespace

caf::actor spawn_store(caf::actor_system& system, store_setup setup) {
  if (setup.own_thread) return system.spawn<store_actor, caf::detached>(std::move(setup));
  return system.spawn<store_actor>(std::move(setup));
}

}  // namespace quicsync
