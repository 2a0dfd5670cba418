// Why an endpoint dropped, delayed or refused something that came from outside. Each has a counter (refusal_counters)
// and a name for metrics and logs.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace quicsync {

enum class refusal_reason : std::uint8_t {
  // -- datagrams that belong to no connection
  malformed_datagram,  ///< no QUIC packet, or nothing that may come from a stranger
  unknown_connection,  ///< a packet for a connection that nobody has
  unknown_version,     ///< answered with a version negotiation
  not_accepting,       ///< this endpoint only dials
  answer_rate,         ///< a stateless answer was due, but too many were given
  // -- handshakes that were not begun
  address_unproven,    ///< answered with a Retry: the client proves its address and comes again
  invalid_token,       ///< a Retry token that is forged, too old or of another address
  handshakes_at_once,  ///< all slots for unfinished handshakes are taken
  handshakes_of_host,  ///< one host has as many unfinished handshakes as one may have
  handshake_rate,      ///< more handshakes a second than are begun
  connections_full,    ///< as many connections as there may be
};

inline constexpr std::array<std::string_view, 11> refusal_names{
    "malformed_datagram", "unknown_connection", "unknown_version",  "not_accepting",
    "answer_rate",        "address_unproven",   "invalid_token",    "handshakes_at_once",
    "handshakes_of_host", "handshake_rate",     "connections_full",
};
inline constexpr std::size_t refusal_count = refusal_names.size();

/// snake_case, for a metric's label.
constexpr std::string_view to_string(refusal_reason reason) noexcept {
  return refusal_names[static_cast<std::size_t>(reason)];
}

}  // namespace quicsync
