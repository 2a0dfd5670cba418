// A client with a good certificate and its own mind: ngtcp2 by hand, to do what our own endpoint never would. Lives at
// an address of a simulated network; it keeps no timers, so the network must lose nothing.
#pragma once
#include <string>
#include <vector>

#include <gnutls/gnutls.h>
#include <ngtcp2/ngtcp2.h>
#include <ngtcp2/ngtcp2_crypto.h>
#include <tests/transport/identities.hpp>
#include <tests/transport/simulated_network.hpp>

#include <quicsync/transport/tls_session.hpp>

namespace quicsync::tests {

class rogue_client {
 public:
  /// `tls_priorities`: what it offers, in GnuTLS's words; null: what our endpoints offer.
  rogue_client(simulated_network& network, const address& at, const address& server,
               const char* tls_priorities = nullptr)
      : network_(network), at_(at), server_(server), random_(network.random().next()) {
    tls::session_plan plan;
    plan.with.identity = std::dynamic_pointer_cast<const tls::loaded_credentials>(identity_of("rogue"));
    plan.protocol = alpn_protocol;
    tls_ = must(tls::tls_session::make(std::move(plan)));
    ngtcp2_settings settings;
    ngtcp2_settings_default(&settings);
    settings.initial_ts = now();
    settings.rand_ctx.native_handle = &random_;
    ngtcp2_transport_params params;
    ngtcp2_transport_params_default(&params);
    params.initial_max_streams_uni = 4;
    params.initial_max_stream_data_uni = params.initial_max_data = 1 << 20;
    const auto callbacks = make_callbacks();
    ngtcp2_cid theirs = make_cid(), own = make_cid();
    const auto path = make_path();
    if (ngtcp2_conn_client_new(&quic_, &theirs, &own, &path, NGTCP2_PROTO_VER_V1, &callbacks, &settings, &params,
                               nullptr, this) != 0)
      throw std::runtime_error("cannot make the rogue");
    tls_->bind(quic_);
    if (tls_priorities != nullptr) gnutls_priority_set_direct(session(), tls_priorities, nullptr);
    listen();
  }
  ~rogue_client() {
    for (const auto& each : addresses_) network_.detach(each);
    ngtcp2_conn_del(quic_);
  }
  rogue_client(const rogue_client&) = delete;
  rogue_client& operator=(const rogue_client&) = delete;

  /// "AES-128-GCM", "CHACHA20-POLY1305".
  std::string cipher() const { return gnutls_cipher_get_name(gnutls_cipher_get(session())); }
  /// RFC 9001 section 6. False: the last update is not confirmed yet.
  bool update_keys() { return ngtcp2_conn_initiate_key_update(quic_, now()) == 0; }
  /// Goes on from another address and tells the server so, as a client in another network (RFC 9000 section 9).
  bool migrate(const address& to) {
    at_ = to;
    listen();
    const auto path = make_path();
    return ngtcp2_conn_initiate_immediate_migration(quic_, &path, now()) == 0;
  }
  /// Of all lanes, their lane bytes included.
  std::uint64_t received_bytes() const { return received_bytes_; }

  bool connected() const { return ngtcp2_conn_get_handshake_completed(quic_) != 0; }
  /// What the server said last.
  std::string farewell() const {
    const auto* said = ngtcp2_conn_get_ccerr(quic_);
    return {reinterpret_cast<const char*>(said->reason), said->reasonlen};
  }
  std::uint64_t farewell_code() const { return ngtcp2_conn_get_ccerr(quic_)->error_code; }

  std::int64_t open() {
    std::int64_t stream = -1;
    if (ngtcp2_conn_open_uni_stream(quic_, &stream, nullptr) != 0) throw std::runtime_error("no more streams");
    return stream;
  }
  /// The bytes must live on. How many of them went with the next packet, which may have other things to carry; 0: no
  /// packet may be sent now.
  std::size_t write(std::int64_t stream, bytes_view bytes, bool fin = false) {
    ngtcp2_vec vector{const_cast<std::uint8_t*>(bytes.data()), bytes.size()};
    std::size_t taken_bytes = 0;
    pack(stream, fin ? NGTCP2_WRITE_STREAM_FLAG_FIN : NGTCP2_WRITE_STREAM_FLAG_NONE, &vector, 1, &taken_bytes);
    return taken_bytes;
  }
  /// A packet that gives the server credit it has no use for.
  void give_credit() {
    ngtcp2_conn_extend_max_offset(quic_, 1 << 20);
    pack(-1, NGTCP2_WRITE_STREAM_FLAG_NONE, nullptr, 0);
  }
  void refuse(std::int64_t stream) { ngtcp2_conn_shutdown_stream_read(quic_, 0, stream, 1); }
  void reset(std::int64_t stream) { ngtcp2_conn_shutdown_stream_write(quic_, 0, stream, 1); }
  /// Bytes in CRYPTO frames of 1-RTT packets.
  void speak_tls(bytes_view bytes) {
    ngtcp2_conn_submit_crypto_data(quic_, NGTCP2_ENCRYPTION_LEVEL_1RTT, bytes.data(), bytes.size());
  }
  void flush() {
    while (pack(-1, NGTCP2_WRITE_STREAM_FLAG_NONE, nullptr, 0)) continue;
  }

 private:
  gnutls_session_t session() const { return static_cast<gnutls_session_t>(ngtcp2_conn_get_tls_native_handle(quic_)); }
  void listen() {
    addresses_.push_back(at_);
    network_.attach(at_, [this](const address& local, const address&, std::uint8_t, bytes_view datagram) {
      auto at = local;
      const ngtcp2_path from{{at.raw(), at.length()}, {server_.raw(), server_.length()}, nullptr};
      const ngtcp2_pkt_info info{};
      if (!dead_) dead_ = ngtcp2_conn_read_pkt(quic_, &from, &info, datagram.data(), datagram.size(), now()) != 0;
    });
  }
  ngtcp2_tstamp now() const { return static_cast<ngtcp2_tstamp>(network_.now().time_since_epoch().count()); }
  ngtcp2_path make_path() { return {{at_.raw(), at_.length()}, {server_.raw(), server_.length()}, nullptr}; }
  ngtcp2_cid make_cid() {
    ngtcp2_cid cid;
    cid.datalen = 16;
    random_.fill(cid.data, cid.datalen);
    return cid;
  }
  bool pack(std::int64_t stream, std::uint32_t flags, const ngtcp2_vec* vectors, std::size_t count,
            std::size_t* taken_bytes = nullptr) {
    if (dead_) return false;
    std::array<std::uint8_t, 1452> datagram;
    ngtcp2_path_storage path;
    ngtcp2_path_storage_zero(&path);
    ngtcp2_pkt_info info{};
    ngtcp2_ssize taken = -1;
    const auto size = ngtcp2_conn_writev_stream(quic_, &path.path, &info, datagram.data(), datagram.size(), &taken,
                                                flags, stream, vectors, count, now());
    if (size <= 0) return false;
    if (taken_bytes != nullptr && taken > 0) *taken_bytes = static_cast<std::size_t>(taken);
    network_.send_datagram(address(path.path.local.addr, path.path.local.addrlen), server_, 0,
                           bytes_view(datagram).first(static_cast<std::size_t>(size)));
    return true;
  }
  static ngtcp2_callbacks make_callbacks() {
    ngtcp2_callbacks all{};
    all.client_initial = ngtcp2_crypto_client_initial_cb;
    all.recv_retry = ngtcp2_crypto_recv_retry_cb;
    all.encrypt = ngtcp2_crypto_encrypt_cb;
    all.decrypt = ngtcp2_crypto_decrypt_cb;
    all.hp_mask = ngtcp2_crypto_hp_mask_cb;
    all.update_key = ngtcp2_crypto_update_key_cb;
    all.delete_crypto_aead_ctx = ngtcp2_crypto_delete_crypto_aead_ctx_cb;
    all.delete_crypto_cipher_ctx = ngtcp2_crypto_delete_crypto_cipher_ctx_cb;
    all.version_negotiation = ngtcp2_crypto_version_negotiation_cb;
    all.get_path_challenge_data = ngtcp2_crypto_get_path_challenge_data_cb;
    all.recv_crypto_data = [](ngtcp2_conn*, ngtcp2_encryption_level level, std::uint64_t, const std::uint8_t* data,
                              std::size_t size, void* self) {
      return static_cast<rogue_client*>(self)->tls_->receive(level, {data, size});
    };
    all.recv_stream_data = [](ngtcp2_conn* quic, std::uint32_t, std::int64_t stream, std::uint64_t, const std::uint8_t*,
                              std::size_t size, void* self, void*) {
      static_cast<rogue_client*>(self)->received_bytes_ += size;
      ngtcp2_conn_extend_max_stream_offset(quic, stream, size);
      ngtcp2_conn_extend_max_offset(quic, size);
      return 0;
    };
    all.rand = [](std::uint8_t* out, std::size_t count, const ngtcp2_rand_ctx* context) {
      static_cast<seeded_random*>(context->native_handle)->fill(out, count);
    };
    all.get_new_connection_id = [](ngtcp2_conn*, ngtcp2_cid* cid, std::uint8_t* token, std::size_t size, void* self) {
      auto& random = static_cast<rogue_client*>(self)->random_;
      cid->datalen = size;
      random.fill(cid->data, size);
      random.fill(token, NGTCP2_STATELESS_RESET_TOKENLEN);
      return 0;
    };
    return all;
  }

  simulated_network& network_;
  address at_, server_;
  std::vector<address> addresses_;  ///< all that it ever had
  seeded_random random_;
  std::unique_ptr<tls::tls_session> tls_;
  ngtcp2_conn* quic_ = nullptr;
  std::uint64_t received_bytes_ = 0;
  bool dead_ = false;
};

}  // namespace quicsync::tests
