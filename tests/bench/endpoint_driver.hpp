// An endpoint on a real socket, driven by hand: no actors, one thread. For the benchmarks of handshakes and of idle
// connections.
#pragma once
#include <chrono>
#include <functional>
#include <memory>

#include <poll.h>

#include <quicsync/transport/udp_socket.hpp>

namespace quicsync::bench {

class endpoint_driver {
 public:
  using handler = std::function<void(endpoint&, endpoint_event&)>;

  endpoint_driver(std::unique_ptr<endpoint> quic, std::unique_ptr<udp_socket> socket, handler on_event)
      : quic_(std::move(quic)), socket_(std::move(socket)), on_event_(std::move(on_event)) {}

  endpoint& operator*() noexcept { return *quic_; }
  endpoint* operator->() noexcept { return quic_.get(); }
  std::uint16_t port() const { return socket_->local().port(); }
  static time_point now() { return std::chrono::steady_clock::now(); }

  void run_until(const std::function<bool()>& done, time_point latest = time_point::max()) {
    for (;;) {
      tell();
      if (done() || now() >= latest) return;
      const bool room = flush();
      wait(std::min(quic_->deadline(), latest), room ? POLLIN : POLLIN | POLLOUT);
      const auto taken =
          socket_->receive([&](const address& local, const address& remote, std::uint8_t ecn, bytes_view bytes) {
            quic_->handle_datagram(local, remote, ecn, bytes, now());
          });
      if (!taken) throw std::runtime_error(taken.error().context);
      while (socket_->poll_unreachable()) continue;
      if (quic_->deadline() <= now()) quic_->handle_deadline(now());
    }
  }

 private:
  void tell() {
    while (auto event = quic_->poll_event()) on_event_(*quic_, *event);
  }
  // False: the socket is full.
  bool flush() {
    for (;;) {
      if (!unsent_ && !quic_->poll_transmit(out_, now())) return true;
      unsent_ = true;
      const auto sent = socket_->send(out_);
      if (sent && !*sent) return false;
      unsent_ = false;
    }
  }
  void wait(time_point until, int events) const {
    pollfd ready{socket_->descriptor(), static_cast<short>(events), 0};
    const auto left =
        std::clamp<std::chrono::nanoseconds>(until - now(), std::chrono::nanoseconds(0), std::chrono::seconds(1));
    const timespec time{static_cast<time_t>(left.count() / 1'000'000'000),
                        static_cast<long>(left.count() % 1'000'000'000)};
    ppoll(&ready, 1, &time, nullptr);
  }

  std::unique_ptr<endpoint> quic_;
  std::unique_ptr<udp_socket> socket_;
  handler on_event_;
  transmit out_;
  bool unsent_ = false;
};

}  // namespace quicsync::bench
