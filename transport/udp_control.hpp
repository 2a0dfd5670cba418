// Control messages of UDP sockets (cmsg(3)): writing and reading them, and IPv4 addresses as an IPv6 socket shows them.
// Private to udp_socket; values only.
#pragma once
#include <cstdint>
#include <cstring>

#include <netinet/in.h>
#include <sys/socket.h>

#include <quicsync/transport/address.hpp>

namespace quicsync::udp_control {

/// Linux' numbers, for C libraries whose headers lack them.
inline constexpr int udp_segment = 103;
inline constexpr int udp_gro = 104;

/// Room for everything that is asked for, in both families.
inline constexpr std::size_t buffer_bytes = 256;

struct alignas(cmsghdr) buffer {
  std::uint8_t bytes[buffer_bytes];
};

/// Appends messages to the control buffer of one msghdr.
class writer {
 public:
  writer(msghdr& header, buffer& room) : header_(header), room_(room) {}

  template <class T>
  void put(int level, int type, const T& value) {
    auto* at = reinterpret_cast<cmsghdr*>(room_.bytes + used_);
    at->cmsg_level = level;
    at->cmsg_type = type;
    at->cmsg_len = CMSG_LEN(sizeof value);
    std::memcpy(CMSG_DATA(at), &value, sizeof value);
    used_ += CMSG_SPACE(sizeof value);
    header_.msg_control = room_.bytes;
    header_.msg_controllen = used_;
  }

 private:
  msghdr& header_;
  buffer& room_;
  std::size_t used_ = 0;
};

/// The value of a message; the caller has checked level and type.
template <class T>
T value_of(const cmsghdr& message) {
  T value{};
  std::memcpy(&value, CMSG_DATA(&message), sizeof value);
  return value;
}

inline address make_address(const in_addr& ip, std::uint16_t port) {
  sockaddr_in raw{};
  raw.sin_family = AF_INET;
  raw.sin_port = htons(port);
  raw.sin_addr = ip;
  return address(reinterpret_cast<const sockaddr*>(&raw), sizeof raw);
}

/// An IPv4-mapped one (RFC 4291 section 2.5.5.2) becomes plain IPv4.
inline address make_address(const in6_addr& ip, std::uint16_t port, std::uint32_t scope = 0) {
  if (IN6_IS_ADDR_V4MAPPED(&ip)) {
    in_addr plain{};
    std::memcpy(&plain, ip.s6_addr + 12, sizeof plain);
    return make_address(plain, port);
  }
  sockaddr_in6 raw{};
  raw.sin6_family = AF_INET6;
  raw.sin6_port = htons(port);
  raw.sin6_addr = ip;
  raw.sin6_scope_id = scope;
  return address(reinterpret_cast<const sockaddr*>(&raw), sizeof raw);
}

inline address make_address(const sockaddr_storage& raw, socklen_t length) {
  if (raw.ss_family == AF_INET && length >= sizeof(sockaddr_in)) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(raw);
    return make_address(v4.sin_addr, ntohs(v4.sin_port));
  }
  if (raw.ss_family == AF_INET6 && length >= sizeof(sockaddr_in6)) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(raw);
    return make_address(v6.sin6_addr, ntohs(v6.sin6_port), v6.sin6_scope_id);
  }
  return {};
}

/// The other way: what an IPv6 socket is given for an IPv4 destination.
inline sockaddr_in6 map_to_v6(const address& v4) {
  const auto& from = *reinterpret_cast<const sockaddr_in*>(v4.raw());
  sockaddr_in6 raw{};
  raw.sin6_family = AF_INET6;
  raw.sin6_port = from.sin_port;
  raw.sin6_addr.s6_addr[10] = 0xff;
  raw.sin6_addr.s6_addr[11] = 0xff;
  std::memcpy(raw.sin6_addr.s6_addr + 12, &from.sin_addr, sizeof from.sin_addr);
  return raw;
}

}  // namespace quicsync::udp_control
