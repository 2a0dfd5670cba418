// What the transport actor sends and receives through: a UDP socket, or the simulation's stand-in for one.
#pragma once
#include <functional>
#include <optional>

#include <quicsync/transport/endpoint.hpp>

namespace quicsync {

class datagram_socket {
 public:
  virtual ~datagram_socket() = default;
  virtual address local() const = 0;
  /// For the loop to wait on (in a simulation a number that its loop knows); -1: none.
  virtual int descriptor() const = 0;

  using receiver =
      std::function<void(const address& local, const address& remote, std::uint8_t ecn, bytes_view datagram)>;
  /// Takes what has arrived, up to a burst's bound; returns the number of datagrams. Errors: io_failed.
  virtual result<std::size_t> receive(const receiver& each) = 0;

  /// Sends all segments. False: the kernel has no room, try again when writable (the transmit is kept by the caller and
  /// is the next one to be sent: what of it has left already is not sent twice). Errors: io_failed, unreachable: of
  /// this destination only; the socket goes on.
  virtual result<bool> send(const transmit& what) = 0;

  /// A destination that the network has reported nobody at (ICMP: it can be forged, so believe it only of a handshake).
  /// Poll until none after each receive().
  virtual std::optional<address> poll_unreachable() { return std::nullopt; }
};

}  // namespace quicsync
