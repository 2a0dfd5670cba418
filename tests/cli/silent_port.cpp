#include "silent_port.hpp"

#include <catch2/catch_test_macros.hpp>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace quicsync::test {

silent_port::silent_port() : descriptor_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
  REQUIRE(descriptor_ >= 0);
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* raw = reinterpret_cast<sockaddr*>(&where);
  socklen_t length = sizeof where;
  REQUIRE(::bind(descriptor_, raw, length) == 0);
  REQUIRE(::getsockname(descriptor_, raw, &length) == 0);
  port_ = ntohs(where.sin_port);
}

silent_port::~silent_port() { ::close(descriptor_); }

}  // namespace quicsync::test
