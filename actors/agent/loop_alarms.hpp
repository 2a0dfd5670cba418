// The alarms of the agents on one loop: one source of the loop for all of them. On the loop's thread only.
#pragma once
#include <map>

#include <quicsync/transport/loop_actor.hpp>

namespace quicsync {

class loop_alarms final : public loop::source {
 public:
  class client {
   public:
    virtual void ring() = 0;

   protected:
    virtual ~client() = default;

   private:
    friend class loop_alarms;
    time_point when_ = time_point::max();  ///< max: none set
    std::uint64_t number_ = 0;
  };

  explicit loop_alarms(loop& home) noexcept : home_(home) {}

  /// Instead of the one set before. The actor lives until then.
  void set(client& who, caf::strong_actor_ptr actor, time_point when);
  void cancel(client& who);

  void on_ready(unsigned) override {}
  void on_turn_end() override {}
  void on_deadline() override;

 private:
  struct alarm {
    client* who;
    caf::strong_actor_ptr actor;
  };
  void follow();

  loop& home_;
  // By time, and by order where times are equal, so that a simulation repeats itself.
  std::map<std::pair<time_point, std::uint64_t>, alarm> alarms_;
  std::uint64_t last_number_ = 0;
  time_point told_ = time_point::max();  ///< the loop
  bool added_ = false;
  bool ringing_ = false;
};

}  // namespace quicsync
