#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include <quicsync/actors/inspect/event_streams.hpp>

namespace quicsync {

std::string event_streams::stream::next(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  some_.wait_for(lock, patience, [this] { return !waiting_.empty() || skipped_ != 0 || over_; });
  std::string out;
  for (const auto& each : waiting_) out += *each;
  waiting_.clear();
  if (skipped_ != 0) out += fmt::format("event: skipped\ndata: {{\"count\":{}}}\n\n", std::exchange(skipped_, 0));
  return out;
}

bool event_streams::stream::over() const {
  const std::lock_guard lock(mutex_);
  return over_;
}

std::shared_ptr<event_streams::stream> event_streams::open(bool patterns) {
  const std::lock_guard lock(mutex_);
  if (ended_ || open_.size() >= limits::event_streams) return nullptr;
  open_.push_back(std::make_shared<stream>());
  open_.back()->patterns_ = patterns;
  return open_.back();
}

void event_streams::close(const std::shared_ptr<stream>& which) {
  const std::lock_guard lock(mutex_);
  std::erase(open_, which);
}

void event_streams::tell(const std::string& name, const std::string& data, bool of_patterns) {
  const std::lock_guard lock(mutex_);
  const auto text =
      std::make_shared<const std::string>(fmt::format("id: {}\nevent: {}\ndata: {}\n\n", ++last_number_, name, data));
  for (const auto& each : open_) {
    const std::lock_guard inner(each->mutex_);
    if (of_patterns && !each->patterns_) continue;
    if (each->waiting_.size() >= limits::event_backlog) {
      each->waiting_.pop_front();
      ++each->skipped_;
    }
    each->waiting_.push_back(text);
    each->some_.notify_one();
  }
}

void event_streams::skip_patterns(std::uint64_t count) {
  const std::lock_guard lock(mutex_);
  for (const auto& each : open_) {
    const std::lock_guard inner(each->mutex_);
    if (!each->patterns_) continue;
    each->skipped_ += count;
    each->some_.notify_one();
  }
}

bool event_streams::any() const {
  const std::lock_guard lock(mutex_);
  return !open_.empty();
}

bool event_streams::any_wants_patterns() const {
  const std::lock_guard lock(mutex_);
  return std::any_of(open_.begin(), open_.end(), [](const auto& each) { return each->patterns_; });
}

void event_streams::end() {
  const std::lock_guard lock(mutex_);
  ended_ = true;
  for (const auto& each : open_) {
    const std::lock_guard inner(each->mutex_);
    each->over_ = true;
    each->some_.notify_all();
  }
}

}  // namespace quicsync
