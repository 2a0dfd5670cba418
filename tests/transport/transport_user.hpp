// An actor that uses a transport in tests, as coordinator and peer at once: it takes over whoever dials in, dials, and
// writes down what it is told. The log may be read from any thread.
#pragma once
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include <quicsync/transport/loop_actor.hpp>
#include <quicsync/transport/messages.hpp>

namespace quicsync::tests {

/// What a user of the transport was told so far.
struct told_by_transport {
  std::optional<quicsync::address> listening;
  std::vector<transport_messages::accepted> accepted;
  std::vector<transport_messages::rejected> rejected;
  std::vector<transport_messages::opened> opened;
  std::vector<transport_messages::ended> ended;
  std::map<std::pair<connection_id, lane>, byte_buffer> received;
  std::map<std::pair<connection_id, lane>, std::uint64_t> acknowledged;
  std::size_t messages_of_bytes = 0;
};

class transport_log {
 public:
  /// Sees each message, one line.
  std::function<void(const std::string&)> on_line;

  void update(const std::string& line, const std::function<void(told_by_transport&)>& change) {
    {
      const std::lock_guard lock(mutex_);
      change(told_);
    }
    changed_.notify_all();
    if (on_line) on_line(line);
  }
  told_by_transport told() const {
    const std::lock_guard lock(mutex_);
    return told_;
  }
  /// For what is asked often: without a copy.
  template <class Question>
  auto ask(Question&& question) const {
    const std::lock_guard lock(mutex_);
    return question(told_);
  }
  /// False: it did not come true in that time.
  bool wait(const std::function<bool(const told_by_transport&)>& question, std::chrono::seconds patience) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, [&] { return question(told_); });
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  told_by_transport told_;
};

struct transport_user_options {
  bool adopt = true;    ///< take over whoever dials in, at once
  bool consume = true;  ///< open windows again at once
};

/// From the test.
struct use_transport {
  caf::actor transport;
};
struct send_all {
  connection_id id = 0;
  lane on = lane::normal;
  shared_bytes bytes;
};

class transport_user : public loop_actor {
 public:
  transport_user(caf::actor_config& config, loop& home, std::shared_ptr<transport_log> log,
                 transport_user_options options = {})
      : loop_actor(config, home), log_(std::move(log)), options_(options) {}

  caf::behavior make_behavior() override;
  void on_exit() override { transport_ = nullptr; }

 private:
  std::shared_ptr<transport_log> log_;
  transport_user_options options_;
  caf::actor transport_;
};

}  // namespace quicsync::tests

QUICSYNC_LOCAL_MESSAGE(quicsync::tests::use_transport)
QUICSYNC_LOCAL_MESSAGE(quicsync::tests::send_all)

namespace quicsync::tests {

inline caf::behavior transport_user::make_behavior() {
  using namespace transport_messages;
  using text = std::string;
  return {
      [this](use_transport& message) { transport_ = std::move(message.transport); },
      [this](const send_all& message) {
        caf_compat::tell(this, transport_, send_bytes{message.id, message.on, message.bytes});
      },
      [this](const listening& message) {
        log_->update("listening", [&](auto& told) { told.listening = message.local; });
      },
      [this](const accepted& message) {
        if (options_.adopt) {
          auto transport = caf::actor_cast<caf::actor>(current_sender());
          caf_compat::tell(this, transport, adopt{message.id, caf::actor_cast<caf::actor>(this)});
        }
        log_->update("accepted " + message.peer.name, [&](auto& told) { told.accepted.push_back(message); });
      },
      [this](const rejected& message) {
        log_->update("rejected " + text(to_string(message.reason.code)),
                     [&](auto& told) { told.rejected.push_back(message); });
      },
      [this](const opened& message) {
        log_->update("opened " + message.peer.name, [&](auto& told) { told.opened.push_back(message); });
      },
      [this](const received_bytes& message) {
        if (options_.consume) {
          auto transport = caf::actor_cast<caf::actor>(current_sender());
          caf_compat::tell(this, transport, transport_messages::consumed{message.id, message.on, message.bytes.size()});
        }
        log_->update("received " + text(to_string(message.on)) + " " + std::to_string(message.bytes.size()),
                     [&](auto& told) {
                       auto& into = told.received[{message.id, message.on}];
                       into.insert(into.end(), message.bytes.view().begin(), message.bytes.view().end());
                       ++told.messages_of_bytes;
                     });
      },
      [this](const acknowledged_bytes& message) {
        log_->update("acknowledged " + text(to_string(message.on)) + " " + std::to_string(message.bytes),
                     [&](auto& told) { told.acknowledged[{message.id, message.on}] += message.bytes; });
      },
      [this](const ended& message) {
        log_->update("ended " + text(to_string(message.reason.code)) + " " + message.reason.context,
                     [&](auto& told) { told.ended.push_back(message); });
      },
  };
}

}  // namespace quicsync::tests
