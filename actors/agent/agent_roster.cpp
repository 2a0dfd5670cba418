#include <quicsync/actors/agent/agent_roster.hpp>
#include <quicsync/codec/limits.hpp>

namespace quicsync {

bool agent_roster::join(entry& who, const std::string& name, caf::actor_control_block* actor) {
  const std::lock_guard lock(mutex_);
  if (closed_) return false;
  who.name_ = &name;
  who.actor_ = caf::weak_actor_ptr{actor};
  who.listed_ = true;
  who.next_ = first_;
  if (first_) first_->previous_ = &who;
  first_ = &who;
  ++size_;
  return true;
}

void agent_roster::failed(entry& who, const std::string& why, bool restarts) {
  const std::lock_guard lock(mutex_);
  if (!who.failures_) who.failures_ = std::make_unique<agent_status>();
  who.failures_->last_error = why;
  who.failures_->what = restarts ? agent_status::state::restarting : agent_status::state::failed;
}

void agent_roster::restarted(entry& who) {
  const std::lock_guard lock(mutex_);
  ++who.failures_->restarts;
  who.failures_->what = agent_status::state::running;
}

void agent_roster::leave(entry& who) {
  const std::lock_guard lock(mutex_);
  if (!who.listed_) return;
  who.listed_ = false;
  if (who.failures_ && who.failures_->what == agent_status::state::failed) {
    gone_.push_back(status_of(who));
    if (gone_.size() > limits::agents_remembered) gone_.pop_front();
  }
  (who.previous_ ? who.previous_->next_ : first_) = who.next_;
  if (who.next_) who.next_->previous_ = who.previous_;
  if (--size_ == 0) emptied_.notify_all();
}

agent_status agent_roster::status_of(const entry& who) const {
  agent_status status;
  if (who.failures_) status = *who.failures_;
  status.name = *who.name_;
  status.refused_messages = who.refused_messages_.load(std::memory_order_relaxed);
  return status;
}

std::vector<agent_status> agent_roster::list(std::size_t at_most) const {
  const std::lock_guard lock(mutex_);
  std::vector<agent_status> all(gone_.begin(), gone_.end());
  for (const bool failed : {true, false})
    for (const entry* e = first_; e && all.size() < at_most; e = e->next_)
      if ((e->failures_ != nullptr) == failed) all.push_back(status_of(*e));
  return all;
}

std::size_t agent_roster::size() const {
  const std::lock_guard lock(mutex_);
  return size_;
}

void agent_roster::close() {
  std::vector<caf::strong_actor_ptr> living;
  std::unique_lock lock(mutex_);
  closed_ = true;
  // One whose last handle has just gone is on its way out by itself.
  for (entry* e = first_; e; e = e->next_)
    if (auto alive = e->actor_.lock()) living.push_back(std::move(alive));
  lock.unlock();
  for (auto& one : living) caf::anon_send_exit(caf::actor_cast<caf::actor>(one), caf::exit_reason::kill);
  living.clear();
  lock.lock();
  emptied_.wait(lock, [this] { return size_ == 0; });
}

}  // namespace quicsync
