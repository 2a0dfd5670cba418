// What ngtcp2 calls back, turned into calls of a connection. Everything here runs inside the connection's read(),
// write() or expire().
#pragma once
#include <cstdint>

#include <ngtcp2/ngtcp2.h>

namespace quicsync {

struct connection_callbacks {
  static ngtcp2_callbacks table(bool server);
  /// How many packets this thread has decrypted: good ones, of whatever connection. ngtcp2 tells nobody which of those
  /// that it was given were genuine.
  static std::uint64_t packets_decrypted() noexcept;
  /// Of those: Handshake and 1-RTT packets. Who makes one has read what was sent to its address (RFC 9000 section 8.1).
  static std::uint64_t packets_of_receivers() noexcept;
};

}  // namespace quicsync
