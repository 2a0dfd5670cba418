// Who may begin a handshake. An address that has proven nothing may be forged, so it gets few of the places: beyond
// them it is asked to prove itself first (Retry, RFC 9000 section 8.1.2), which costs this side no memory. Owned by the
// endpoint; knows no packet; time is an argument.
#pragma once
#include <array>

#include <absl/container/flat_hash_map.h>

#include <quicsync/transport/endpoint.hpp>
#include <quicsync/transport/token_bucket.hpp>

namespace quicsync {

class admission {
 public:
  explicit admission(const handshake_limits& limits) : limits_(limits), rate_(limits.per_second) {}

  enum class answer {
    begin,
    prove,   ///< send a Retry
    refuse,  ///< say that there is no room
    ignore,  ///< say nothing: the client sends its first packet again in a moment
  };
  struct verdict {
    answer what = answer::begin;
    refusal_reason why{};  ///< of anything but `begin`
  };
  /// What is to be done with a first packet; `proven`: its token shows that the client receives at its address. `begin`
  /// takes from the rate; began() is to follow.
  verdict judge(const address& remote, bool proven, std::size_t connections, time_point now);

  void began(const address& remote, bool proven);
  /// The handshake is over, well or badly.
  void over(const address& remote, bool proven);

  std::size_t under_way() const noexcept { return proven_ + unproven_; }

 private:
  /// An IPv4 address, or the network (/64) of an IPv6 one: what one host can choose from.
  using host_key = std::array<std::uint8_t, 9>;
  static host_key host_of(const address& remote);

  handshake_limits limits_;
  token_bucket rate_;
  std::size_t proven_ = 0, unproven_ = 0;
  // Of proven addresses only: counting others would let anybody use up the places of somebody else.
  absl::flat_hash_map<host_key, std::size_t> by_host_;
};

}  // namespace quicsync
