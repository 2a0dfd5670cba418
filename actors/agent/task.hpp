// task<T>: a coroutine that starts when it is awaited and gives its awaiter a T, or the exception that ended it.
// Belongs to the agent in whose coroutine it is awaited, and runs only there.
//
// No coroutine resumes another one: whoever may go on next is noted on the agent's stage, and the stage resumes one
// after the other. So the stack does not grow, however deep and long the awaiting goes and however little the compiler
// optimises.
#pragma once
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

namespace quicsync {

template <class T = void>
class task;

/// Where the coroutines of one agent run, one at a time.
class stage {
 public:
  stage() = default;
  stage(const stage&) = delete;
  stage& operator=(const stage&) = delete;

  /// To be resumed once the coroutine that runs now has stopped.
  void next(std::coroutine_handle<> coroutine) noexcept { next_ = coroutine; }

  /// Resumes `first` and then whoever may go on, until nobody may. May be called by a coroutine that runs here: what it
  /// has noted for itself waits.
  void run(std::coroutine_handle<> first) {
    auto outer = std::exchange(next_, first);
    run();
    next_ = outer;
  }
  void run() {
    while (next_) std::exchange(next_, {}).resume();
  }

 private:
  std::coroutine_handle<> next_;
};

/// Waits for several things at once (combine.hpp).
class junction {
 public:
  /// The branch of this number is complete.
  virtual void branch_done(std::size_t branch, stage& on) noexcept = 0;

 protected:
  ~junction() = default;
};

/// Who goes on when something is complete: a coroutine, or the junction that the thing is a branch of.
class continuation {
 public:
  continuation() = default;
  explicit continuation(std::coroutine_handle<> waiting) noexcept : whom_(waiting.address()) {}
  continuation(junction& above, std::size_t branch) noexcept : whom_(&above), branch_(branch) {}

  void go_on(stage& on) const noexcept {
    if (branch_ != no_branch)
      static_cast<junction*>(whom_)->branch_done(branch_, on);
    else if (whom_)
      on.next(std::coroutine_handle<>::from_address(whom_));
  }

 private:
  static constexpr std::size_t no_branch = SIZE_MAX;

  void* whom_ = nullptr;            ///< a junction where there is a branch, else a coroutine; null: nobody
  std::size_t branch_ = no_branch;  ///< of the junction
};

/// g++ 12 destroys a temporary twice that is an aggregate, is not trivial, and stands in an expression with co_await. A
/// constructor, `question() = default;` included, makes a type safe.
template <class T>
inline constexpr bool survives_await =
    !std::is_aggregate_v<std::remove_cvref_t<T>> || std::is_trivially_destructible_v<std::remove_cvref_t<T>>;

namespace detail {

/// The first parameter is the agent, or the object whose member or call operator the coroutine is: it outlives the
/// call.
template <class... Parameters>
struct rest_survives : std::true_type {};
template <class First, class... Rest>
struct rest_survives<First, Rest...> : std::bool_constant<(survives_await<Rest> && ...)> {};

class promise_base {
 public:
  struct final_wait {
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> done) const noexcept {
      auto& promise = done.promise();
      promise.then.go_on(*promise.on);
    }
    void await_resume() const noexcept {}
  };

  std::suspend_always initial_suspend() const noexcept { return {}; }
  final_wait final_suspend() const noexcept { return {}; }
  void unhandled_exception() noexcept { failure = std::current_exception(); }

  stage* on = nullptr;
  continuation then;
  std::exception_ptr failure;
};

template <class T>
class promise : public promise_base {
 public:
  promise() = default;
  template <class... Parameters>
    requires(sizeof...(Parameters) > 0)
  explicit promise(const Parameters&...) noexcept {
    static_assert(
        rest_survives<Parameters...>::value,
        "a parameter of a task is an aggregate, which g++ 12 destroys twice when a temporary is given: give the "
        "type a constructor (`name() = default;` will do)");
  }

  task<T> get_return_object() noexcept;
  template <class U>
    requires std::is_convertible_v<U&&, T>
  void return_value(U&& given) {
    value_.emplace(std::forward<U>(given));
  }
  T take() {
    if (failure) std::rethrow_exception(std::exchange(failure, nullptr));
    return std::move(*value_);
  }

 private:
  std::optional<T> value_;
};

template <>
class promise<void> : public promise_base {
 public:
  promise() = default;
  template <class... Parameters>
    requires(sizeof...(Parameters) > 0)
  explicit promise(const Parameters&...) noexcept {
    static_assert(
        rest_survives<Parameters...>::value,
        "a parameter of a task is an aggregate, which g++ 12 destroys twice when a temporary is given: give the "
        "type a constructor (`name() = default;` will do)");
  }

  task<void> get_return_object() noexcept;
  void return_void() const noexcept {}
  void take() {
    if (failure) std::rethrow_exception(std::exchange(failure, nullptr));
  }
};

}  // namespace detail

/// Owns the coroutine; destroying it ends the coroutine wherever it waits, and runs its destructors. Parameters of a
/// task are taken by value: what a reference refers to may be gone when it starts.
template <class T>
class [[nodiscard]] task {
 public:
  using promise_type = detail::promise<T>;
  using handle = std::coroutine_handle<promise_type>;

  task() = default;
  explicit task(handle coroutine) noexcept : coroutine_(coroutine) {}
  task(task&& other) noexcept : coroutine_(std::exchange(other.coroutine_, {})) {}
  task& operator=(task&& other) noexcept {
    if (this != &other) {
      reset();
      coroutine_ = std::exchange(other.coroutine_, {});
    }
    return *this;
  }
  ~task() { reset(); }

  explicit operator bool() const noexcept { return static_cast<bool>(coroutine_); }
  bool done() const noexcept { return coroutine_.done(); }
  /// Done, by an exception.
  bool failed() const noexcept { return coroutine_.done() && coroutine_.promise().failure; }
  /// Precondition: failed(). What ended it.
  std::exception_ptr failure() const noexcept { return coroutine_.promise().failure; }
  /// Precondition: done(). Throws what ended the coroutine.
  T take() { return coroutine_.promise().take(); }
  void reset() {
    if (coroutine_) std::exchange(coroutine_, {}).destroy();
  }

  /// Runs until it waits for something or is done; once.
  void start(stage& on, continuation then) {
    prepare(on, then);
    on.run(coroutine_);
  }

  bool await_ready() const noexcept { return false; }
  template <class Promise>
  void await_suspend(std::coroutine_handle<Promise> awaiter) noexcept {
    auto& on = *awaiter.promise().on;
    prepare(on, continuation(awaiter));
    on.next(coroutine_);
  }
  T await_resume() { return take(); }

 private:
  void prepare(stage& on, continuation then) noexcept {
    coroutine_.promise().on = &on;
    coroutine_.promise().then = then;
  }

  handle coroutine_;
};

namespace detail {
template <class T>
task<T> promise<T>::get_return_object() noexcept {
  return task<T>(std::coroutine_handle<promise<T>>::from_promise(*this));
}
inline task<void> promise<void>::get_return_object() noexcept {
  return task<void>(std::coroutine_handle<promise<void>>::from_promise(*this));
}
}  // namespace detail

}  // namespace quicsync
