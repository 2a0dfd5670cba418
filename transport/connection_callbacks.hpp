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
};

}  // namespace quicsync
