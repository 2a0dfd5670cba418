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
constexpr std::size_t message_header_bytes = 4;
constexpr std::uint8_t new_session_ticket = 4;  // RFC 8446 section 4.6.1

// How long the message that begins so is, header included; as much of it as is known.
std::size_t message_bytes(bytes_view begun) {
  if (begun.size() < message_header_bytes) return message_header_bytes;
  return message_header_bytes + (std::size_t{begun[1]} << 16 | std::size_t{begun[2]} << 8 | begun[3]);
}

tls_session& session_of(gnutls_session_t raw) {
  return *static_cast<tls_session*>(static_cast<ngtcp2_crypto_conn_ref*>(gnutls_session_get_ptr(raw))->user_data);
}

// Always our certificate, whatever CAs the other side lists: "unknown CA" tells more than "no certificate".
int give_certificate(gnutls_session_t raw, const gnutls_cert_retr_st*, gnutls_pcert_st** certificates, unsigned* count,
                     gnutls_ocsp_data_st**, unsigned* ocsp_count, gnutls_privkey_t* key, unsigned* flags) {
  const auto& identity = session_of(raw).plan().with.identity;
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

int tell_message(gnutls_session_t raw, unsigned type, unsigned, unsigned came, const gnutls_datum_t*) {
  const auto* name = gnutls_handshake_description_get_name(static_cast<gnutls_handshake_description_t>(type));
  session_of(raw).plan().on_message(name ? name : "unknown", came != 0);
  return 0;
}

int log_secret(gnutls_session_t raw, const char* label, const gnutls_datum_t* secret) {
  session_of(raw).log_secret(label, secret);
  return 0;
}

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
  if (!plan_.server && plan_.earlier) {
    // GnuTLS does not ask about the certificate of a session that is resumed: it is judged here, by today's trust.
    const auto judged = judge(plan_.earlier->chain, basis(plan_.with));
    if (judged.refused)
      plan_.earlier.reset();
    else
      peer_ = judged.who;
  }
  const bool tickets = plan_.resumption && (!plan_.server || plan_.with.tickets != nullptr);
  early_data_ = tickets && plan_.early_data && (plan_.server || plan_.earlier.has_value());
  // RFC 9001 section 8.3: QUIC has no EndOfEarlyData.
  const unsigned flags = (plan_.server ? GNUTLS_SERVER | GNUTLS_NO_AUTO_SEND_TICKET : GNUTLS_CLIENT) |
                         GNUTLS_NO_END_OF_EARLY_DATA | (tickets ? 0u : unsigned{GNUTLS_NO_TICKETS}) |
                         (early_data_ ? unsigned{GNUTLS_ENABLE_EARLY_DATA} : 0u);
  if (const int code = gnutls_init(session_.out(), flags); code != 0) return code;
  const auto raw = session_.get();
  reference_.get_conn = [](ngtcp2_crypto_conn_ref* reference) {
    return static_cast<tls_session*>(reference->user_data)->connection_;
  };
  reference_.user_data = this;
  gnutls_session_set_ptr(raw, &reference_);
  if (const int code = gnutls_priority_set_direct(raw, priorities, nullptr); code != 0) return code;
  if (!plan_.with.identity) {
    if (const int code = gnutls_certificate_allocate_credentials(without_identity_.out()); code != 0) return code;
    install_callbacks(without_identity_.get());
  }
  const auto native = plan_.with.identity ? plan_.with.identity->native() : without_identity_.get();
  if (const int code = gnutls_credentials_set(raw, GNUTLS_CRD_CERTIFICATE, native); code != 0) return code;
  const int configured = plan_.server ? ngtcp2_crypto_gnutls_configure_server_session(raw)
                                      : ngtcp2_crypto_gnutls_configure_client_session(raw);
  if (configured != 0) return GNUTLS_E_INTERNAL_ERROR;
  const auto protocol = view_of(plan_.protocol);
  if (const int code = gnutls_alpn_set_protocols(raw, &protocol, 1, GNUTLS_ALPN_MANDATORY); code != 0) return code;
  gnutls_handshake_set_max_packet_length(raw, handshake_message_bytes);
  // Without a function of ours GnuTLS would write secrets wherever SSLKEYLOGFILE points, asked or not.
  gnutls_session_set_keylog_function(raw, tls::log_secret);
  if (plan_.on_message) gnutls_handshake_set_hook_function(raw, GNUTLS_HANDSHAKE_ANY, GNUTLS_HOOK_PRE, tell_message);
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
  return tickets ? configure_resumption(raw) : 0;
}

int tls_session::configure_resumption(gnutls_session_t raw) {
  if (plan_.server) {
    return plan_.with.tickets->enable(raw, early_data_);
  }
  if (!plan_.earlier) return 0;
  const auto& ticket = plan_.earlier->ticket;
  if (gnutls_session_set_data(raw, ticket.data(), ticket.size()) == 0) return 0;
  // One that GnuTLS cannot read is as good as none.
  early_data_ = false;
  plan_.earlier.reset();
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
  handshake_bytes_ += data.size();
  if (handshake_bytes_ > limits::handshake_bytes) {
    refuse(alert::unexpected_message, errc::flood, "the peer's TLS handshake has no end");
    return NGTCP2_ERR_CRYPTO;
  }
  if (ngtcp2_crypto_read_write_crypto_data(connection_, level, data.data(), data.size()) == 0)
    return plan_.server && !check_resumption() ? NGTCP2_ERR_CRYPTO : 0;
  const int code = ngtcp2_conn_get_tls_error(connection_);
  return code != 0 ? code : NGTCP2_ERR_CRYPTO;
}

// Session tickets; all else that may come in CRYPTO frames now is an error.
int tls_session::receive_after_handshake(ngtcp2_encryption_level level, bytes_view data) {
  const auto unexpected = [this](const char* what, errc code = errc::quic_failed) {
    refuse(alert::unexpected_message, code, fmt::format("the peer sent {} after the handshake", what));
    return static_cast<int>(NGTCP2_ERR_CRYPTO);
  };
  if (plan_.server || level != NGTCP2_ENCRYPTION_LEVEL_1RTT) return unexpected("TLS messages");
  after_handshake_bytes_ += data.size();
  if (after_handshake_bytes_ > limits::tickets_bytes) return unexpected("too many session tickets", errc::flood);
  while (!data.empty()) {
    const auto piece = data.first(std::min(message_bytes(message_) - message_.size(), data.size()));
    message_.insert(message_.end(), piece.begin(), piece.end());
    data = data.subspan(piece.size());
    if (message_.front() != new_session_ticket) return unexpected("a TLS message that QUIC forbids");
    if (message_.size() < message_bytes(message_)) continue;
    const auto message = std::exchange(message_, {});
    if (const int code = take_message(message); code != 0) return code;
  }
  return 0;
}

int tls_session::take_message(bytes_view message) {
  if (!plan_.resumption) return 0;
  const auto raw = session_.get();
  if (gnutls_handshake_write(raw, GNUTLS_ENCRYPTION_LEVEL_APPLICATION, message.data(), message.size()) < 0) {
    refuse(alert::unexpected_message, errc::quic_failed, "the peer sent a session ticket that cannot be read");
    return NGTCP2_ERR_CRYPTO;
  }
  datum packed;
  // Without one there is nothing to resume with, and no harm done.
  if ((gnutls_session_get_flags(raw) & GNUTLS_SFLAGS_SESSION_TICKET) == 0 ||
      gnutls_session_get_data2(raw, packed.out()) != 0)
    return 0;
  fresh_ = kept_session{std::string(packed.text()), chain_};
  return 0;
}

void tls_session::give_ticket() {
  // Where it fails, the client comes back without one.
  if (plan_.resumption && plan_.with.tickets) gnutls_session_ticket_send(session_.get(), 1, 0);
}

bool tls_session::early_data_accepted() const noexcept {
  return (gnutls_session_get_flags(session_.get()) & GNUTLS_SFLAGS_EARLY_DATA) != 0;
}

void tls_session::log_secret(const char* label, const gnutls_datum_t* secret) const {
  if (!plan_.with.log) return;
  gnutls_datum_t client{}, server{};
  gnutls_session_get_random(session_.get(), &client, &server);
  plan_.with.log(fmt::format("{} {} {}", label, crypto::to_hex({client.data, client.size}),
                             crypto::to_hex({secret->data, secret->size})));
}

bool tls_session::check_protocol() {
  if (plan_.server && gnutls_session_is_resumed(session_.get()) != 0 && !resumed_) {
    refuse(alert::internal_error, errc::crypto_failed, "the peer's session ticket brought nothing to judge it by");
    return false;
  }
  if (!plan_.server && gnutls_session_is_resumed(session_.get()) != 0) {
    resumed_ = true;
    chain_ = plan_.earlier ? plan_.earlier->chain : raw_chain{};
  }
  gnutls_datum_t chosen{};
  if (gnutls_alpn_get_selected_protocol(session_.get(), &chosen) == 0 &&
      std::string_view(reinterpret_cast<const char*>(chosen.data), chosen.size) == plan_.protocol)
    return true;
  refuse(alert::no_application_protocol, errc::no_common_protocol,
         fmt::format("the peer does not speak {}", plan_.protocol));
  return false;
}

raw_chain tls_session::sent_chain() const {
  unsigned count = 0;
  const gnutls_datum_t* raw = gnutls_certificate_get_peers(session_.get(), &count);
  raw_chain chain;
  for (unsigned i = 0; raw != nullptr && i < count; ++i)
    chain.emplace_back(reinterpret_cast<const char*>(raw[i].data), raw[i].size);
  return chain;
}

judgement_basis tls_session::basis(const environment& with) const {
  static const trust_rules no_rules;
  return {.trust = with.identity.get(),
          .rules = with.rules ? with.rules.get() : &no_rules,
          .peer_is_client = plan_.server,
          .check = plan_.verify.check_peer,
          .required = !plan_.server || requires_client_certificate(),
          .expected_name = plan_.expected_name};
}

int tls_session::accept_chain(raw_chain chain) {
  chain_ = std::move(chain);
  auto judged = judge(chain_, basis(plan_.with));
  peer_ = std::move(judged.who);
  if (!judged.refused) return 0;
  refuse_with(std::move(*judged.refused));
  return GNUTLS_E_CERTIFICATE_ERROR;
}

int tls_session::verify_peer() { return accept_chain(sent_chain()); }

// Server: the ticket brings the client's certificate of that time, and GnuTLS does not ask about it again. It is there
// as soon as the server's flight is made, which is before any early data is read.
bool tls_session::check_resumption() {
  const auto raw = session_.get();
  if (resumed_ || gnutls_session_is_resumed(raw) == 0 || gnutls_auth_client_get_type(raw) != GNUTLS_CRD_CERTIFICATE)
    return true;
  resumed_ = accept_chain(sent_chain()) == 0;
  return resumed_;
}

std::optional<refusal> tls_session::judge_by(const environment& other) {
  auto judged = judge(chain_, basis(other));
  return std::move(judged.refused);
}

}  // namespace quicsync::tls
