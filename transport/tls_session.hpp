// TLS 1.3 of one connection, RFC 9001: what GnuTLS does for it, the check of the other side's certificate, and the
// refusal that comes of it. Owned by its connection; driven from ngtcp2's callbacks on the endpoint's thread.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include <ngtcp2/ngtcp2.h>
#include <ngtcp2/ngtcp2_crypto.h>

#include <quicsync/codec/bytes.hpp>
#include <quicsync/transport/endpoint.hpp>
#include <quicsync/transport/tls_credentials.hpp>

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

/// Why this side will not go on: what the other side is told, and what is told here.
struct refusal {
  alert told = alert::internal_error;
  error reason;
};

struct session_plan {
  bool server = false;
  std::shared_ptr<const loaded_credentials> identity;  ///< null: a client that gives no certificate
  verification verify;
  std::string expected_name;  ///< client: the name that the certificate must hold; empty: any
  std::string protocol;       ///< ALPN, RFC 7301
};

class tls_session {
 public:
  /// Errors: crypto_failed.
  static result<std::unique_ptr<tls_session>> make(session_plan plan);

  /// Joins it with its connection, which must live as long as this does.
  void bind(ngtcp2_conn* connection) noexcept;

  /// Handshake bytes from the other side; an ngtcp2 error code (0: fine). After the handshake nothing reaches GnuTLS
  /// any more: a TLS KeyUpdate, forbidden in QUIC (RFC 9001 section 6), would make it install keys that ngtcp2 has
  /// already.
  int receive(ngtcp2_encryption_level level, bytes_view data);

  /// To be asked when the handshake is complete: false where no common protocol was agreed (RFC 9001 section 8.1);
  /// refused() then says so.
  bool check_protocol();

  /// Set as soon as this side decided against the other.
  const std::optional<refusal>& refused() const noexcept { return refused_; }

  const peer_identity& peer() const noexcept { return peer_; }

  // For the functions that GnuTLS calls back; not for other use.
  int verify_peer();
  const session_plan& plan() const noexcept { return plan_; }

 private:
  explicit tls_session(session_plan plan) : plan_(std::move(plan)) {}
  int configure();
  bool requires_client_certificate() const noexcept {
    return plan_.verify.check_peer && plan_.verify.require_client_certificate;
  }
  int refuse(alert told, errc code, std::string text);
  int judge_chain(gnutls_x509_crt_t leaf, unsigned status);
  int receive_after_handshake(ngtcp2_encryption_level level, bytes_view data);

  session_plan plan_;
  ngtcp2_conn* connection_ = nullptr;
  ngtcp2_crypto_conn_ref reference_{};
  trust without_identity_;  ///< only where plan_.identity is null
  session session_;
  peer_identity peer_;
  std::optional<refusal> refused_;
  // Reader of messages after the handshake: how much of the current one is still to come, and its header so far.
  std::uint64_t message_left_ = 0;
  std::uint32_t header_ = 0;
  unsigned header_bytes_ = 0;
  std::uint64_t after_handshake_bytes_ = 0;
};

/// Makes GnuTLS ask us for our certificate and about the peer's.
void install_callbacks(gnutls_certificate_credentials_t credentials) noexcept;

}  // namespace quicsync::tls
