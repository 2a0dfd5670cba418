// One lane over loopback through the whole transport as a node uses it: endpoint, UDP socket, event loop and transport
// actor, with a user actor at each end. One side a process.
#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>

#include <quicsync/codec/limits.hpp>
#include <quicsync/transport/event_loop.hpp>
#include <quicsync/transport/loop_actor.hpp>
#include <quicsync/transport/transport_actor.hpp>
#include <quicsync/transport/udp_socket.hpp>

namespace quicsync::bench {

template <class T>
T must(result<T> made) {
  if (!made) throw std::runtime_error(made.error().context);
  if constexpr (!std::is_void_v<T>) return std::move(*made);
}

struct transfer_plan {
  std::uint64_t bytes = 0;
  std::string dial;  ///< HOST:PORT; empty: waits to be dialled
  std::function<void(std::uint16_t port)> listening;
  std::function<void()> over;  ///< to stop the loop
};
/// Of the receiving side.
struct transfer_outcome {
  std::chrono::steady_clock::time_point first, last;
  std::uint64_t bytes = 0;
};

/// Sends when it dials, receives when it is dialled.
class transfer_user final : public loop_actor {
 public:
  transfer_user(caf::actor_config& config, loop& home, transfer_plan plan, std::shared_ptr<transfer_outcome> outcome)
      : loop_actor(config, home), plan_(std::move(plan)), outcome_(std::move(outcome)) {}

  caf::behavior make_behavior() override {
    using namespace transport_messages;
    return {
        [this](const listening& message) {
          transport_ = caf::actor_cast<caf::actor>(current_sender());
          plan_.listening(message.local.port());
          if (!plan_.dial.empty())
            caf_compat::tell(this, transport_, dial{caf::actor_cast<caf::actor>(this), 1, plan_.dial, std::string()});
        },
        [this](const accepted& message) {
          caf_compat::tell(this, transport_, adopt{message.id, caf::actor_cast<caf::actor>(this)});
        },
        [this](const opened& message) {
          id_ = message.id;
          send_more();
        },
        [this](const received_bytes& message) {
          if (outcome_->bytes == 0) outcome_->first = std::chrono::steady_clock::now();
          outcome_->bytes += message.bytes.size();
          caf_compat::tell(this, transport_, consumed{message.id, message.on, message.bytes.size()});
          if (outcome_->bytes < plan_.bytes) return;
          outcome_->last = std::chrono::steady_clock::now();
          finish();
        },
        [this](const acknowledged_bytes& message) {
          acknowledged_ += message.bytes;
          send_more();
        },
        [this](const rejected&) { finish(); },
        [this](const ended&) { finish(); },
    };
  }
  void on_exit() override { transport_ = nullptr; }

 private:
  static constexpr std::size_t piece_bytes = 64u << 10;

  void send_more() {
    while (sent_ < plan_.bytes && sent_ - acknowledged_ < limits::unacked_bytes) {
      const auto count = std::min<std::uint64_t>(piece_bytes, plan_.bytes - sent_);
      caf_compat::tell(
          this, transport_,
          transport_messages::send_bytes{id_, lane::normal, piece_.slice(0, static_cast<std::size_t>(count))});
      sent_ += count;
    }
  }
  void finish() {
    if (!transport_) return;
    caf::anon_send_exit(std::exchange(transport_, nullptr), caf::exit_reason::user_shutdown);
    plan_.over();
    quit();
  }

  const transfer_plan plan_;
  const std::shared_ptr<transfer_outcome> outcome_;
  const shared_bytes piece_{byte_buffer(piece_bytes, 0x5a)};
  caf::actor transport_;
  connection_id id_ = 0;
  std::uint64_t sent_ = 0, acknowledged_ = 0;
};

/// Runs one side to its end.
inline transfer_outcome run_transfer(const credentials::files& identity, transfer_plan plan) {
  caf::actor_system_config config;
  caf_compat::set_scheduler(config, "sharing", 1);
  caf::actor_system system(config);
  const auto home = must(event_loop::make(system));
  plan.over = [&home] { home->request_stop(); };
  const auto outcome = std::make_shared<transfer_outcome>();
  {
    endpoint_config quic;
    quic.identity = must(credentials::load(identity));
    auto user = system.spawn<transfer_user>(*home, std::move(plan), outcome);
    spawn_transport(system, *home, must(endpoint::make(std::move(quic))),
                    must(udp_socket::bind(*address::parse("127.0.0.1:0"))), user);
  }
  home->run();
  return *outcome;
}

}  // namespace quicsync::bench
