#include <charconv>
#include <cstring>
#include <memory>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>

#include <quicsync/transport/address.hpp>

namespace quicsync {

namespace {

result<std::uint16_t> parse_port(std::string_view digits, std::string_view text) {
  unsigned port = 0;
  const auto end = digits.data() + digits.size();
  const auto [stop, problem] = std::from_chars(digits.data(), end, port);
  if (digits.empty() || problem != std::errc{} || stop != end || port > 65535)
    return fail(errc::bad_address, fmt::format("'{}' has no port from 0 to 65535 after its last colon", text));
  return static_cast<std::uint16_t>(port);
}

address make_v4(const in_addr& host, std::uint16_t port) {
  sockaddr_in raw{};
  raw.sin_family = AF_INET;
  raw.sin_port = htons(port);
  raw.sin_addr = host;
  return {reinterpret_cast<const sockaddr*>(&raw), sizeof raw};
}

address make_v6(const in6_addr& host, std::uint16_t port) {
  sockaddr_in6 raw{};
  raw.sin6_family = AF_INET6;
  raw.sin6_port = htons(port);
  raw.sin6_addr = host;
  return {reinterpret_cast<const sockaddr*>(&raw), sizeof raw};
}

}  // namespace

address::address(const sockaddr* raw, socklen_t length) noexcept {
  const bool v4 = raw != nullptr && raw->sa_family == AF_INET && length >= sizeof(sockaddr_in);
  const bool v6 = raw != nullptr && raw->sa_family == AF_INET6 && length >= sizeof(sockaddr_in6);
  if (!v4 && !v6) return;
  length_ = v4 ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
  std::memcpy(static_cast<void*>(&storage_), raw, length_);
}

std::uint16_t address::port() const noexcept {
  switch (family()) {
    case AF_INET:
      return ntohs(storage_.v4.sin_port);
    case AF_INET6:
      return ntohs(storage_.v6.sin6_port);
    default:
      return 0;
  }
}

std::string address::host() const {
  char text[INET6_ADDRSTRLEN] = {};
  switch (family()) {
    case AF_INET:
      inet_ntop(AF_INET, &storage_.v4.sin_addr, text, sizeof text);
      break;
    case AF_INET6:
      inet_ntop(AF_INET6, &storage_.v6.sin6_addr, text, sizeof text);
      break;
    default:
      break;
  }
  return text;
}

std::string address::to_string() const {
  switch (family()) {
    case AF_INET:
      return fmt::format("{}:{}", host(), port());
    case AF_INET6:
      return fmt::format("[{}]:{}", host(), port());
    default:
      return "none";
  }
}

// Only the fields that name the address count: padding, flow label and the like differ between equal addresses.
bool address::operator==(const address& other) const noexcept {
  if (family() != other.family()) return false;
  switch (family()) {
    case AF_INET: {
      const auto &a = storage_.v4, &b = other.storage_.v4;
      return a.sin_port == b.sin_port && a.sin_addr.s_addr == b.sin_addr.s_addr;
    }
    case AF_INET6: {
      const auto &a = storage_.v6, &b = other.storage_.v6;
      return a.sin6_port == b.sin6_port && a.sin6_scope_id == b.sin6_scope_id &&
             std::memcmp(&a.sin6_addr, &b.sin6_addr, sizeof a.sin6_addr) == 0;
    }
    default:
      return true;
  }
}

std::size_t address::hash() const noexcept {
  const std::hash<std::string_view> hash_bytes;
  switch (family()) {
    case AF_INET: {
      const auto& host = storage_.v4.sin_addr;
      return hash_bytes({reinterpret_cast<const char*>(&host), sizeof host}) * 31 + port();
    }
    case AF_INET6: {
      const auto& host = storage_.v6.sin6_addr;
      return hash_bytes({reinterpret_cast<const char*>(&host), sizeof host}) * 31 + port();
    }
    default:
      return 0;
  }
}

result<host_port> parse_host_port(std::string_view text) {
  const auto bad = [&](std::string_view why) {
    return fail(errc::bad_address, fmt::format("'{}' is not HOST:PORT or [IPV6]:PORT: {}", text, why));
  };
  std::string_view host, digits;
  if (!text.empty() && text.front() == '[') {
    const auto close = text.find(']');
    if (close == text.npos) return bad("a bracket is not closed");
    if (close + 1 >= text.size() || text[close + 1] != ':') return bad("no port follows the bracket");
    host = text.substr(1, close - 1);
    digits = text.substr(close + 2);
  } else {
    const auto colon = text.rfind(':');
    if (colon == text.npos) return bad("it has no port");
    host = text.substr(0, colon);
    digits = text.substr(colon + 1);
    if (host.find(':') != host.npos) return bad("an IPv6 address stands in brackets");
  }
  if (host.empty()) return bad("it has no host");
  if (host.size() > 253) return fail(errc::bad_address, "a host name has more than 253 characters");
  if (host.find('\0') != host.npos) return bad("the host holds a NUL");
  auto port = parse_port(digits, text);
  if (!port) return fail(port.error());
  return host_port{std::string(host), *port};
}

result<address> address::parse(std::string_view text) {
  auto parts = parse_host_port(text);
  if (!parts) return fail(parts.error());
  in_addr v4{};
  if (inet_pton(AF_INET, parts->host.c_str(), &v4) == 1) return make_v4(v4, parts->port);
  in6_addr v6{};
  if (inet_pton(AF_INET6, parts->host.c_str(), &v6) == 1) return make_v6(v6, parts->port);
  return fail(errc::bad_address, fmt::format("'{}' is not a numeric address", text));
}

result<address> resolve(const host_port& target) {
  // RFC 6761 section 6.3: this name is the loopback address, also on a machine that has no hosts file to say so.
  if (target.host == "localhost") return address::parse(fmt::format("127.0.0.1:{}", target.port));
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_DGRAM;
  hints.ai_protocol = IPPROTO_UDP;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int problem = getaddrinfo(target.host.c_str(), std::to_string(target.port).c_str(), &hints, &found);
  if (problem != 0) {
    const char* why = problem == EAI_SYSTEM ? std::strerror(errno) : gai_strerror(problem);
    return fail(errc::bad_address, fmt::format("host '{}' does not resolve: {}", target.host, why));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, freeaddrinfo);
  for (const int family : {AF_INET, AF_INET6})
    for (const addrinfo* each = found; each != nullptr; each = each->ai_next)
      if (each->ai_family == family) return address(each->ai_addr, each->ai_addrlen);
  return fail(errc::bad_address, fmt::format("host '{}' has no IP address", target.host));
}

}  // namespace quicsync
