#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <ngtcp2/ngtcp2_crypto_gnutls.h>

#include <quicsync/transport/tls_certificate.hpp>
#include <quicsync/transport/tls_session.hpp>

namespace quicsync::tls {

namespace {

// AES-128-GCM first: ten times as fast as CHACHA20 where the processor helps. No CCM: ngtcp2's GnuTLS face has no
// header protection for its short-tag form.
constexpr const char* priorities =
    "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:"
    "-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1:%SERVER_PRECEDENCE:%DISABLE_TLS13_COMPAT_MODE";

constexpr std::size_t handshake_message_bytes = 64u << 10;  // a long chain takes 10 KB
constexpr std::uint64_t after_handshake_limit_bytes = 64u << 10;
constexpr std::uint8_t new_session_ticket = 4;  // RFC 8446 section 4.6.1

tls_session& session_of(gnutls_session_t raw) {
  return *static_cast<tls_session*>(static_cast<ngtcp2_crypto_conn_ref*>(gnutls_session_get_ptr(raw))->user_data);
}

// Always our certificate, whatever CAs the other side lists: "unknown CA" tells more than "no certificate".
int give_certificate(gnutls_session_t raw, const gnutls_cert_retr_st*, gnutls_pcert_st** certificates, unsigned* count,
                     gnutls_ocsp_data_st**, unsigned* ocsp_count, gnutls_privkey_t* key, unsigned* flags) {
  const auto& identity = session_of(raw).plan().identity;
  *ocsp_count = 0;
  *flags = 0;
  *count = 0;
  if (!identity) return 0;
  *certificates = const_cast<gnutls_pcert_st*>(identity->chain().data());
  *count = static_cast<unsigned>(identity->chain().size());
  *key = identity->key();
  return 0;
}

int check_certificate(gnutls_session_t raw) { return session_of(raw).verify_peer(); }

}  // namespace

void install_callbacks(gnutls_certificate_credentials_t credentials) noexcept {
  gnutls_certificate_set_retrieve_function3(credentials, give_certificate);
  gnutls_certificate_set_verify_function(credentials, check_certificate);
}

result<std::unique_ptr<tls_session>> tls_session::make(session_plan plan) {
  std::unique_ptr<tls_session> made(new tls_session(std::move(plan)));
  if (const int code = made->configure(); code != 0)
    return fail(errc::crypto_failed, fmt::format("cannot start TLS: {}", gnutls_strerror(code)));
  return made;
}

int tls_session::configure() {
  // Tickets stay off: a resumed session would never have its certificate checked against today's trust.
  const unsigned flags =
      (plan_.server ? GNUTLS_SERVER | GNUTLS_NO_AUTO_SEND_TICKET : GNUTLS_CLIENT) | GNUTLS_NO_TICKETS;
  if (const int code = gnutls_init(session_.out(), flags); code != 0) return code;
  const auto raw = session_.get();
  if (const int code = gnutls_priority_set_direct(raw, priorities, nullptr); code != 0) return code;
  if (!plan_.identity) {
    if (const int code = gnutls_certificate_allocate_credentials(without_identity_.out()); code != 0) return code;
    install_callbacks(without_identity_.get());
  }
  const auto native = plan_.identity ? plan_.identity->native() : without_identity_.get();
  if (const int code = gnutls_credentials_set(raw, GNUTLS_CRD_CERTIFICATE, native); code != 0) return code;
  const int configured = plan_.server ? ngtcp2_crypto_gnutls_configure_server_session(raw)
                                      : ngtcp2_crypto_gnutls_configure_client_session(raw);
  if (configured != 0) return GNUTLS_E_INTERNAL_ERROR;
  const auto protocol = view_of(plan_.protocol);
  if (const int code = gnutls_alpn_set_protocols(raw, &protocol, 1, GNUTLS_ALPN_MANDATORY); code != 0) return code;
  gnutls_handshake_set_max_packet_length(raw, handshake_message_bytes);
  if (plan_.server) {
    gnutls_certificate_server_set_request(raw,
                                          requires_client_certificate() ? GNUTLS_CERT_REQUIRE : GNUTLS_CERT_REQUEST);
    // Which CAs are trusted here is nobody's business before they have shown a certificate.
    gnutls_certificate_send_x509_rdn_sequence(raw, 1);
  } else if (is_node_name(plan_.expected_name)) {
    const int code =
        gnutls_server_name_set(raw, GNUTLS_NAME_DNS, plan_.expected_name.data(), plan_.expected_name.size());
    if (code != 0) return code;
  }
  reference_.get_conn = [](ngtcp2_crypto_conn_ref* reference) {
    return static_cast<tls_session*>(reference->user_data)->connection_;
  };
  reference_.user_data = this;
  gnutls_session_set_ptr(raw, &reference_);
  return 0;
}

void tls_session::bind(ngtcp2_conn* connection) noexcept {
  connection_ = connection;
  ngtcp2_conn_set_tls_native_handle(connection, session_.get());
}

int tls_session::refuse(alert told, errc code, std::string text) {
  if (!refused_) refused_ = refusal{told, {code, std::move(text)}};
  return GNUTLS_E_CERTIFICATE_ERROR;
}

int tls_session::receive(ngtcp2_encryption_level level, bytes_view data) {
  if (ngtcp2_conn_get_handshake_completed(connection_) != 0) return receive_after_handshake(level, data);
  if (ngtcp2_crypto_read_write_crypto_data(connection_, level, data.data(), data.size()) == 0) return 0;
  const int code = ngtcp2_conn_get_tls_error(connection_);
  return code != 0 ? code : NGTCP2_ERR_CRYPTO;
}

// Session tickets are skipped; all else that may come in CRYPTO frames now is an error.
int tls_session::receive_after_handshake(ngtcp2_encryption_level level, bytes_view data) {
  const auto unexpected = [this](const char* what) {
    refuse(alert::unexpected_message, errc::quic_failed, fmt::format("the peer sent {} after the handshake", what));
    return static_cast<int>(NGTCP2_ERR_CRYPTO);
  };
  if (plan_.server || level != NGTCP2_ENCRYPTION_LEVEL_1RTT) return unexpected("TLS messages");
  after_handshake_bytes_ += data.size();
  if (after_handshake_bytes_ > after_handshake_limit_bytes) return unexpected("too many session tickets");
  while (!data.empty()) {
    if (message_left_ > 0) {
      const auto skipped = std::min<std::uint64_t>(message_left_, data.size());
      message_left_ -= skipped;
      data = data.subspan(static_cast<std::size_t>(skipped));
      continue;
    }
    header_ = header_ << 8 | data.front();
    data = data.subspan(1);
    if (++header_bytes_ < 4) continue;
    if (header_ >> 24 != new_session_ticket) return unexpected("a TLS message that QUIC forbids");
    message_left_ = header_ & 0xffffff;
    header_bytes_ = 0;
    header_ = 0;
  }
  return 0;
}

bool tls_session::check_protocol() {
  gnutls_datum_t chosen{};
  if (gnutls_alpn_get_selected_protocol(session_.get(), &chosen) == 0 &&
      std::string_view(reinterpret_cast<const char*>(chosen.data), chosen.size) == plan_.protocol)
    return true;
  refuse(alert::no_application_protocol, errc::no_common_protocol,
         fmt::format("the peer does not speak {}", plan_.protocol));
  return false;
}

int tls_session::verify_peer() {
  unsigned count = 0;
  const gnutls_datum_t* raw = gnutls_certificate_get_peers(session_.get(), &count);
  if ((raw == nullptr || count == 0) && plan_.server && !requires_client_certificate()) return 0;
  if (raw == nullptr || count == 0)
    return refuse(alert::certificate_required, errc::certificate_missing, "the peer gave no certificate");
  certificate leaf;
  if (gnutls_x509_crt_init(leaf.out()) != 0 || gnutls_x509_crt_import(leaf.get(), raw, GNUTLS_X509_FMT_DER) != 0)
    return refuse(alert::bad_certificate, errc::certificate_untrusted, "the peer's certificate cannot be read");
  peer_.name = node_name_of(leaf.get());
  peer_.fingerprint = fingerprint_of(leaf.get());
  if (!plan_.verify.check_peer) return 0;

  const char* purpose = plan_.server ? GNUTLS_KP_TLS_WWW_CLIENT : GNUTLS_KP_TLS_WWW_SERVER;
  gnutls_typed_vdata_st wanted{GNUTLS_DT_KEY_PURPOSE_OID, reinterpret_cast<unsigned char*>(const_cast<char*>(purpose)),
                               0};
  unsigned status = 0;
  const int code = gnutls_certificate_verify_peers(session_.get(), &wanted, 1, &status);
  if (code != 0) status |= GNUTLS_CERT_INVALID;
  const int judged = judge_chain(leaf.get(), status);
  if (judged == 0) {
    peer_.verified = true;
    return 0;
  }
  // A server that does without client certificates takes a worthless one like none; `verified` stays false.
  if (plan_.server && !requires_client_certificate()) {
    refused_.reset();
    return 0;
  }
  return judged;
}

int tls_session::judge_chain(gnutls_x509_crt_t leaf, unsigned status) {
  const auto facts = facts_of(leaf);
  const auto whose =
      facts.name.empty() ? std::string("the peer's certificate") : fmt::format("certificate of '{}'", facts.name);
  constexpr unsigned not_signed = GNUTLS_CERT_SIGNER_NOT_FOUND | GNUTLS_CERT_SIGNER_NOT_CA |
                                  GNUTLS_CERT_SIGNATURE_FAILURE | GNUTLS_CERT_SIGNER_CONSTRAINTS_FAILURE;
  if (status & not_signed)
    return refuse(alert::unknown_ca, errc::certificate_untrusted,
                  facts.issuer.empty()
                      ? whose + " is not signed by a trusted CA"
                      : fmt::format("{} is not signed by a trusted CA but by '{}'", whose, facts.issuer));
  if (status & GNUTLS_CERT_REVOKED)
    return refuse(alert::certificate_revoked, errc::certificate_untrusted, whose + " was revoked");
  if (status & GNUTLS_CERT_EXPIRED)
    return refuse(alert::certificate_expired, errc::certificate_expired,
                  certificate_time() > facts.not_after
                      ? fmt::format("{} has expired on {}", whose, date_of(facts.not_after))
                      : fmt::format("a CA above the {} has expired", whose));
  if (status & GNUTLS_CERT_NOT_ACTIVATED)
    return refuse(alert::certificate_expired, errc::certificate_expired,
                  fmt::format("{} is not valid before {}", whose, date_of(facts.not_before)));
  if (status & GNUTLS_CERT_PURPOSE_MISMATCH)
    return refuse(alert::unsupported_certificate, errc::certificate_untrusted,
                  fmt::format("{} is not made for a QUIC {}", whose, plan_.server ? "client" : "server"));
  if (status != 0) return refuse(alert::bad_certificate, errc::certificate_untrusted, whose + " is not acceptable");
  if (peer_.name.empty())
    return refuse(alert::bad_certificate, errc::certificate_name, whose + " names no node in its CN");
  if (!plan_.expected_name.empty() &&
      gnutls_x509_crt_check_hostname2(leaf, plan_.expected_name.c_str(), GNUTLS_VERIFY_DO_NOT_ALLOW_WILDCARDS) == 0)
    return refuse(alert::bad_certificate, errc::certificate_name,
                  fmt::format("expected '{}', but the certificate is that of '{}'", plan_.expected_name, facts.name));
  return 0;
}

}  // namespace quicsync::tls
