// What ngtcp2 calls back, turned into calls of a connection. Everything here runs inside the connection's read(),
// write() or expire().
#pragma once
#include <ngtcp2/ngtcp2.h>

namespace quicsync {

struct connection_callbacks {
  static ngtcp2_callbacks table(bool server);
};

}  // namespace quicsync
