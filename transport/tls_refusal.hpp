// Why this side's TLS will not go on with the other side. Values.
#pragma once
#include <cstdint>

#include <quicsync/codec/error.hpp>

namespace quicsync::tls {

/// TLS alerts, RFC 8446 section 6.2: those that tell why a certificate or a protocol was refused.
enum class alert : std::uint8_t {
  unexpected_message = 10,
  handshake_failure = 40,
  bad_certificate = 42,
  unsupported_certificate = 43,
  certificate_revoked = 44,
  certificate_expired = 45,
  certificate_unknown = 46,
  unknown_ca = 48,
  access_denied = 49,
  internal_error = 80,
  certificate_required = 116,
  no_application_protocol = 120,
};

/// What the other side is told, and what is told here.
struct refusal {
  alert told = alert::internal_error;
  error reason;
};

}  // namespace quicsync::tls
