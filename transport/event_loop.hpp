// The loop on epoll and the real clock: one thread, the one that calls run(), resumes the loop's actors and calls its
// sources. Owned by the server; other threads only hand jobs in (by sending messages to the actors) and ask it to stop.
#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include <quicsync/codec/error.hpp>
#include <quicsync/transport/file_descriptor.hpp>
#include <quicsync/transport/loop.hpp>
#include <quicsync/transport/loop_inbox.hpp>

namespace quicsync {

class event_loop final : public loop {
 public:
  /// Since the start; read from any thread.
  struct counters {
    std::uint64_t turns = 0;        ///< rounds of jobs, turn end, wait
    std::uint64_t wakes = 0;        ///< waits that could sleep
    std::uint64_t jobs = 0;         ///< times an actor was resumed
    std::uint64_t wake_writes = 0;  ///< times another thread had to wake the loop
  };

  /// `busy_poll`: how long it looks for work again and again before it sleeps, so that what comes soon after finds it
  /// awake; 0: not at all; a second at most. Errors: io_failed (no descriptors left).
  static result<std::unique_ptr<event_loop>> make(caf::actor_system& system, std::chrono::microseconds busy_poll = {});
  /// Precondition: run() has returned or was never called. Actors that never ran are given up.
  ~event_loop() override;

  /// Turns until request_stop() was called and the last pinned actor is gone. Each turn: run jobs, tell the sources
  /// that the turn ends, wait for descriptors, deadlines and other threads. The work of a turn is bounded.
  void run();
  /// Any thread; once is enough. The loop itself must outlive the call.
  void request_stop() noexcept;
  /// The loop whose run() is on this thread; null: none.
  static const event_loop* here() noexcept;

  counters statistics() const noexcept;

  // -- loop -------------------------------------------------------------------------------------------------------
  time_point now() const override { return std::chrono::steady_clock::now(); }
  void add(source* what, int descriptor, unsigned events) override;
  void change(source* what, unsigned events) override;
  void remove(source* what) override;
  void set_deadline(source* what, time_point when) override;
  void pin() override;
  void unpin() override;
  std::shared_ptr<caf_compat::executor> door() override { return inbox_; }

  // -- CAF --------------------------------------------------------------------------------------------------------
  /// What an actor of this loop has given something to do. Actors of the pool are forwarded there.
  void exec_later(caf::resumable* job) override;

 private:
  struct entry {
    source* what = nullptr;  ///< null: removed, swept at the end of the turn
    std::uint64_t number = 0;
    int descriptor = -1;
    time_point deadline = time_point::max();
  };

  event_loop(caf::actor_system& system, file_descriptor poll, file_descriptor bell,
             std::chrono::microseconds busy_poll);

  void run_jobs();
  void end_turn();
  bool wait();
  int poll_busily();
  int wait_for_events(time_point until);
  void dispatch(int count);
  void fire_deadlines();

  entry* find(const source* what) noexcept;
  time_point next_deadline() const noexcept;

  file_descriptor poll_;
  std::shared_ptr<loop_inbox> inbox_;
  std::chrono::microseconds busy_poll_;

  // Touched by the loop's thread only.
  job_queue ready_;
  std::vector<entry> sources_;
  std::uint64_t last_number_ = 0;
  bool removed_some_ = false;
  bool precise_waits_ = true;  ///< false: the kernel has no epoll_pwait2, deadlines are rounded up to milliseconds

  // Shared with other threads.
  std::atomic<bool> stopping_{false};
  std::atomic<std::int64_t> pinned_{0};
  std::mutex unpinning_;  ///< held while the last unpin() still touches the loop

  std::atomic<std::uint64_t> turns_{0}, wakes_{0}, jobs_{0};
};

}  // namespace quicsync
