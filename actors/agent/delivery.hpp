// A message that has come to an agent, until somebody takes it; and a request that waits for its answer.
#pragma once
#include <quicsync/codec/error.hpp>
#include <quicsync/transport/caf_compat.hpp>

namespace quicsync {

/// What an actor of CAF answered a request with when it failed, and back: an error of ours goes through as it is.
error error_of(const caf::error& failure);
caf::error caf_error_of(const error& reason);

class delivery {
 public:
  /// One that comes now; `receiver` is handling it.
  delivery(caf::event_based_actor& receiver, caf::type_erased_tuple& content) noexcept
      : content_(content), receiver_(&receiver) {}
  /// One that was kept.
  delivery(caf::message& kept, caf::response_promise& answer) noexcept : content_(kept), answer_(&answer) {}

  template <class T>
  bool is() const noexcept {
    return content_.match_elements<T>();
  }
  template <class T>
  const T& peek() const noexcept {
    return content_.get_as<T>(0);
  }
  /// Copies only what somebody else holds, too.
  template <class T>
  T take() {
    if (content_.shared()) return content_.get_as<T>(0);
    return std::move(content_.get_mutable_as<T>(0));
  }
  /// By which it is to be answered; not pending where it was no request.
  caf::response_promise answer() {
    if (answer_) return std::move(*answer_);
    if (receiver_->current_mailbox_element()->mid.is_request()) return receiver_->make_response_promise();
    return {};
  }

 private:
  caf::type_erased_tuple& content_;
  caf::event_based_actor* receiver_ = nullptr;
  caf::response_promise* answer_ = nullptr;
};

/// A request that an agent took. Whoever asked is answered once; where nobody does, with `cancelled` when this ends.
template <class T>
class incoming {
 public:
  incoming(T what, caf::response_promise promise) : what_(std::move(what)), promise_(std::move(promise)) {}
  incoming(incoming&&) = default;
  incoming& operator=(incoming&& other) noexcept {
    if (this != &other) {
      give_up();
      what_ = std::move(other.what_);
      promise_ = std::exchange(other.promise_, {});
    }
    return *this;
  }
  ~incoming() { give_up(); }

  const T& operator*() const noexcept { return what_; }
  const T* operator->() const noexcept { return &what_; }

  template <class R>
  void answer(R given) {
    if (promise_.pending()) std::exchange(promise_, {}).deliver(std::move(given));
  }
  void answer() {
    if (promise_.pending()) std::exchange(promise_, {}).deliver(caf::unit);
  }
  void refuse(const error& reason) {
    if (promise_.pending()) std::exchange(promise_, {}).deliver(caf_error_of(reason));
  }

 private:
  void give_up() { refuse({errc::cancelled, "the agent ended without an answer"}); }

  T what_;
  caf::response_promise promise_;
};

}  // namespace quicsync
