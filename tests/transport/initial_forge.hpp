// First packets of clients that never were, cheap enough for floods: one TLS
// ClientHello, made once, wrapped anew for each made-up connection id. A server
// takes every one of them for the beginning of an honest handshake.
#pragma once
#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

#include <gnutls/gnutls.h>
#include <ngtcp2/ngtcp2.h>
#include <ngtcp2/ngtcp2_crypto.h>
#include <ngtcp2/ngtcp2_crypto_gnutls.h>
#include <tests/transport/seeded_random.hpp>

#include <quicsync/codec/bytes.hpp>
#include <quicsync/transport/endpoint.hpp>

namespace quicsync::tests {

class initial_forge {
 public:
  explicit initial_forge(std::uint64_t seed = 1) : random_(seed) {
    own_id_ = make_id();
    gnutls_certificate_allocate_credentials(&credentials_);
    if (gnutls_init(&tls_, GNUTLS_CLIENT | GNUTLS_NO_TICKETS) != 0) throw std::runtime_error("no TLS session");
    gnutls_priority_set_direct(tls_,
                               "NORMAL:-VERS-ALL:+VERS-TLS1.3:-GROUP-ALL:+"
                               "GROUP-X25519:%DISABLE_TLS13_COMPAT_MODE",
                               nullptr);
    gnutls_credentials_set(tls_, GNUTLS_CRD_CERTIFICATE, credentials_);
    ngtcp2_crypto_gnutls_configure_client_session(tls_);
    std::array<unsigned char, alpn_protocol.size()> name{};
    std::copy(alpn_protocol.begin(), alpn_protocol.end(), name.begin());
    const gnutls_datum_t protocol{name.data(), name.size()};
    gnutls_alpn_set_protocols(tls_, &protocol, 1, 0);
    // What TLS has to say goes into hello_, not to a connection.
    gnutls_handshake_set_read_function(tls_, [](gnutls_session_t raw, gnutls_record_encryption_level_t,
                                                gnutls_handshake_description_t, const void* data, std::size_t size) {
      auto* reference = static_cast<ngtcp2_crypto_conn_ref*>(gnutls_session_get_ptr(raw));
      auto& hello = static_cast<initial_forge*>(reference->user_data)->hello_;
      const auto* bytes = static_cast<const std::uint8_t*>(data);
      hello.insert(hello.end(), bytes, bytes + size);
      return 0;
    });
    reference_.get_conn = [](ngtcp2_crypto_conn_ref* from) {
      return static_cast<initial_forge*>(from->user_data)->connection_;
    };
    reference_.user_data = this;
    gnutls_session_set_ptr(tls_, &reference_);
    forge();  // makes the hello on its way
    if (hello_.empty()) throw std::runtime_error("no ClientHello");
  }
  ~initial_forge() {
    gnutls_deinit(tls_);
    gnutls_certificate_free_credentials(credentials_);
  }
  initial_forge(const initial_forge&) = delete;
  initial_forge& operator=(const initial_forge&) = delete;

  /// A client's first datagram, of 1200 bytes, to a connection id of its own.
  bytes_view forge() {
    ngtcp2_settings settings;
    ngtcp2_settings_default(&settings);
    settings.rand_ctx.native_handle = &random_;
    settings.initial_ts = 1;
    ngtcp2_transport_params params;
    ngtcp2_transport_params_default(&params);
    params.initial_max_streams_uni = 4;
    params.initial_max_stream_data_uni = params.initial_max_data = 1 << 20;
    auto local = address::parse("192.0.2.1:1").value(), remote = address::parse("192.0.2.2:2").value();
    const ngtcp2_path path{{local.raw(), local.length()}, {remote.raw(), remote.length()}, nullptr};
    const auto theirs = make_id();
    const auto callbacks = make_callbacks();
    if (ngtcp2_conn_client_new(&connection_, &theirs, &own_id_, &path, NGTCP2_PROTO_VER_V1, &callbacks, &settings,
                               &params, nullptr, this) != 0)
      throw std::runtime_error("no connection to forge with");
    ngtcp2_conn_set_tls_native_handle(connection_, tls_);
    ngtcp2_pkt_info info{};
    const auto size =
        ngtcp2_conn_write_pkt(connection_, nullptr, &info, datagram_.data(), datagram_.size(), settings.initial_ts);
    ngtcp2_conn_del(std::exchange(connection_, nullptr));
    if (size <= 0) throw std::runtime_error("no first packet");
    return bytes_view(datagram_).first(static_cast<std::size_t>(size));
  }

 private:
  ngtcp2_cid make_id() {
    ngtcp2_cid id;
    id.datalen = 16;
    random_.fill(id.data, id.datalen);
    return id;
  }
  static ngtcp2_callbacks make_callbacks() {
    ngtcp2_callbacks all{};
    all.client_initial = [](ngtcp2_conn* connection, void* user) -> int {
      auto& self = *static_cast<initial_forge*>(user);
      // Derives this connection's keys and lets TLS speak, which it does the
      // first time only.
      if (const int code = ngtcp2_crypto_client_initial_cb(connection, user); code != 0) return code;
      return ngtcp2_conn_submit_crypto_data(connection, NGTCP2_ENCRYPTION_LEVEL_INITIAL, self.hello_.data(),
                                            self.hello_.size());
    };
    all.recv_crypto_data = ngtcp2_crypto_recv_crypto_data_cb;
    all.recv_retry = ngtcp2_crypto_recv_retry_cb;
    all.encrypt = ngtcp2_crypto_encrypt_cb;
    all.decrypt = ngtcp2_crypto_decrypt_cb;
    all.hp_mask = ngtcp2_crypto_hp_mask_cb;
    all.update_key = ngtcp2_crypto_update_key_cb;
    all.delete_crypto_aead_ctx = ngtcp2_crypto_delete_crypto_aead_ctx_cb;
    all.delete_crypto_cipher_ctx = ngtcp2_crypto_delete_crypto_cipher_ctx_cb;
    all.version_negotiation = ngtcp2_crypto_version_negotiation_cb;
    all.get_path_challenge_data = ngtcp2_crypto_get_path_challenge_data_cb;
    all.rand = [](std::uint8_t* out, std::size_t count, const ngtcp2_rand_ctx* context) {
      static_cast<seeded_random*>(context->native_handle)->fill(out, count);
    };
    all.get_new_connection_id = [](ngtcp2_conn*, ngtcp2_cid*, std::uint8_t*, std::size_t, void*) -> int {
      return NGTCP2_ERR_CALLBACK_FAILURE;
    };
    return all;
  }

  seeded_random random_;
  ngtcp2_cid own_id_{};  // the same for all: the hello's transport parameters name it
  gnutls_certificate_credentials_t credentials_ = nullptr;
  gnutls_session_t tls_ = nullptr;
  ngtcp2_crypto_conn_ref reference_{};
  ngtcp2_conn* connection_ = nullptr;
  byte_buffer hello_;
  std::array<std::uint8_t, 1200> datagram_{};
};

}  // namespace quicsync::tests
