#include <algorithm>

#include <netinet/in.h>

#include <quicsync/transport/admission.hpp>

namespace quicsync {

namespace {

// Of the rate's bucket; what lies below is for those who have proven their address.
constexpr double reserved_level = 0.5;

}  // namespace

admission::host_key admission::host_of(const address& remote) {
  host_key key{};
  if (remote.family() == AF_INET) {
    key[0] = 4;
    const auto& host = reinterpret_cast<const sockaddr_in*>(remote.raw())->sin_addr;
    std::copy_n(reinterpret_cast<const std::uint8_t*>(&host), 4, key.begin() + 1);
  } else if (remote.family() == AF_INET6) {
    key[0] = 6;
    const auto& host = reinterpret_cast<const sockaddr_in6*>(remote.raw())->sin6_addr;
    std::copy_n(host.s6_addr, 8, key.begin() + 1);
  }
  return key;
}

admission::verdict admission::judge(const address& remote, bool proven, std::size_t connections, time_point now) {
  if (connections >= limits::connections) return {answer::refuse, refusal_reason::connections_full};
  if (!proven && (unproven_ >= limits_.unproven || rate_.level(now) < reserved_level))
    return {answer::prove, refusal_reason::address_unproven};
  if (under_way() >= limits_.at_once) return {answer::refuse, refusal_reason::handshakes_at_once};
  if (proven) {
    const auto found = by_host_.find(host_of(remote));
    if (found != by_host_.end() && found->second >= limits_.of_host)
      return {answer::ignore, refusal_reason::handshakes_of_host};
  }
  if (!rate_.take(now)) return {answer::ignore, refusal_reason::handshake_rate};
  return {answer::begin, {}};
}

void admission::began(const address& remote, bool proven) {
  ++(proven ? proven_ : unproven_);
  if (proven) ++by_host_[host_of(remote)];
}

void admission::over(const address& remote, bool proven) {
  --(proven ? proven_ : unproven_);
  if (!proven) return;
  const auto found = by_host_.find(host_of(remote));
  if (found != by_host_.end() && --found->second == 0) by_host_.erase(found);
}

}  // namespace quicsync
