// Which actors of a node there are and what they do: a record an actor, written by that actor (and its senders), read
// by whoever looks, on any thread. Owned by the node's actor system configuration; outlives every actor.
#pragma once
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <quicsync/codec/limits.hpp>
#include <quicsync/transport/caf_compat.hpp>
#include <quicsync/transport/wait_label.hpp>

namespace quicsync {

/// Who has sent to an actor, and how much. Exact for its first messages, then estimated from samples.
struct actor_neighbour {
  std::uint64_t from = 0;  ///< 0: from outside of any actor, or of those for whom there was no room
  std::uint64_t messages = 0;
};

/// What is known of one actor; made by class inspected_actor, and part of it.
class actor_record {
 public:
  actor_record(std::uint64_t id, std::uint64_t parent, bool on_loop) : id_(id), parent_(parent), on_loop_(on_loop) {}
  actor_record(const actor_record&) = delete;
  actor_record& operator=(const actor_record&) = delete;
  ~actor_record() { delete senders_.load(std::memory_order_relaxed); }

  // -- any thread
  void count_enqueued() noexcept { enqueued_.fetch_add(1, std::memory_order_relaxed); }
  /// Takes part of what count_enqueued() costs where only one thread calls it.
  void count_enqueued_near() noexcept { add(enqueued_near_, 1); }

  // -- the actor itself
  /// A message is taken; end_message() follows. True: say with note_sender() who sent it.
  bool begin_message() {
    add(handled_, 1);
    running_.store(true, std::memory_order_relaxed);
    if (--until_timed_ == 0) [[unlikely]]
      begun_ = std::chrono::steady_clock::now();
    return --until_sender_noted_ == 0;
  }
  void note_sender(std::uint64_t sender);
  void end_message(bool skipped) {
    if (until_timed_ == 0) [[unlikely]]
      note_time();
    running_.store(false, std::memory_order_relaxed);
    if (skipped) [[unlikely]]
      add(handled_, static_cast<std::uint64_t>(-1));
  }
  /// Work that is no message: a timer, the loop, a beginning.
  void begin_work() {
    running_.store(true, std::memory_order_relaxed);
    add(worked_, 1);
    if (--until_timed_ == 0) begun_ = std::chrono::steady_clock::now();
  }
  void end_work() {
    if (until_timed_ == 0) note_time();
    running_.store(false, std::memory_order_relaxed);
  }
  /// Null: nothing in particular. `waits`: how many waits it has begun, so that a long one is told from many.
  void set_waits_for(const wait_label* what, std::uint64_t waits) noexcept {
    waits_for_.store(what, std::memory_order_relaxed);
    waits_.store(waits, std::memory_order_relaxed);
  }
  /// Messages that it has taken in and not looked at yet.
  void set_kept(std::uint64_t messages) noexcept { kept_.store(messages, std::memory_order_relaxed); }

 private:
  friend class actor_registry;
  static void add(std::atomic<std::uint64_t>& to, std::uint64_t n) noexcept {
    to.store(to.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  void note_time();

  struct senders {
    std::mutex mutex;
    std::vector<actor_neighbour> known;  ///< by id
  };
  /// Guarded by the registry's lock.
  struct story {
    std::string name, last_error;
    std::uint32_t restarts = 0;
    bool restarting = false;
    bool failed = false;
  };
  /// As of the last sample; guarded by the registry's lock.
  struct sampled {
    std::uint64_t handled = 0, worked = 0, busy_ns = 0, waits = 0;
    float rate = 0, busy_share = 0;
    std::chrono::steady_clock::time_point moved;   ///< when anything was last seen to have moved
    std::chrono::steady_clock::time_point waited;  ///< when it was last seen to begin a wait
  };

  // Other threads write the first, the actor the rest: on one cache line each would wait for the other's writes.
  alignas(64) std::atomic<std::uint64_t> enqueued_{0};
  alignas(64) std::atomic<std::uint64_t> enqueued_near_{0};
  std::atomic<std::uint64_t> handled_{0}, worked_{0}, busy_ns_{0}, longest_ns_{0};
  std::atomic<std::uint64_t> kept_{0}, waits_{0};
  std::atomic<const wait_label*> waits_for_{nullptr};
  std::atomic<std::uint32_t> timed_exactly_{limits::timed_messages_per_second};
  std::atomic<bool> running_{false};
  // The actor's own.
  std::uint32_t until_timed_ = 1, time_weight_ = 1, until_sender_noted_ = 1, sender_weight_ = 1, stride_ = 0x9e3779b9u;
  std::chrono::steady_clock::time_point begun_;
  std::atomic<senders*> senders_{nullptr};

  const std::uint64_t id_, parent_;
  const bool on_loop_;
  bool listed_ = false;
  const char* kind_ = "";
  const char* name_ = "";  ///< lives as long as the actor; `story_` may know a better one
  std::chrono::steady_clock::time_point born_;
  sampled sampled_;
  std::unique_ptr<story> story_;  ///< null for most
  actor_record* next_ = nullptr;
  actor_record* previous_ = nullptr;
};

enum class actor_state : std::uint8_t { idle, waiting, queued, running, starved, stuck, restarting, failed };
const char* to_string(actor_state what) noexcept;

/// One actor as somebody who looks sees it. The views hold during the visit.
struct actor_sight {
  std::uint64_t id = 0, parent = 0;
  std::string_view name, kind, last_error;
  bool on_loop = false;
  actor_state state = actor_state::idle;
  const wait_label* waits_for = nullptr;
  std::uint64_t depth = 0, messages = 0;
  double rate = 0;                        ///< messages a second, over the last sample
  double busy_share = 0;                  ///< of the last sample, 0 to 1
  std::chrono::nanoseconds busy{0};       ///< in its life; of busy actors estimated from samples
  std::chrono::nanoseconds longest{0};    ///< of the handlers that were timed
  std::chrono::nanoseconds running{0};    ///< the handler that runs now, as far as samples have seen it
  std::chrono::nanoseconds unchanged{0};  ///< since a sample has seen it move
  std::chrono::nanoseconds age{0};
  std::uint32_t restarts = 0;
};

class actor_registry {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  // -- actors
  /// `kind` has static storage, `name` lives as long as the record.
  void join(actor_record& who, const char* kind, const char* name);
  /// Once it is gone. `failure`: why it ended, where it should not have. Also for one that never joined.
  void leave(actor_record& who, std::string failure);
  void rename(actor_record& who, std::string name);
  /// It failed and will begin anew (`restarts`), or not.
  void note_failure(actor_record& who, std::string why, bool restarts);
  void note_restart(actor_record& who);
  void note_error(actor_record& who, std::string what);

  // -- whoever looks
  /// Rates, and what is stuck, come from comparing samples: to be called every second or so by one of them.
  void sample(time_point now);
  /// Those that live, and the last limits::actors_remembered that failed, in no order that means anything. A part of
  /// the registry is locked during each call: no actor may begin or end there meanwhile.
  template <class F>
  void each(F&& visit, time_point now = std::chrono::steady_clock::now()) const {
    for (const auto& each_part : parts_) {
      const std::lock_guard lock(each_part.mutex);
      for (const auto* r = each_part.first; r; r = r->next_) visit(view_of(*r, now));
      for (const auto& gone : each_part.gone) visit(view_of(gone, now));
    }
  }
  /// Who sends to whom: `visit(to, senders)`.
  template <class F>
  void each_neighbourhood(F&& visit) const {
    std::vector<actor_neighbour> copy;
    for (const auto& each_part : parts_) {
      const std::lock_guard lock(each_part.mutex);
      for (const auto* r = each_part.first; r; r = r->next_) {
        copy_senders(*r, copy);
        if (!copy.empty()) visit(r->id_, copy);
      }
    }
  }
  std::size_t size() const noexcept { return size_.load(std::memory_order_relaxed); }
  /// Handled by all that live or have lived.
  std::uint64_t messages() const;

 private:
  struct gone_actor {
    std::uint64_t id = 0, parent = 0, messages = 0, busy_ns = 0, longest_ns = 0;
    std::string name, kind, last_error;
    std::uint32_t restarts = 0;
    bool on_loop = false;
    time_point born;
  };
  /// Apart, so that a look at many actors holds up few of them.
  struct part {
    mutable std::mutex mutex;
    actor_record* first = nullptr;
    std::deque<gone_actor> gone;
    std::uint64_t messages_of_gone = 0;
  };
  static constexpr std::size_t part_count = 16;

  part& part_of(const actor_record& who) noexcept { return parts_[who.id_ % part_count]; }
  static actor_record::story& story_of(actor_record& who);
  static actor_sight view_of(const actor_record& who, time_point now);
  static actor_sight view_of(const gone_actor& who, time_point now);
  static void copy_senders(const actor_record& of, std::vector<actor_neighbour>& to);

  std::array<part, part_count> parts_;
  std::atomic<std::size_t> size_{0};
  time_point last_sample_{};
};

/// An actor system whose actors are inspected.
struct inspected_system_config : caf::actor_system_config {
  mutable actor_registry registry;
};
/// Null: its actors are not inspected.
actor_registry* registry_of(caf::actor_system& system) noexcept;

}  // namespace quicsync
