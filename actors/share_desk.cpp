#include <chrono>
#include <utility>

#include <quicsync/actors/share_desk.hpp>

namespace quicsync {

void share_desk::open(caf::actor cache) {
  const std::lock_guard lock(mutex_);
  cache_ = std::move(cache);
}

void share_desk::drain() {
  const std::lock_guard lock(mutex_);
  draining_ = true;
}

std::vector<share_desk::handler> share_desk::close() {
  const std::lock_guard lock(mutex_);
  cache_ = nullptr;
  draining_ = false;
  std::vector<handler> all;
  for (auto& [number, done] : std::exchange(waiting_, {})) all.push_back(std::move(done));
  return all;
}

std::optional<error> share_desk::hand_over(messages::share& question, handler& done) {
  caf::actor cache;
  {
    const std::lock_guard lock(mutex_);
    if (!cache_) return error{errc::not_running, "the node is not running"};
    if (draining_) return error{errc::not_running, "the node is stopping"};
    cache = cache_;
    question.handed_over = std::chrono::steady_clock::now();
    question.takes_bundles = true;
    question.number = ++last_number_;
    waiting_.emplace(last_number_, std::move(done));
  }
  // Should the node have stopped since, close() finds it among those that wait.
  caf_compat::anon_send(cache, std::move(question));
  return std::nullopt;
}

share_desk::handler share_desk::take(std::uint64_t number) {
  const std::lock_guard lock(mutex_);
  auto found = waiting_.extract(number);
  return found.empty() ? handler() : std::move(found.mapped());
}

bool share_desk::empty() const {
  const std::lock_guard lock(mutex_);
  return waiting_.empty();
}

}  // namespace quicsync
