#include <string_view>

#include <fmt/format.h>
#include <gnutls/gnutls.h>

#include <quicsync/transport/connection_errors.hpp>
#include <quicsync/transport/tls_certificate.hpp>
#include <quicsync/transport/tls_session.hpp>

namespace quicsync {

namespace {

// RFC 9000 section 20.1.
std::string_view transport_error_name(std::uint64_t code) {
  switch (code) {
    case NGTCP2_NO_ERROR:
      return "no error";
    case NGTCP2_INTERNAL_ERROR:
      return "internal error";
    case NGTCP2_CONNECTION_REFUSED:
      return "connection refused";
    case NGTCP2_FLOW_CONTROL_ERROR:
      return "flow control error";
    case NGTCP2_STREAM_LIMIT_ERROR:
      return "stream limit error";
    case NGTCP2_STREAM_STATE_ERROR:
      return "stream state error";
    case NGTCP2_FINAL_SIZE_ERROR:
      return "final size error";
    case NGTCP2_FRAME_ENCODING_ERROR:
      return "frame encoding error";
    case NGTCP2_TRANSPORT_PARAMETER_ERROR:
      return "transport parameter error";
    case NGTCP2_CONNECTION_ID_LIMIT_ERROR:
      return "connection id limit error";
    case NGTCP2_PROTOCOL_VIOLATION:
      return "protocol violation";
    case NGTCP2_INVALID_TOKEN:
      return "invalid token";
    case NGTCP2_APPLICATION_ERROR:
      return "application error";
    case NGTCP2_CRYPTO_BUFFER_EXCEEDED:
      return "crypto buffer exceeded";
    case NGTCP2_KEY_UPDATE_ERROR:
      return "key update error";
    case NGTCP2_AEAD_LIMIT_REACHED:
      return "AEAD limit reached";
    case NGTCP2_NO_VIABLE_PATH:
      return "no viable path";
    case NGTCP2_VERSION_NEGOTIATION_ERROR:
      return "version negotiation error";
    default:
      return {};
  }
}

std::string alert_name(std::uint8_t code) {
  switch (static_cast<tls::alert>(code)) {
    case tls::alert::bad_certificate:
      return "bad certificate";
    case tls::alert::unsupported_certificate:
      return "unsupported certificate";
    case tls::alert::certificate_revoked:
      return "revoked";
    case tls::alert::certificate_expired:
      return "expired";
    case tls::alert::certificate_unknown:
      return "unknown certificate";
    case tls::alert::unknown_ca:
      return "unknown CA";
    case tls::alert::access_denied:
      return "access denied";
    case tls::alert::certificate_required:
      return "it requires a certificate";
    default:
      break;
  }
  const char* name = gnutls_alert_get_name(static_cast<gnutls_alert_description_t>(code));
  return name != nullptr ? name : fmt::format("alert {}", code);
}

bool is_about_certificate(std::uint8_t code) {
  switch (static_cast<tls::alert>(code)) {
    case tls::alert::bad_certificate:
    case tls::alert::unsupported_certificate:
    case tls::alert::certificate_revoked:
    case tls::alert::certificate_expired:
    case tls::alert::certificate_unknown:
    case tls::alert::unknown_ca:
    case tls::alert::access_denied:
    case tls::alert::certificate_required:
      return true;
    default:
      return false;
  }
}

}  // namespace

peer_close describe_close(const ngtcp2_ccerr& received, const endpoint_config& config) {
  const auto text = tls::printable({reinterpret_cast<const char*>(received.reason), received.reasonlen});
  if (received.type == NGTCP2_CCERR_TYPE_APPLICATION) {
    const auto code = received.error_code <= 0xffff ? static_cast<errc>(received.error_code) : errc::internal;
    return {{errc::connection_closed, text.empty() ? std::string(to_string(code)) : text}, code};
  }
  const auto code = received.error_code;
  const auto with_text = [&text](std::string said) { return text.empty() ? said : fmt::format("{} ({})", said, text); };
  if (code >= NGTCP2_CRYPTO_ERROR && code < NGTCP2_CRYPTO_ERROR + 256) {
    const auto alert = static_cast<std::uint8_t>(code - NGTCP2_CRYPTO_ERROR);
    if (is_about_certificate(alert))
      return {{errc::certificate_refused, with_text("the peer refused our certificate: " + alert_name(alert))},
              errc::none};
    if (alert == static_cast<std::uint8_t>(tls::alert::no_application_protocol))
      return {{errc::no_common_protocol, fmt::format("the peer does not speak {}", config.protocol)}, errc::none};
    return {{errc::quic_failed, with_text("the peer ended the TLS handshake: " + alert_name(alert))}, errc::none};
  }
  // An application that closes during the handshake can say no more than this, RFC 9000 section 10.2.3.
  if (code == NGTCP2_APPLICATION_ERROR || code == NGTCP2_NO_ERROR)
    return {{errc::connection_closed, with_text("the peer closed the connection")}, errc::none};
  if (code == NGTCP2_CONNECTION_REFUSED)
    return {{errc::overloaded, "the peer takes no more connections for now"}, errc::none};
  const auto name = transport_error_name(code);
  return {{errc::quic_failed, with_text(name.empty() ? fmt::format("the peer reports QUIC error {:#x}", code)
                                                     : fmt::format("the peer reports a QUIC {}", name))},
          errc::none};
}

error describe_own_alert(std::uint8_t alert, const endpoint_config& config) {
  if (alert == static_cast<std::uint8_t>(tls::alert::no_application_protocol))
    return {errc::no_common_protocol, fmt::format("the peer does not speak {}", config.protocol)};
  if (alert == static_cast<std::uint8_t>(tls::alert::certificate_required))
    return {errc::certificate_missing, "the peer gave no certificate"};
  return {errc::quic_failed, "the TLS handshake failed: " + alert_name(alert)};
}

}  // namespace quicsync
