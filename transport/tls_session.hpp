// TLS 1.3 of one connection, RFC 9001: what GnuTLS does for it, the check of the other side's certificate, and the
// refusal that comes of it. Owned by its connection; driven from ngtcp2's callbacks on the endpoint's thread.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <ngtcp2/ngtcp2.h>
#include <ngtcp2/ngtcp2_crypto.h>

#include <quicsync/codec/bytes.hpp>
#include <quicsync/transport/endpoint.hpp>
#include <quicsync/transport/tls_environment.hpp>
#include <quicsync/transport/tls_judgement.hpp>
#include <quicsync/transport/tls_refusal.hpp>

namespace quicsync::tls {

/// What a client needs to resume an earlier session.
struct kept_session {
  std::string ticket;  ///< as GnuTLS packs it; holds secrets
  raw_chain chain;     ///< of the server, to be judged by today's trust
};

struct session_plan {
  bool server = false;
  environment with;
  verification verify;
  std::string expected_name;                 ///< client: the name that the certificate must hold; empty: any
  std::string protocol;                      ///< ALPN, RFC 7301
  bool resumption = false;                   ///< give or take session tickets
  bool early_data = false;                   ///< client: offer it, where it can be; server: accept it
  std::optional<kept_session> earlier = {};  ///< client
  /// Told of each handshake message as it is taken or made; null: nobody asks.
  std::function<void(const char* message, bool came)> on_message = nullptr;
};

class tls_session {
 public:
  /// Errors: crypto_failed.
  static result<std::unique_ptr<tls_session>> make(session_plan plan);

  /// Joins it with its connection, which must live as long as this does.
  void bind(ngtcp2_conn* connection) noexcept;

  /// Handshake bytes from the other side; an ngtcp2 error code (0: fine). After the handshake only whole session
  /// tickets reach GnuTLS: a TLS KeyUpdate, forbidden in QUIC (RFC 9001 section 6), would make it install keys that
  /// ngtcp2 has already.
  int receive(ngtcp2_encryption_level level, bytes_view data);

  /// To be asked when the handshake is complete: false where no common protocol was agreed (RFC 9001 section 8.1);
  /// refused() then says so.
  bool check_protocol();

  /// Set as soon as this side decided against the other.
  const std::optional<refusal>& refused() const noexcept { return refused_; }

  const peer_identity& peer() const noexcept { return peer_; }

  /// The handshake stands on an earlier one; no certificate was sent.
  bool resumed() const noexcept { return resumed_; }
  /// Client, from the start on: early data may be sent. Server: it is taken, from a client whose ticket is good.
  bool early_data() const noexcept { return early_data_; }
  /// Client, after the handshake: the server took it.
  bool early_data_accepted() const noexcept;

  /// Server, after the handshake: sends a session ticket.
  void give_ticket();
  /// Client: what came with a session ticket, once for each.
  std::optional<kept_session> take_ticket() { return std::exchange(fresh_, std::nullopt); }

  /// What the other side's certificate is worth by other identity, trust and rules than those it was accepted with.
  std::optional<refusal> judge_by(const environment& other);
  /// Whether `other` is what the handshake began with.
  bool began_with(const environment& other) const noexcept {
    return plan_.with.identity == other.identity && plan_.with.rules == other.rules;
  }
  void refuse_with(refusal why) {
    if (!refused_) refused_ = std::move(why);
  }

  // For the functions that GnuTLS calls back; not for other use.
  int verify_peer();
  void log_secret(const char* label, const gnutls_datum_t* secret) const;
  const session_plan& plan() const noexcept { return plan_; }

 private:
  explicit tls_session(session_plan plan) : plan_(std::move(plan)) {}
  int configure();
  int configure_resumption(gnutls_session_t raw);
  judgement_basis basis(const environment& with) const;
  bool requires_client_certificate() const noexcept {
    return plan_.verify.check_peer && plan_.verify.require_client_certificate;
  }
  int refuse(alert told, errc code, std::string text);
  int accept_chain(raw_chain chain);
  bool check_resumption();
  raw_chain sent_chain() const;
  int receive_after_handshake(ngtcp2_encryption_level level, bytes_view data);
  int take_message(bytes_view message);

  session_plan plan_;
  ngtcp2_conn* connection_ = nullptr;
  ngtcp2_crypto_conn_ref reference_{};
  trust without_identity_;  ///< only where plan_.identity is null
  session session_;
  peer_identity peer_;
  raw_chain chain_;
  std::optional<refusal> refused_;
  bool resumed_ = false;
  bool early_data_ = false;
  std::optional<kept_session> fresh_;
  std::uint64_t handshake_bytes_ = 0;
  byte_buffer message_;  ///< after the handshake: the one that is coming
  std::uint64_t after_handshake_bytes_ = 0;
};

/// Makes GnuTLS ask us for our certificate and about the peer's.
void install_callbacks(gnutls_certificate_credentials_t credentials) noexcept;

}  // namespace quicsync::tls
