// A UDP port of 127.0.0.1 that takes datagrams and never answers.
#pragma once
#include <cstdint>
#include <string>

namespace quicsync::test {

class silent_port {
 public:
  silent_port();
  ~silent_port();
  silent_port(const silent_port&) = delete;
  silent_port& operator=(const silent_port&) = delete;
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  int descriptor_ = -1;
  std::uint16_t port_ = 0;
};

}  // namespace quicsync::test
