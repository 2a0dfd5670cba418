// A UDP address: IPv4 or IPv6, and a port.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include <netinet/in.h>
#include <sys/socket.h>

#include <quicsync/codec/error.hpp>

namespace quicsync {

/// A value; comparable and hashable by its bytes.
class address {
 public:
  address() = default;
  /// `length` bytes of a sockaddr_in or sockaddr_in6.
  address(const sockaddr* raw, socklen_t length) noexcept;

  /// Numeric host and port only, never a look-up: "127.0.0.1:4433", "[::1]:4433". Errors: bad_address.
  static result<address> parse(std::string_view text);

  const sockaddr* raw() const noexcept { return &storage_.any; }
  sockaddr* raw() noexcept { return &storage_.any; }
  socklen_t length() const noexcept { return length_; }
  /// AF_INET, AF_INET6, or AF_UNSPEC for none.
  int family() const noexcept { return length_ == 0 ? AF_UNSPEC : storage_.any.sa_family; }
  std::uint16_t port() const noexcept;
  std::string host() const;
  std::string to_string() const;  ///< as parse() reads it; "none" where there is none
  std::size_t hash() const noexcept;

  bool operator==(const address& other) const noexcept;

 private:
  // No larger than the families that there are: packets carry two of them.
  union {
    sockaddr_in6 v6{};
    sockaddr_in v4;
    sockaddr any;
  } storage_;
  socklen_t length_ = 0;
};

/// "HOST:PORT" or "[V6]:PORT" taken apart; the host may be a name. Errors: bad_address.
struct host_port {
  std::string host;
  std::uint16_t port = 0;
};
result<host_port> parse_host_port(std::string_view text);

/// Looks the host up (getaddrinfo: blocks, so never on a loop). IPv4 first. Errors: bad_address with the resolver's
/// reason.
result<address> resolve(const host_port& target);

}  // namespace quicsync
