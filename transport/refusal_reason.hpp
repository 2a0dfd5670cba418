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
  crypto_unavailable,  ///< TLS could not be started
  // -- handshakes that failed
  certificate,        ///< the other side's certificate, or the lack of one
  protocol,           ///< another ALPN
  handshake_timeout,  ///< begun and not finished in time
  handshake_failed,   ///< any other way
  // -- early data
  early_data_replayed,  ///< seen before: not taken early
  // -- connections
  trust_withdrawn,  ///< closed when trust was reloaded
  lanes_misused,    ///< streams used otherwise than docs/WIRE.md says
  flood,            ///< more of something than a limit allows
  quic_violation,   ///< a rule of QUIC broken: flow control, stream limits, frames that cannot be
};

inline constexpr std::array<std::string_view, 21> refusal_names{
    "malformed_datagram", "unknown_connection",  "unknown_version",    "not_accepting",      "answer_rate",
    "address_unproven",   "invalid_token",       "handshakes_at_once", "handshakes_of_host", "handshake_rate",
    "connections_full",   "crypto_unavailable",  "certificate",        "protocol",           "handshake_timeout",
    "handshake_failed",   "early_data_replayed", "trust_withdrawn",    "lanes_misused",      "flood",
    "quic_violation",
};
inline constexpr std::size_t refusal_count = refusal_names.size();

/// snake_case, for a metric's label.
constexpr std::string_view to_string(refusal_reason reason) noexcept {
  return refusal_names[static_cast<std::size_t>(reason)];
}

}  // namespace quicsync
