#include <sys/eventfd.h>

#include <quicsync/transport/event_loop.hpp>
#include <quicsync/transport/loop_inbox.hpp>

namespace quicsync {

void job_queue::push(loop_actor* job) noexcept {
  job->next_job_ = nullptr;
  if (last_ == nullptr)
    first_ = job;
  else
    last_->next_job_ = job;
  last_ = job;
}

loop_actor* job_queue::pop() noexcept {
  auto* job = first_;
  if (job == nullptr) return nullptr;
  first_ = job->next_job_;
  if (first_ == nullptr) last_ = nullptr;
  return job;
}

loop_inbox::loop_inbox(caf::actor_system& system, event_loop& owner, file_descriptor bell)
    : caf_compat::executor(&system), owner_(owner), bell_(std::move(bell)) {}

// No wake-up is lost. Both sides first write, then read what the other writes: the poster pushes the job, then reads
// `asleep_`; the loop sets `asleep_`, then reads `posted_` before it sleeps. All four are sequentially consistent, so
// in their one total order at least one side comes second and sees the other's write: the loop finds the job and does
// not sleep, or the poster finds the loop asleep and rings. Of several posters the one whose exchange finds `true`
// rings, and one ring is enough, since the loop takes the whole list. Whoever else wakes the loop (its end, the last
// actor's end) follows the same rule.
void loop_inbox::exec_later(caf::resumable* job) {
  auto* actor = static_cast<loop_actor*>(job);
  if (event_loop::here() == &owner_) return owner_.exec_later(job);
  auto* newest = posted_.load(std::memory_order_relaxed);
  do {
    if (newest == closed_mark()) {
      caf_compat::release(job);
      return;
    }
    actor->next_job_ = newest;
  } while (!posted_.compare_exchange_weak(newest, actor, std::memory_order_seq_cst, std::memory_order_relaxed));
  // From here on the actor may run and end, and the loop be destroyed; the caller's handle keeps the inbox.
  wake();
}

void loop_inbox::wake() noexcept {
  if (!asleep_.load(std::memory_order_seq_cst) || !asleep_.exchange(false, std::memory_order_relaxed)) return;
  rings_.fetch_add(1, std::memory_order_relaxed);
  const std::uint64_t one = 1;
  // Cannot fail but by overflow, and then the bell rings already.
  [[maybe_unused]] const auto written = ::write(bell_.get(), &one, sizeof one);
}

bool loop_inbox::announce_sleep() noexcept {
  asleep_.store(true, std::memory_order_seq_cst);
  return posted_.load(std::memory_order_seq_cst) == nullptr;
}

void loop_inbox::silence_bell() noexcept {
  std::uint64_t rings = 0;
  [[maybe_unused]] const auto taken = ::read(bell_.get(), &rings, sizeof rings);
}

void loop_inbox::take(job_queue& into) noexcept {
  if (!has_jobs()) return;
  auto* newest = posted_.exchange(nullptr, std::memory_order_acquire);
  loop_actor* oldest = nullptr;
  while (newest != nullptr) {
    auto* next = newest->next_job_;
    newest->next_job_ = oldest;
    oldest = newest;
    newest = next;
  }
  while (oldest != nullptr) {
    auto* next = oldest->next_job_;
    into.push(oldest);
    oldest = next;
  }
}

void loop_inbox::close() noexcept {
  auto* newest = posted_.exchange(closed_mark(), std::memory_order_acq_rel);
  if (newest == closed_mark()) return;
  while (newest != nullptr) {
    auto* next = newest->next_job_;
    caf_compat::release(newest);
    newest = next;
  }
}

loop_actor* loop_inbox::closed_mark() noexcept {
  // Never followed: an address that no actor has.
  static char mark;
  return reinterpret_cast<loop_actor*>(&mark);
}

}  // namespace quicsync
