#include <algorithm>

#include <quicsync/actors/agent/wait.hpp>

namespace quicsync {

void waiting_list::enter(wait& w) {
  w.previous_ = last_;
  w.next_ = nullptr;
  (last_ ? last_->next_ : first_) = &w;
  last_ = &w;
  w.entered_ = ++entries_;
  if (w.deadline_ == time_point::max()) return;
  const auto begun = now();
  const auto within = w.deadline_.time_since_epoch();
  w.deadline_ = within < time_point::max() - begun ? begun + within : time_point::max();
  // An alarm that comes too early finds nothing and is set again: so a loop of waits sets one alarm a deadline's
  // length, not one a wait.
  if (w.deadline_ >= alarm_) return;
  alarm_ = w.deadline_;
  set_alarm(alarm_);
}

void waiting_list::leave(wait& w) noexcept {
  (w.previous_ ? w.previous_->next_ : first_) = w.next_;
  (w.next_ ? w.next_->previous_ : last_) = w.previous_;
  w.entered_ = 0;
}

bool waiting_list::offer(delivery& message) {
  for (wait* w = first_; w; w = w->next_) {
    if (!w->offer(message)) continue;
    w->finish();
    stage_.run();
    return true;
  }
  return false;
}

template <class Condition>
wait* waiting_list::find(std::uint64_t until, Condition&& condition) const {
  for (wait* w = first_; w && w->entered_ <= until; w = w->next_)
    if (condition(*w)) return w;
  return nullptr;
}

// Whoever runs changes the list, so the walk begins anew; it ends because each round completes a wait that was there.
void waiting_list::look_again() {
  const auto until = entries_;
  while (auto* w = find(until, [](wait& one) { return one.look(); })) {
    w->finish();
    stage_.run();
  }
}

void waiting_list::on_alarm() {
  alarm_ = time_point::max();
  const auto current = now();
  const auto until = entries_;
  while (auto* w = find(until, [&](wait& one) { return one.deadline_ <= current; })) {
    w->expire();
    w->finish();
    stage_.run();
  }
  auto earliest = time_point::max();
  for (wait* w = first_; w; w = w->next_) earliest = std::min(earliest, w->deadline_);
  if (earliest >= alarm_) return;
  alarm_ = earliest;
  set_alarm(alarm_);
}

}  // namespace quicsync
