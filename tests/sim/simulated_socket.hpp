// What a simulated node has for a UDP socket: it is attached to the simulated network and wakes the node's stepped
// loop.
#pragma once
#include <deque>
#include <functional>
#include <optional>

#include <tests/transport/simulated_network.hpp>

#include <quicsync/transport/datagram_socket.hpp>

namespace quicsync::sim {

class simulated_socket final : public datagram_socket {
 public:
  /// What the socket has to know of the world around it.
  struct surroundings {
    tests::simulated_network* network = nullptr;
    std::function<bool(const address& at)> somebody_at;  ///< false: what is sent there comes back as unreachable
    std::function<void()> wake;                          ///< something can be received
    std::function<void()> closed;
  };

  simulated_socket(const address& at, int descriptor, surroundings around);
  ~simulated_socket() override;

  address local() const override { return at_; }
  int descriptor() const override { return descriptor_; }
  result<std::size_t> receive(const receiver& each) override;
  result<bool> send(const transmit& what) override;
  std::optional<address> poll_unreachable() override;

 private:
  struct datagram {
    address from;
    std::uint8_t ecn = 0;
    byte_buffer bytes;
  };

  address at_;
  int descriptor_;
  surroundings around_;
  std::deque<datagram> arrived_;
  std::size_t arrived_bytes_ = 0;
  std::deque<address> unreachable_;
};

}  // namespace quicsync::sim
