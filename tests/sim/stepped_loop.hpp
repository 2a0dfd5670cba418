// A loop on virtual time that does nothing by itself: a simulation asks what could happen next and picks one of it.
// Owned by a simulated node; one thread for everything.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include <quicsync/transport/loop.hpp>

namespace quicsync::sim {

class stepped_loop final : public loop {
 public:
  /// `clock` gives the simulation's time.
  stepped_loop(caf::actor_system& system, std::function<time_point()> clock);
  /// Jobs that never ran are given up.
  ~stepped_loop() override;

  // -- driven by the simulation -----------------------------------------------------------------------------------
  /// How many things could happen now: each of the actors that have something to do, each source whose descriptor is
  /// ready or whose deadline has come, and, where something happened and no actor is left, the turn's end.
  std::size_t choices() const;
  /// Lets the `choice`-th happen; an actor handles at most `messages`. Precondition: choice < choices().
  void step(std::size_t choice, std::size_t messages);
  /// When a source's deadline comes next; max: never.
  time_point next_deadline() const;
  /// The descriptor became ready; numbers are the simulation's own.
  void signal(int descriptor, unsigned events);
  /// Sees each actor before it runs.
  std::function<void(caf::resumable&)> on_job;
  /// Actors that have not ended.
  std::size_t pinned() const noexcept { return pinned_; }

  // -- loop -------------------------------------------------------------------------------------------------------
  time_point now() const override { return clock_(); }
  void add(source* what, int descriptor, unsigned events) override;
  void change(source* what, unsigned events) override;
  void remove(source* what) override;
  void set_deadline(source* what, time_point when) override;
  void pin() override { ++pinned_; }
  void unpin() override { --pinned_; }
  std::shared_ptr<caf_compat::executor> door() override;
  void exec_later(caf::resumable* job) override;

 private:
  class entrance;
  struct entry {
    source* what = nullptr;
    int descriptor = -1;
    unsigned interest = 0;
    unsigned ready = 0;
    time_point deadline = time_point::max();

    bool is_ready() const noexcept { return (ready & interest) != 0; }
  };

  void end_turn();

  std::function<time_point()> clock_;
  std::shared_ptr<entrance> door_;
  std::vector<caf::resumable*> jobs_;
  std::vector<entry> sources_;
  std::size_t pinned_ = 0;
  bool turn_open_ = false;  ///< something happened since the last turn's end
};

}  // namespace quicsync::sim
