// A UDP relay between a node and one that dials it, on real sockets, that can drop some of the datagrams or hold all of
// them up. A thread of its own.
#pragma once
#include <atomic>
#include <random>
#include <thread>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace quicsync::tests {

class lossy_relay {
 public:
  /// `seed`: of which datagrams are dropped.
  lossy_relay(std::uint16_t target, std::uint32_t seed) : dialled_(bound()), far_(bound()), draw_(seed) {
    target_.sin_family = AF_INET;
    target_.sin_port = htons(target);
    target_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sockaddr_in own{};
    socklen_t size = sizeof own;
    ::getsockname(dialled_, reinterpret_cast<sockaddr*>(&own), &size);
    port_ = ntohs(own.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  ~lossy_relay() {
    over_ = true;
    thread_.join();
    ::close(dialled_);
    ::close(far_);
  }
  lossy_relay(const lossy_relay&) = delete;
  lossy_relay& operator=(const lossy_relay&) = delete;

  std::uint16_t port() const noexcept { return port_; }
  /// One of so many, by lot: each nth would fall in step with exchanges of n datagrams. 0: none.
  void drop_one_in(unsigned count) { drop_one_in_ = count; }

 private:
  static int bound() {
    const int made = ::socket(AF_INET, SOCK_DGRAM, 0);
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(made, reinterpret_cast<const sockaddr*>(&any), sizeof any);
    return made;
  }
  void pass(int from, int to, bool from_dialler) {
    char bytes[65536];
    sockaddr_in who{};
    socklen_t size = sizeof who;
    const auto count = ::recvfrom(from, bytes, sizeof bytes, 0, reinterpret_cast<sockaddr*>(&who), &size);
    if (count <= 0) return;
    if (from_dialler) dialler_ = who;
    if (const auto one_in = drop_one_in_.load(); one_in != 0 && draw_() % one_in == 0) return;
    const auto& goal = from_dialler ? target_ : dialler_;
    ::sendto(to, bytes, static_cast<std::size_t>(count), 0, reinterpret_cast<const sockaddr*>(&goal), sizeof goal);
  }
  void run() {
    while (!over_) {
      pollfd both[2]{{dialled_, POLLIN, 0}, {far_, POLLIN, 0}};
      if (::poll(both, 2, 20) <= 0) continue;
      if (both[0].revents != 0) pass(dialled_, far_, true);
      if (both[1].revents != 0) pass(far_, dialled_, false);
    }
  }

  int dialled_, far_;
  sockaddr_in target_{}, dialler_{};
  std::uint16_t port_ = 0;
  std::minstd_rand draw_;
  std::atomic<unsigned> drop_one_in_{0};
  std::atomic<bool> over_{false};
  std::thread thread_;
};

}  // namespace quicsync::tests
