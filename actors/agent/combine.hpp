// first_of(...) and all_of(...): wait for the first of several things, or for all of them. Each may be anything that an
// agent can await: operations, tasks, and combinations again.
//
//   auto event = co_await first_of(questions.next(), self.sleep(1s));
//   if (event.index() == 0) use(event.get<0>());
//   auto [left, right] = co_await all_of(self.ask<answer>(a, 1s, x), self.ask<answer>(b, 1s, y));
//   std::vector<int> results = co_await all_of(std::move(tasks));
#pragma once
#include <tuple>
#include <variant>
#include <vector>

#include <quicsync/actors/agent/wait.hpp>

namespace quicsync {

namespace detail {

/// One of the things that a junction waits for. `value` is what awaiting it gives; nothing is a std::monostate.
template <class Awaited>
class branch {
 public:
  using value = typename Awaited::value_type;
  explicit branch(Awaited&& what) : what_(std::move(what)) {}
  bool start(stage& on, const continuation& then) {
    if constexpr (requires { what_->start(on, then); })
      return what_->start(on, then);
    else
      return what_->start(then);
  }
  value take() { return what_->await_resume(); }
  bool failed() const noexcept { return false; }
  void cancel() { what_.reset(); }

 private:
  std::optional<Awaited> what_;
};

template <class T>
class branch<task<T>> {
 public:
  using value = std::conditional_t<std::is_void_v<T>, std::monostate, T>;
  explicit branch(task<T>&& what) noexcept : what_(std::move(what)) {}
  bool start(stage& on, const continuation& then) {
    what_.start(on, then);
    return what_.done();
  }
  value take() {
    if constexpr (std::is_void_v<T>) {
      what_.take();
      return {};
    } else {
      return what_.take();
    }
  }
  bool failed() const noexcept { return what_.failed(); }
  void cancel() { what_.reset(); }

 private:
  task<T> what_;
};

}  // namespace detail

/// Which of the things came first, and what it gave.
template <class... Values>
class first_result {
 public:
  template <std::size_t I, class Value>
  first_result(std::in_place_index_t<I> which, Value&& value) : value_(which, std::forward<Value>(value)) {}

  /// Its place among the arguments of first_of().
  std::size_t index() const noexcept { return value_.index(); }
  /// Precondition: index() == I.
  template <std::size_t I>
  auto& get() {
    return std::get<I>(value_);
  }

 private:
  std::variant<Values...> value_;
};

/// Started in the order written; of two that are complete at once the earlier one wins. The others are ended before the
/// awaiter goes on.
template <class... Awaited>
class [[nodiscard]] first_of_operation final : private junction {
 public:
  using value_type = first_result<typename detail::branch<Awaited>::value...>;

  explicit first_of_operation(Awaited&&... what) : branches_(detail::branch<Awaited>(std::move(what))...) {}
  first_of_operation(first_of_operation&&) = default;  ///< Precondition: not started.

  bool start(stage& on, const continuation& then) {
    starting_ = true;
    start_each(on, std::index_sequence_for<Awaited...>{});
    starting_ = false;
    then_ = then;
    return winner_ != none;
  }

  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> awaiter) {
    return !start(*awaiter.promise().on, continuation(awaiter));
  }
  value_type await_resume() { return take(std::index_sequence_for<Awaited...>{}); }

 private:
  static constexpr std::size_t none = sizeof...(Awaited);

  void branch_done(std::size_t branch, stage& on) noexcept override {
    if (winner_ != none) return;
    winner_ = branch;
    if (!starting_) then_.go_on(on);
  }
  template <std::size_t... I>
  void start_each(stage& on, std::index_sequence<I...>) {
    (start_one<I>(on), ...);
  }
  template <std::size_t I>
  void start_one(stage& on) {
    if (winner_ == none && std::get<I>(branches_).start(on, continuation(*this, I)) && winner_ == none) winner_ = I;
  }
  template <std::size_t... I>
  value_type take(std::index_sequence<I...>) {
    std::optional<value_type> taken;
    ((I == winner_ ? void(taken.emplace(std::in_place_index<I>, std::get<I>(branches_).take())) : void()), ...);
    (std::get<I>(branches_).cancel(), ...);
    return std::move(*taken);
  }

  std::tuple<detail::branch<Awaited>...> branches_;
  continuation then_;
  std::size_t winner_ = none;
  bool starting_ = false;
};

/// Gives a tuple of what each gave. A task that throws ends the others, and the exception goes on.
template <class... Awaited>
class [[nodiscard]] all_of_operation final : private junction {
 public:
  using value_type = std::tuple<typename detail::branch<Awaited>::value...>;

  explicit all_of_operation(Awaited&&... what) : branches_(detail::branch<Awaited>(std::move(what))...) {}
  all_of_operation(all_of_operation&&) = default;  ///< Precondition: not started.

  bool start(stage& on, const continuation& then) {
    starting_ = true;
    start_each(on, std::index_sequence_for<Awaited...>{});
    starting_ = false;
    then_ = then;
    return over();
  }

  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> awaiter) {
    return !start(*awaiter.promise().on, continuation(awaiter));
  }
  value_type await_resume() { return take(std::index_sequence_for<Awaited...>{}); }

 private:
  static constexpr std::size_t none = sizeof...(Awaited);
  bool over() const noexcept { return left_ == 0 || failed_ != none; }

  void branch_done(std::size_t branch, stage& on) noexcept override {
    if (over()) return;
    --left_;
    note_failure(branch, std::index_sequence_for<Awaited...>{});
    if (!starting_ && over()) then_.go_on(on);
  }
  template <std::size_t... I>
  void note_failure(std::size_t branch, std::index_sequence<I...>) noexcept {
    ((I == branch && std::get<I>(branches_).failed() ? void(failed_ = I) : void()), ...);
  }
  template <std::size_t... I>
  void start_each(stage& on, std::index_sequence<I...>) {
    (start_one<I>(on), ...);
  }
  // A task that is done at once has told branch_done() itself; an operation has not.
  template <std::size_t I>
  void start_one(stage& on) {
    if (failed_ != none) return;
    const auto before = left_;
    if (std::get<I>(branches_).start(on, continuation(*this, I)) && left_ == before) --left_;
  }
  template <std::size_t... I>
  value_type take(std::index_sequence<I...>) {
    if (failed_ != none) {
      // Throws what the task threw.
      ((I == failed_ ? void(std::get<I>(branches_).take()) : void()), ...);
    }
    return value_type(std::get<I>(branches_).take()...);
  }

  std::tuple<detail::branch<Awaited>...> branches_;
  continuation then_;
  std::size_t left_ = sizeof...(Awaited);
  std::size_t failed_ = none;
  bool starting_ = false;
};

/// The same for any number of one kind.
template <class Awaited>
class [[nodiscard]] all_of_many_operation final : private junction {
 public:
  using value = typename detail::branch<Awaited>::value;
  using value_type = std::vector<value>;

  explicit all_of_many_operation(std::vector<Awaited>&& what) : left_(what.size()), failed_(what.size()) {
    branches_.reserve(what.size());
    for (auto& one : what) branches_.emplace_back(std::move(one));
  }
  all_of_many_operation(all_of_many_operation&&) = default;  ///< Precondition: not started.

  bool start(stage& on, const continuation& then) {
    starting_ = true;
    for (std::size_t i = 0; i < branches_.size() && !failed(); ++i) {
      const auto before = left_;
      if (branches_[i].start(on, continuation(*this, i)) && left_ == before) --left_;
    }
    starting_ = false;
    then_ = then;
    return over();
  }

  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> awaiter) {
    return !start(*awaiter.promise().on, continuation(awaiter));
  }
  value_type await_resume() {
    if (failed()) branches_[failed_].take();  // throws what the task threw
    value_type all;
    all.reserve(branches_.size());
    for (auto& one : branches_) all.push_back(one.take());
    return all;
  }

 private:
  bool failed() const noexcept { return failed_ != branches_.size(); }
  bool over() const noexcept { return left_ == 0 || failed(); }
  void branch_done(std::size_t branch, stage& on) noexcept override {
    if (over()) return;
    --left_;
    if (branches_[branch].failed()) failed_ = branch;
    if (!starting_ && over()) then_.go_on(on);
  }

  std::vector<detail::branch<Awaited>> branches_;
  continuation then_;
  std::size_t left_;
  std::size_t failed_;
  bool starting_ = false;
};

/// Takes temporaries, and what is moved in.
template <class... Awaited>
  requires(sizeof...(Awaited) > 0 && (!std::is_lvalue_reference_v<Awaited> && ...))
first_of_operation<Awaited...> first_of(Awaited&&... what) {
  return first_of_operation<Awaited...>(std::move(what)...);
}
template <class... Awaited>
  requires(sizeof...(Awaited) > 0 && (!std::is_lvalue_reference_v<Awaited> && ...))
all_of_operation<Awaited...> all_of(Awaited&&... what) {
  return all_of_operation<Awaited...>(std::move(what)...);
}
template <class Awaited>
all_of_many_operation<Awaited> all_of(std::vector<Awaited> what) {
  return all_of_many_operation<Awaited>(std::move(what));
}

}  // namespace quicsync
