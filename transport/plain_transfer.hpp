// The yardstick of the benchmarks: one stream over loopback by a plain ngtcp2 and GnuTLS loop, with segmentation
// offload both ways, and nothing else of the project's transport. One connection, one thread, one side a process; a
// side is used once.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <quicsync/codec/bytes.hpp>
#include <quicsync/codec/error.hpp>

namespace quicsync {

struct plain_transfer_plan {
  std::string certificate, key;  ///< PEM files
  std::uint64_t bytes = 0;       ///< how many, where neither `make` nor `take` says
  std::uint64_t stream_window_bytes = 0, connection_window_bytes = 0;
  std::size_t datagram_bytes = 1452;
  int socket_buffer_bytes = 4 << 20;
  std::function<void(byte_buffer&)> make{};        ///< sender: appends what comes next; nothing: that was all
  std::function<result<bool>(bytes_view)> take{};  ///< receiver: true: that was all
};

class plain_transfer {
 public:
  enum class side : std::uint8_t { sends, receives };

  /// Binds a port of 127.0.0.1. Errors: io_failed, also for a certificate that cannot be used.
  static result<std::unique_ptr<plain_transfer>> make(plain_transfer_plan plan, side which);
  ~plain_transfer();

  std::uint16_t port() const noexcept;
  /// Until all is there. The seconds from the first byte to the last. Errors: quic_failed, io_failed, those of `take`.
  result<double> receive();
  /// Until the receiver has all. Errors: quic_failed, io_failed.
  result<void> send(std::uint16_t port);

 private:
  class peer;
  explicit plain_transfer(std::unique_ptr<peer> p);
  std::unique_ptr<peer> peer_;
};

}  // namespace quicsync
