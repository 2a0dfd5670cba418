// An agent's subscription: it reads the cache's log at the agent's pace, as every reader does (docs/decisions/
// readers-pull-the-log.md). Lives in the coroutine that made it; destroying it ends it.
#pragma once

#include <quicsync/actors/agent/agent.hpp>
#include <quicsync/codec/filter.hpp>

namespace quicsync {

/// One record and what keeps it alive. Cheap to copy.
class shared_record {
 public:
  shared_record() = default;
  shared_record(std::shared_ptr<const change_set> set, std::uint16_t index)
      : set_(std::move(set)), view_(set_->records->record(index)) {}

  const record_view& operator*() const noexcept { return view_; }
  const record_view* operator->() const noexcept { return &view_; }
  /// The slab it is in.
  const slab_ptr& records() const noexcept { return set_->records; }

 private:
  std::shared_ptr<const change_set> set_;
  record_view view_;
};

template <class T>
class awaiting_next;

class subscription {
 public:
  /// Where it begins; none: where a `log_end` says that somebody has asked for.
  subscription(agent& self, std::string_view wanted, std::optional<subscribe_frame::start> from, slow_agent slow);
  subscription(const subscription&) = delete;
  subscription& operator=(const subscription&) = delete;
  ~subscription();

  /// The next pattern. Errors: timed_out; bad_filter where the filter could not be read.
  awaiting_next<pattern> next(wait_time within = forever);
  /// The same, not taken apart: cheaper where few fields are wanted.
  awaiting_next<shared_record> next_record(wait_time within = forever);
  /// What next_record() would give without waiting.
  std::optional<shared_record> at_hand();

 private:
  friend class agent;
  template <class T>
  friend class awaiting_next;

  /// One that matches. Asks the cache for more where there is none, or where it may read ahead.
  bool take(shared_record& into);
  void on_log_end(log_position_number position);
  void on_page(const messages::page& page);
  void pull();
  void drop() noexcept;

  agent* self_;
  subscription* next_;  ///< of the agent's
  filter wanted_;
  std::optional<error> failure_;
  slow_agent slow_;
  std::uint32_t number_;
  log_cursor after_;
  bool ready_ = false;     ///< it is known where to begin
  bool pulling_ = false;   ///< a pull is under way
  std::size_t ahead_ = 0;  ///< changes in sets_ that were not looked at
  std::size_t index_ = 0;  ///< in the first of sets_
  std::vector<std::shared_ptr<const change_set>> sets_;
};

template <class T>
class awaiting_next final : public agent_operation<T> {
 public:
  awaiting_next(subscription& from, agent& self, wait_time within) : agent_operation<T>(self, within), from_(&from) {}

 private:
  bool begin() override {
    if (from_->failure_) {
      this->outcome_ = fail(*from_->failure_);
      return true;
    }
    return !this->self().turn_is_over() && look();
  }
  bool look() override {
    shared_record record;
    if (!from_->take(record)) return false;
    if constexpr (std::is_same_v<T, pattern>)
      this->outcome_ = record->to_pattern();
    else
      this->outcome_ = std::move(record);
    return true;
  }
  const wait_label* label() const noexcept override {
    static constexpr wait_label label{"a pattern"};
    return &label;
  }
  subscription* from_;
};

inline subscription agent::subscribe(std::string_view wanted, subscribe_frame::start from, slow_agent slow) {
  return subscription(*this, wanted, from, slow);
}

inline subscription agent::subscribe_as_asked(std::string_view wanted) {
  return subscription(*this, wanted, std::nullopt, slow_agent::conflate());
}

inline awaiting_next<pattern> subscription::next(wait_time within) {
  return awaiting_next<pattern>(*this, *self_, within);
}
inline awaiting_next<shared_record> subscription::next_record(wait_time within) {
  return awaiting_next<shared_record>(*this, *self_, within);
}

}  // namespace quicsync
