#include <quicsync/actors/agent/loop_alarms.hpp>

namespace quicsync {

void loop_alarms::set(client& who, caf::strong_actor_ptr actor, time_point when) {
  if (who.when_ != time_point::max()) alarms_.erase({who.when_, who.number_});
  who.when_ = when;
  who.number_ = ++last_number_;
  alarms_.emplace(std::pair{when, who.number_}, alarm{&who, std::move(actor)});
  follow();
}

void loop_alarms::cancel(client& who) {
  if (who.when_ == time_point::max()) return;
  alarms_.erase({std::exchange(who.when_, time_point::max()), who.number_});
  follow();
}

void loop_alarms::on_deadline() {
  told_ = time_point::max();
  ringing_ = true;
  const auto now = home_.now();
  while (!alarms_.empty() && alarms_.begin()->first.first <= now) {
    auto due = std::move(alarms_.begin()->second);
    alarms_.erase(alarms_.begin());
    due.who->when_ = time_point::max();
    due.who->ring();
  }
  ringing_ = false;
  follow();
}

// The loop knows this only while there is an alarm, so that nothing is left of it when the last agent has gone.
void loop_alarms::follow() {
  if (ringing_) return;
  if (alarms_.empty()) {
    if (std::exchange(added_, false)) home_.remove(this);
    told_ = time_point::max();
    return;
  }
  if (!std::exchange(added_, true)) home_.add(this, -1, 0);
  const auto next = alarms_.begin()->first.first;
  if (next == told_) return;
  told_ = next;
  home_.set_deadline(this, next);
}

}  // namespace quicsync
