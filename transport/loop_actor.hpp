// Base of the actors that live on a loop instead of CAF's pool: they are resumed on the loop's thread only, so they
// share that thread's turn and need no lock and no wake among each other.
#pragma once
#include <quicsync/transport/inspected_actor.hpp>
#include <quicsync/transport/loop.hpp>

namespace quicsync {

class loop_actor : public inspected_actor {
 public:
  loop_actor(caf::actor_config& config, loop& home);
  ~loop_actor() override;

  using caf::abstract_actor::enqueue;
  void enqueue(caf::mailbox_element_ptr element, caf_compat::executor*) override;
  void enqueue(caf::strong_actor_ptr source, caf::message_id id, caf::message content, caf_compat::executor*) override;
  caf::resumable::subtype_t subtype() const override;
  void launch(caf_compat::executor*, bool lazy, bool hide) override;
  bool cleanup(caf::error&& reason, caf_compat::executor* host) override;

  loop& home() const noexcept { return home_; }

  /// Runs `work` in the actor's context from a callback of the loop, with the exceptions and the termination of a
  /// handler.
  template <class F>
  void run_in_context(F&& work) {
    auto guard = caf::strong_actor_ptr{ctrl()};  // it may end inside
    context(&home_);
    try {
      inspected_work(work);
    } catch (...) {
      auto failure = std::current_exception();
      quit(call_handler(exception_handler_, this, failure));
    }
    finalize();
  }

 private:
  friend class job_queue;
  friend class loop_inbox;

  void unpin();

  loop& home_;
  std::shared_ptr<caf_compat::executor> door_;
  bool pinned_ = true;
  /// Of the queue that the actor stands in: a wake allocates nothing. Written by the loop, then by whoever finds the
  /// mailbox waiting: CAF's mailbox orders the two.
  loop_actor* next_job_ = nullptr;
};

}  // namespace quicsync
