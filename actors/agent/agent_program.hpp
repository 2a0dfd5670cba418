// What an agent runs: the user's function or object and its arguments, kept so that a restarted agent begins as the
// first.
#pragma once
#include <optional>
#include <tuple>
#include <type_traits>

#include <quicsync/actors/agent/task.hpp>

namespace quicsync {

class agent;

class agent_program {
 public:
  virtual ~agent_program() = default;
  /// The coroutine of a new life. The one before it is gone.
  virtual task<void> begin(agent& self) = 0;
};

template <class F, class... Arguments>
class agent_program_of final : public agent_program {
 public:
  agent_program_of(F body, std::tuple<Arguments...> arguments)
      : body_(std::move(body)), arguments_(std::move(arguments)) {}

  // The coroutine refers to the callable as long as it lives: captures and members belong to this life.
  task<void> begin(agent& self) override {
    if constexpr (std::is_pointer_v<F>) {
      return std::apply([&](const Arguments&... given) { return body_(self, given...); }, arguments_);
    } else {
      alive_.emplace(body_);
      return std::apply([&](const Arguments&... given) { return (*alive_)(self, given...); }, arguments_);
    }
  }

 private:
  struct nothing {};
  F body_;
  std::tuple<Arguments...> arguments_;
  [[no_unique_address]] std::conditional_t<std::is_pointer_v<F>, nothing, std::optional<F>> alive_;
};

}  // namespace quicsync
