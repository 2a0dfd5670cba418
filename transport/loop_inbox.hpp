// The part of an event loop that other threads touch: a lock-free list of actors that have something to do, and the
// bell that wakes the loop where it sleeps. Owned by the loop together with its actors, so a late sender finds it
// closed, not gone.
#pragma once
#include <atomic>
#include <cstdint>

#include <quicsync/transport/caf_compat.hpp>
#include <quicsync/transport/file_descriptor.hpp>
#include <quicsync/transport/loop_actor.hpp>

namespace quicsync {

class event_loop;

/// First in, first out, linked through the actors: an actor is in at most one queue at a time. One thread.
class job_queue {
 public:
  bool empty() const noexcept { return first_ == nullptr; }
  void push(loop_actor* job) noexcept;
  loop_actor* pop() noexcept;  ///< null: none

 private:
  loop_actor* first_ = nullptr;
  loop_actor* last_ = nullptr;
};

class loop_inbox final : public caf_compat::executor {
 public:
  loop_inbox(caf::actor_system& system, event_loop& owner, file_descriptor bell);

  // -- any thread -------------------------------------------------------------------------------------------------
  /// A loop actor that has something to do.
  void exec_later(caf::resumable* job) override;
  /// Wakes the loop where it sleeps.
  void wake() noexcept;

  // -- the loop's thread ------------------------------------------------------------------------------------------
  int bell() const noexcept { return bell_.get(); }
  void silence_bell() noexcept;
  void take(job_queue& into) noexcept;
  bool has_jobs() const noexcept { return posted_.load(std::memory_order_relaxed) != nullptr; }
  /// From now on posters ring. False: there are jobs already, do not sleep.
  bool announce_sleep() noexcept;
  void end_sleep() noexcept { asleep_.store(false, std::memory_order_relaxed); }
  /// Gives up what is there and whatever comes later: the jobs of actors that have ended.
  void close() noexcept;

  std::uint64_t rings() const noexcept { return rings_.load(std::memory_order_relaxed); }

 private:
  // Links the list of a closed inbox ends in.
  static loop_actor* closed_mark() noexcept;

  event_loop& owner_;  ///< touched only on its own thread, while it runs
  file_descriptor bell_;
  alignas(64) std::atomic<loop_actor*> posted_{nullptr};  ///< newest first
  std::atomic<bool> asleep_{false};
  std::atomic<std::uint64_t> rings_{0};
};

}  // namespace quicsync
