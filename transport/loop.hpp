// An event loop: the CAF execution unit that a node's transport, peers, cache and ledger run on, on one thread. Two
// kinds: event_loop waits in epoll on a real clock; stepped_loop is driven by a simulation on virtual time.
#pragma once
#include <memory>

#include <quicsync/transport/caf_compat.hpp>
#include <quicsync/transport/endpoint.hpp>

namespace quicsync {

class loop : public caf_compat::executor {
 public:
  using caf_compat::executor::executor;

  /// Monotonic time as this loop sees it; the start of the current turn is good enough for timers.
  virtual time_point now() const = 0;

  /// What lives on the loop beside actors (the transport actor's socket): called on the loop's thread.
  class source {
   public:
    virtual ~source() = default;
    /// The descriptor became readable or writable (EPOLLIN, EPOLLOUT).
    virtual void on_ready(unsigned events) = 0;
    /// The time given to set_deadline() has come.
    virtual void on_deadline() = 0;
    /// All jobs of this turn have run: the moment to send what they produced, before the loop waits.
    virtual void on_turn_end() = 0;
  };

  /// On the loop's thread only. `descriptor` -1: no descriptor, only deadlines and turn ends.
  virtual void add(source* what, int descriptor, unsigned events) = 0;
  virtual void change(source* what, unsigned events) = 0;
  virtual void remove(source* what) = 0;
  /// time_point::max() clears it.
  virtual void set_deadline(source* what, time_point when) = 0;

  /// Actors on this loop that have not ended; it does not stop before they have.
  virtual void pin() = 0;
  virtual void unpin() = 0;

  /// Where other threads hand in the loop's actors that have something to do. It may outlive the loop, for as long as
  /// somebody holds the handle of an actor that has ended.
  virtual std::shared_ptr<caf_compat::executor> door() = 0;
};

}  // namespace quicsync
