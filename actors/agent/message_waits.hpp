// The waits of an agent that are about messages and time: receive, next_request, ask, sleep. Made by class agent only.
#pragma once
#include <quicsync/actors/agent/agent.hpp>

namespace quicsync {

template <class T>
class receiving final : public agent_operation<T> {
 public:
  receiving(agent& self, wait_time within) : agent_operation<T>(self, within) {}

 private:
  bool begin() override {
    return this->self().take_kept([this](delivery& message) { return offer(message); });
  }
  bool offer(delivery& message) override {
    if (!message.is<T>()) return false;
    this->outcome_ = message.template take<T>();
    return true;
  }
  const wait_label* label() const noexcept override { return label_of<T>::message(); }
};

template <class T>
class receiving_request final : public agent_operation<incoming<T>> {
 public:
  receiving_request(agent& self, wait_time within) : agent_operation<incoming<T>>(self, within) {}

 private:
  bool begin() override {
    return this->self().take_kept([this](delivery& message) { return offer(message); });
  }
  bool offer(delivery& message) override {
    if (!message.is<T>()) return false;
    auto content = message.template take<T>();
    this->outcome_ = incoming<T>(std::move(content), message.answer());
    return true;
  }
  const wait_label* label() const noexcept override { return label_of<T>::request(); }
};

class sleeping final : public agent_operation<void> {
 public:
  sleeping(agent& self, wait_time duration)
      : agent_operation<void>(self, duration), over_(duration <= wait_time::zero()) {}

 private:
  bool begin() override { return over_ && !self().turn_is_over() && look(); }
  bool look() override {
    if (over_) outcome_ = {};
    return over_;
  }
  void expire() override { outcome_ = {}; }
  const wait_label* label() const noexcept override {
    static constexpr wait_label label{"time to pass"};
    return &label;
  }
  bool over_;
};

template <class R>
class asking final : public agent_operation<R> {
 public:
  asking(agent& self, caf::strong_actor_ptr whom, wait_time within, caf::message question)
      : agent_operation<R>(self, within), whom_(std::move(whom)), question_(std::move(question)) {}
  asking(asking&&) = default;  ///< Precondition: not started.
  ~asking() override {
    if (pending_) this->self().forget_answer(answer_);
  }

 private:
  bool begin() override {
    auto& mine = this->self();
    auto& me = mine.actor();
    if (!whom_) {
      this->outcome_ = fail(errc::not_running, "there is nobody to ask");
      return true;
    }
    const auto request = me.new_request_id(caf::message_priority::normal);
    answer_ = request.response_id();
    pending_ = true;
    auto failed = [this](caf::error& reason) { come(fail(error_of(reason))); };
    if constexpr (std::is_void_v<R>)
      mine.expect_answer(answer_, caf::behavior{[this] { come({}); }, std::move(failed)});
    else
      mine.expect_answer(answer_, caf::behavior{[this](R& answer) { come(std::move(answer)); }, std::move(failed)});
    // An actor of another system is run by that one's threads.
    auto* runs = whom_->home_system == &me.home_system() ? me.context() : nullptr;
    whom_->enqueue(me.ctrl(), request, std::move(question_), runs);
    return false;
  }
  const wait_label* label() const noexcept override { return label_of<R>::answer(); }
  void come(result<R> what) {
    auto& mine = this->self();
    pending_ = false;
    this->outcome_ = std::move(what);
    if (this->waiting()) {
      this->complete();
      mine.settle();  // this wait is gone by now
    }
  }

  caf::strong_actor_ptr whom_;
  caf::message question_;
  caf::message_id answer_;
  bool pending_ = false;
};

template <class T>
receiving<T> agent::receive(wait_time within) {
  return receiving<T>(*this, within);
}

template <class T>
receiving_request<T> agent::next_request(wait_time within) {
  return receiving_request<T>(*this, within);
}

template <class R, class Actor, class... Ts>
asking<R> agent::ask(const Actor& whom, wait_time within, Ts&&... question) {
  static_assert(((survives_await<Ts> || std::is_lvalue_reference_v<Ts>) && ...),
                "g++ 12 destroys a temporary aggregate in an await twice: give the message's type a constructor "
                "(`name() = default;` will do), or ask with a named variable");
  return asking<R>(*this, caf::actor_cast<caf::strong_actor_ptr>(whom), within,
                   caf::make_message(std::forward<Ts>(question)...));
}

inline sleeping agent::sleep(wait_time duration) { return sleeping(*this, duration); }

}  // namespace quicsync
