// A UDP socket at its fastest: many datagrams a system call both ways (recvmmsg, GRO, GSO), ECN, and what ICMP says of
// destinations. Owned by the transport actor, on the loop's thread.
#pragma once
#include <deque>
#include <memory>

#include <quicsync/transport/datagram_socket.hpp>
#include <quicsync/transport/file_descriptor.hpp>

namespace quicsync {

class udp_socket final : public datagram_socket {
 public:
  /// Non-blocking. Port 0: the system chooses, see local(). [::] takes IPv4 too; such addresses look as IPv4 outside.
  /// Errors: address_in_use, bad_address (not one of this machine), io_failed.
  static result<std::unique_ptr<udp_socket>> bind(const address& where);
  ~udp_socket() override;

  address local() const override { return local_; }
  int descriptor() const override { return socket_.get(); }
  result<std::size_t> receive(const receiver& each) override;
  result<bool> send(const transmit& what) override;
  std::optional<address> poll_unreachable() override;

  /// What the system gave of `wanted_buffer_bytes`; less where net.core.rmem_max and wmem_max cap it.
  struct buffer_sizes {
    std::size_t receive_bytes = 0;
    std::size_t send_bytes = 0;
  };
  buffer_sizes buffers() const;
  static constexpr std::size_t wanted_buffer_bytes = 4u << 20;  ///< a burst of a whole lane window does not overflow it

  /// True while the kernel cuts segments (UDP_SEGMENT); false: one system call a datagram.
  bool segments() const noexcept { return segments_; }
  /// For tests: go on as if the kernel could not.
  void give_up_segments() noexcept { segments_ = false; }

 private:
  struct inbox;
  enum class outcome { sent, dropped, blocked, retry, one_by_one, unreachable, failed };

  udp_socket(file_descriptor socket, const address& local, bool any);

  outcome send_piece(const transmit& what, std::size_t offset, std::size_t count);
  outcome judge_send_failure(int why, bool segmented);
  std::size_t take_errors();
  void note_unreachable(const address& remote);

  file_descriptor socket_;
  address local_;
  bool any_ = false;  ///< bound to no address in particular: each datagram says which one it came to or leaves from
  bool segments_ = true;
  std::size_t already_sent_ = 0;  ///< bytes of the transmit that did not fit last time
  int last_error_ = 0;
  std::unique_ptr<inbox> inbox_;
  std::deque<address> unreachable_;
};

}  // namespace quicsync
