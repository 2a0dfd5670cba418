// What an agent waits for, and the list of what it waits for now. A wait lives in the frame of the coroutine that
// awaits it, so waiting allocates nothing; when the frame goes, the wait ends. Knows no CAF.
#pragma once
#include <chrono>
#include <type_traits>
#include <typeinfo>

#include <quicsync/actors/agent/task.hpp>
#include <quicsync/codec/error.hpp>
#include <quicsync/transport/wait_label.hpp>

namespace quicsync {

using wait_time = std::chrono::nanoseconds;
/// A wait without a deadline.
inline constexpr wait_time forever = wait_time::max();

/// A message that has come (agent.hpp).
class delivery;
class wait;

/// The waits of one agent, oldest first, and the stage that its coroutines run on.
class waiting_list {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  waiting_list() = default;
  waiting_list(const waiting_list&) = delete;
  waiting_list& operator=(const waiting_list&) = delete;

  stage& where() noexcept { return stage_; }
  bool empty() const noexcept { return first_ == nullptr; }
  /// What the oldest wait waits for; null: nothing is awaited, or it does not say.
  const wait_label* oldest_wait() const noexcept;
  /// How many waits have ever entered.
  std::uint64_t waits_begun() const noexcept { return entries_; }

  /// Gives the message to the first wait that takes it, and lets that one's coroutine run. False: nobody wants it.
  bool offer(delivery& message);
  /// Lets every wait look again whether it is complete. What the coroutines begin to await meanwhile has its turn the
  /// next time: an agent that always finds something does not keep others waiting.
  void look_again();
  /// The time of set_alarm() has come. What is awaited from now on is not yet due, whatever its deadline.
  void on_alarm();

  virtual time_point now() const = 0;

 protected:
  virtual ~waiting_list() = default;
  /// on_alarm() is to be called at this time, instead of the one said before.
  virtual void set_alarm(time_point when) = 0;
  void forget_alarm() noexcept { alarm_ = time_point::max(); }

 private:
  friend class wait;
  void enter(wait& w);
  void leave(wait& w) noexcept;

  /// The oldest wait, of those that had entered when `until` had, of which `condition` is true.
  template <class Condition>
  wait* find(std::uint64_t until, Condition&& condition) const;

  stage stage_;
  std::uint64_t entries_ = 0;  ///< waits that ever entered
  wait* first_ = nullptr;
  wait* last_ = nullptr;
  time_point alarm_ = time_point::max();
};

class wait {
 public:
  wait& operator=(const wait&) = delete;
  virtual ~wait() { leave(); }

  /// Begins to wait. True: it is complete already, and `then` is not needed.
  bool start(const continuation& then) {
    if (begin()) return true;
    then_ = then;
    list_->enter(*this);
    return false;
  }

 protected:
  wait(waiting_list& list, wait_time within) noexcept : list_(&list), deadline_(within) {}
  /// Precondition: not started.
  wait(wait&& other) noexcept : list_(other.list_), deadline_(other.deadline_) {}

  /// Asks for what is waited for. True: it is there.
  virtual bool begin() = 0;
  /// True: it was what this waits for, and is taken.
  virtual bool offer(delivery&) { return false; }
  /// True: it is there now.
  virtual bool look() { return false; }
  virtual void expire() = 0;
  /// For people; of static storage.
  virtual const wait_label* label() const noexcept { return nullptr; }

  /// From outside of offer(), look() and expire(): what was waited for has come; the coroutine runs now.
  void complete() {
    auto& on = list_->stage_;
    finish();
    on.run();
  }
  bool waiting() const noexcept { return entered_ != 0; }
  waiting_list& list() const noexcept { return *list_; }

 private:
  friend class waiting_list;
  void finish() noexcept {
    leave();
    then_.go_on(list_->stage_);
  }
  void leave() noexcept {
    if (waiting()) list_->leave(*this);
  }

  waiting_list* list_;
  wait* next_ = nullptr;
  wait* previous_ = nullptr;
  continuation then_;
  waiting_list::time_point deadline_;  ///< until it is entered: since the clock's zero, how long it may last
  std::uint64_t entered_ = 0;          ///< as the how-manieth of its list; 0: it is not in it
};

inline const wait_label* waiting_list::oldest_wait() const noexcept { return first_ ? first_->label() : nullptr; }

/// What `label()` gives of a message of type T.
template <class T>
struct label_of {
  static const wait_label* message() noexcept {
    static const wait_label label{"a message", typeid(T).name()};
    return &label;
  }
  static const wait_label* request() noexcept {
    static const wait_label label{"a request", typeid(T).name()};
    return &label;
  }
  static const wait_label* answer() noexcept {
    static const wait_label label{"an answer", std::is_void_v<T> ? nullptr : typeid(T).name()};
    return &label;
  }
};

/// A wait that gives a result<T>; timed_out at its deadline. Awaited once.
template <class T>
class operation : public wait {
 public:
  using value_type = result<T>;

  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> awaiter) { return !start(continuation(awaiter)); }
  result<T> await_resume() { return std::move(outcome_); }

 protected:
  using wait::wait;
  void expire() override { outcome_ = fail(errc::timed_out, "nothing came within the time given"); }

  result<T> outcome_ = fail(errc::none, {});
};

}  // namespace quicsync
