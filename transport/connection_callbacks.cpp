#include <algorithm>

#include <fmt/format.h>
#include <ngtcp2/ngtcp2_crypto.h>

#include <quicsync/transport/connection.hpp>
#include <quicsync/transport/connection_callbacks.hpp>
#include <quicsync/transport/connection_traces.hpp>

namespace quicsync {

namespace {

// A friend's doors into the connection: ngtcp2 knows only free functions.
connection& connection_of(void* user_data) { return *static_cast<connection*>(user_data); }

void fill_random(std::uint8_t* out, std::size_t count, const ngtcp2_rand_ctx* context) {
  static_cast<connection_host*>(context->native_handle)->random(out, count);
}

thread_local std::uint64_t decrypted = 0, of_receivers = 0;

// By the first byte of a packet's header, RFC 9000 section 17.
bool is_handshake_or_later(std::uint8_t first) { return (first & 0x80) == 0 || (first & 0x30) == 0x20; }

int count_and_decrypt(std::uint8_t* out, const ngtcp2_crypto_aead* aead, const ngtcp2_crypto_aead_ctx* context,
                      const std::uint8_t* text, std::size_t text_bytes, const std::uint8_t* nonce,
                      std::size_t nonce_bytes, const std::uint8_t* data, std::size_t data_bytes) {
  const int code = ngtcp2_crypto_decrypt_cb(out, aead, context, text, text_bytes, nonce, nonce_bytes, data, data_bytes);
  if (code != 0) return code;
  ++decrypted;
  if (data_bytes != 0 && is_handshake_or_later(data[0])) ++of_receivers;
  return 0;
}

}  // namespace

std::uint64_t connection_callbacks::packets_decrypted() noexcept { return decrypted; }
std::uint64_t connection_callbacks::packets_of_receivers() noexcept { return of_receivers; }

ngtcp2_callbacks connection_callbacks::table(bool server) {
  ngtcp2_callbacks all{};
  if (server)
    all.recv_client_initial = ngtcp2_crypto_recv_client_initial_cb;
  else
    all.client_initial = ngtcp2_crypto_client_initial_cb;
  all.recv_retry = [](ngtcp2_conn* quic, const ngtcp2_pkt_hd* header, void* user) {
    auto& self = connection_of(user);
    if (self.traced()) self.trace("quic:retry");
    return ngtcp2_crypto_recv_retry_cb(quic, header, user);
  };
  all.recv_rx_key = [](ngtcp2_conn*, ngtcp2_encryption_level level, void* user) {
    connection_of(user).trace_keys("in", level);
    return 0;
  };
  all.recv_tx_key = [](ngtcp2_conn*, ngtcp2_encryption_level level, void* user) {
    connection_of(user).trace_keys("out", level);
    return 0;
  };
  all.handshake_confirmed = [](ngtcp2_conn*, void* user) {
    if (const auto& self = connection_of(user); self.traced()) self.trace("quic:confirmed");
    return 0;
  };
  all.encrypt = ngtcp2_crypto_encrypt_cb;
  all.decrypt = count_and_decrypt;
  all.hp_mask = ngtcp2_crypto_hp_mask_cb;
  all.update_key = [](ngtcp2_conn* quic, std::uint8_t* rx_secret, std::uint8_t* tx_secret,
                      ngtcp2_crypto_aead_ctx* rx_context, std::uint8_t* rx_iv, ngtcp2_crypto_aead_ctx* tx_context,
                      std::uint8_t* tx_iv, const std::uint8_t* rx_now, const std::uint8_t* tx_now, std::size_t bytes,
                      void* user) {
    auto& self = connection_of(user);
    // The first set is made ready with the handshake.
    if (++self.keys_made_ > 1 && self.traced())
      self.trace("quic:keys_changed", trace_field("times", self.keys_made_ - 1));
    return ngtcp2_crypto_update_key_cb(quic, rx_secret, tx_secret, rx_context, rx_iv, tx_context, tx_iv, rx_now, tx_now,
                                       bytes, user);
  };
  all.delete_crypto_aead_ctx = ngtcp2_crypto_delete_crypto_aead_ctx_cb;
  all.delete_crypto_cipher_ctx = ngtcp2_crypto_delete_crypto_cipher_ctx_cb;
  all.version_negotiation = ngtcp2_crypto_version_negotiation_cb;
  all.rand = fill_random;

  all.recv_crypto_data = [](ngtcp2_conn*, ngtcp2_encryption_level level, std::uint64_t, const std::uint8_t* data,
                            std::size_t size, void* user) {
    auto& self = connection_of(user);
    self.heard_ = true;
    return self.tls_->receive(level, {data, size});
  };
  all.handshake_completed = [](ngtcp2_conn*, void* user) -> int {
    return connection_of(user).on_handshake_completed();
  };
  all.recv_stream_data = [](ngtcp2_conn*, std::uint32_t flags, std::int64_t stream, std::uint64_t,
                            const std::uint8_t* data, std::size_t size, void* user, void*) {
    return connection_of(user).on_stream_data(stream, (flags & NGTCP2_STREAM_DATA_FLAG_FIN) != 0,
                                              (flags & NGTCP2_STREAM_DATA_FLAG_0RTT) != 0, {data, size});
  };
  all.acked_stream_data_offset = [](ngtcp2_conn*, std::int64_t stream, std::uint64_t offset, std::uint64_t size,
                                    void* user,
                                    void*) { return connection_of(user).on_acknowledged(stream, offset + size); };
  all.stream_reset = [](ngtcp2_conn*, std::int64_t, std::uint64_t, std::uint64_t, void* user, void*) {
    return connection_of(user).break_lanes(errc::quic_failed, "the peer reset a lane");
  };
  all.stream_stop_sending = [](ngtcp2_conn*, std::int64_t, std::uint64_t, void* user, void*) {
    return connection_of(user).break_lanes(errc::quic_failed, "the peer refuses a lane");
  };
  all.stream_close = [](ngtcp2_conn*, std::uint32_t, std::int64_t, std::uint64_t, void* user, void*) {
    return connection_of(user).break_lanes(errc::quic_failed, "the peer ended a lane");
  };
  all.recv_stateless_reset = [](ngtcp2_conn*, const ngtcp2_pkt_stateless_reset*, void* user) {
    auto& self = connection_of(user);
    self.broken_ =
        error{errc::connection_lost, fmt::format("{} has forgotten the connection", self.remote_.to_string())};
    return 0;
  };
  all.get_new_connection_id = [](ngtcp2_conn*, ngtcp2_cid* cid, std::uint8_t* token, std::size_t size,
                                 void* user) -> int {
    auto& self = connection_of(user);
    cid->datalen = size;
    self.host_.random(cid->data, size);
    self.host_.reset_token(*cid, token);
    return self.host_.claim(*cid, self.id_) ? 0 : NGTCP2_ERR_CALLBACK_FAILURE;
  };
  all.remove_connection_id = [](ngtcp2_conn*, const ngtcp2_cid* cid, void* user) {
    auto& self = connection_of(user);
    self.host_.release(*cid, self.id_);
    return 0;
  };
  all.dcid_status = [](ngtcp2_conn*, ngtcp2_connection_id_status_type what, std::uint64_t, const ngtcp2_cid*,
                       const std::uint8_t* raw, void* user) {
    if (raw == nullptr) return 0;
    auto& self = connection_of(user);
    reset_token_bytes token;
    std::copy_n(raw, token.size(), token.begin());
    if (what == NGTCP2_CONNECTION_ID_STATUS_TYPE_ACTIVATE) {
      self.reset_tokens_.push_back(token);
      self.host_.expect_reset(token, self.id_);
    } else {
      std::erase(self.reset_tokens_, token);
      self.host_.forget_reset(token, self.id_);
    }
    return 0;
  };
  all.recv_new_token = [](ngtcp2_conn*, const std::uint8_t* token, std::size_t size, void* user) {
    connection_of(user).keep_address_token({token, size});
    return 0;
  };
  all.get_path_challenge_data = [](ngtcp2_conn*, std::uint8_t* data, void* user) {
    connection_of(user).host_.random(data, NGTCP2_PATH_CHALLENGE_DATALEN);
    return 0;
  };
  all.path_validation = [](ngtcp2_conn*, std::uint32_t, const ngtcp2_path* path, const ngtcp2_path*,
                           ngtcp2_path_validation_result outcome, void* user) {
    if (outcome != NGTCP2_PATH_VALIDATION_RESULT_SUCCESS) return 0;
    auto& self = connection_of(user);
    self.remote_ = address(path->remote.addr, path->remote.addrlen);
    if (self.traced()) self.trace("quic:path_proven", trace_field("address", self.remote_.to_string()));
    // The old token was for the old address.
    if (self.incoming_ && self.opened_) self.give_address_token();
    return 0;
  };
  return all;
}

}  // namespace quicsync
