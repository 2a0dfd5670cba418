#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <deque>
#include <stdexcept>
#include <string>
#include <vector>

#include <arpa/inet.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <ngtcp2/ngtcp2.h>
#include <ngtcp2/ngtcp2_crypto.h>
#include <ngtcp2/ngtcp2_crypto_gnutls.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <quicsync/transport/plain_transfer.hpp>

namespace quicsync {

class plain_transfer::peer {
 public:
  peer(plain_transfer_plan plan, bool server) : plan_(std::move(plan)), server_(server) {
    socket_ = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1;
    setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &plan_.socket_buffer_bytes, sizeof plan_.socket_buffer_bytes);
    setsockopt(socket_, SOL_SOCKET, SO_SNDBUF, &plan_.socket_buffer_bytes, sizeof plan_.socket_buffer_bytes);
    setsockopt(socket_, IPPROTO_UDP, UDP_GRO, &on, sizeof on);
    setsockopt(socket_, IPPROTO_IP, IP_RECVTOS, &on, sizeof on);
    local_.sin_family = AF_INET;
    local_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(socket_, reinterpret_cast<sockaddr*>(&local_), sizeof local_) != 0) throw std::runtime_error("no port");
    socklen_t length = sizeof local_;
    getsockname(socket_, reinterpret_cast<sockaddr*>(&local_), &length);
    gnutls_certificate_allocate_credentials(&credentials_);
    if (gnutls_certificate_set_x509_key_file(credentials_, plan_.certificate.c_str(), plan_.key.c_str(),
                                             GNUTLS_X509_FMT_PEM) < 0)
      throw std::runtime_error("no certificate");
  }
  ~peer() {
    ngtcp2_conn_del(quic_);
    if (tls_ != nullptr) gnutls_deinit(tls_);
    gnutls_certificate_free_credentials(credentials_);
    close(socket_);
  }
  peer(const peer&) = delete;
  peer& operator=(const peer&) = delete;

  const error& failure() const noexcept { return failure_; }
  std::uint16_t port() const noexcept { return ntohs(local_.sin_port); }

  /// Server: until all bytes are there. The seconds from the first to the last.
  double receive_all() {
    while (!complete_) turn();
    if (failure_.code != errc::none) return 0;
    const std::chrono::duration<double> took = last_ - first_;
    say_goodbye();
    return took.count();
  }
  /// Client: until the server says goodbye.
  void send_all(std::uint16_t port) {
    sockaddr_in to = local_;
    to.sin_port = htons(port);
    meet(to);
    start(nullptr);
    while (!over_) turn();
  }

 private:
  static ngtcp2_tstamp now() {
    return static_cast<ngtcp2_tstamp>(std::chrono::steady_clock::now().time_since_epoch().count());
  }
  static void check(int code, const char* what) {
    if (code != 0) throw std::runtime_error(std::string(what) + ": " + ngtcp2_strerror(code));
  }
  ngtcp2_path path() {
    return {{reinterpret_cast<sockaddr*>(&local_), sizeof local_},
            {reinterpret_cast<sockaddr*>(&remote_), sizeof remote_},
            nullptr};
  }
  static ngtcp2_cid random_cid() {
    ngtcp2_cid cid;
    cid.datalen = 16;
    gnutls_rnd(GNUTLS_RND_NONCE, cid.data, cid.datalen);
    return cid;
  }
  void meet(const sockaddr_in& whom) {
    remote_ = whom;
    if (connect(socket_, reinterpret_cast<const sockaddr*>(&whom), sizeof whom) != 0)
      throw std::runtime_error("cannot connect the socket");
  }

  void start(const ngtcp2_pkt_hd* first) {
    gnutls_init(&tls_, (server_ ? GNUTLS_SERVER | GNUTLS_NO_AUTO_SEND_TICKET : GNUTLS_CLIENT) | GNUTLS_NO_TICKETS);
    gnutls_priority_set_direct(
        tls_,
        "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-128-GCM:-GROUP-ALL:+GROUP-X25519:%DISABLE_TLS13_COMPAT_MODE",
        nullptr);
    gnutls_credentials_set(tls_, GNUTLS_CRD_CERTIFICATE, credentials_);
    if (server_)
      ngtcp2_crypto_gnutls_configure_server_session(tls_);
    else
      ngtcp2_crypto_gnutls_configure_client_session(tls_);
    std::array<unsigned char, 5> name{'p', 'l', 'a', 'i', 'n'};
    const gnutls_datum_t protocol{name.data(), name.size()};
    gnutls_alpn_set_protocols(tls_, &protocol, 1, GNUTLS_ALPN_MANDATORY);
    reference_.get_conn = [](ngtcp2_crypto_conn_ref* from) { return static_cast<peer*>(from->user_data)->quic_; };
    reference_.user_data = this;
    gnutls_session_set_ptr(tls_, &reference_);

    ngtcp2_settings with;
    ngtcp2_settings_default(&with);
    with.initial_ts = now();
    with.max_tx_udp_payload_size = plan_.datagram_bytes;
    static constexpr std::array<std::uint16_t, 1> probes{1452};
    with.pmtud_probes = probes.data();
    with.pmtud_probeslen = probes.size();
    ngtcp2_transport_params params;
    ngtcp2_transport_params_default(&params);
    params.initial_max_streams_uni = 4;
    params.initial_max_stream_data_uni = plan_.stream_window_bytes;
    params.initial_max_data = plan_.connection_window_bytes;
    params.max_idle_timeout = 10 * NGTCP2_SECONDS;
    const auto callbacks = make_callbacks();
    const auto own = random_cid();
    const auto way = path();
    if (server_) {
      params.original_dcid = first->dcid;
      params.original_dcid_present = 1;
      check(ngtcp2_conn_server_new(&quic_, &first->scid, &own, &way, first->version, &callbacks, &with, &params,
                                   nullptr, this),
            "server");
    } else {
      const auto theirs = random_cid();
      check(ngtcp2_conn_client_new(&quic_, &theirs, &own, &way, NGTCP2_PROTO_VER_V1, &callbacks, &with, &params,
                                   nullptr, this),
            "client");
    }
    ngtcp2_conn_set_tls_native_handle(quic_, tls_);
  }

  ngtcp2_callbacks make_callbacks() {
    ngtcp2_callbacks all{};
    if (server_)
      all.recv_client_initial = ngtcp2_crypto_recv_client_initial_cb;
    else
      all.client_initial = ngtcp2_crypto_client_initial_cb;
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
    all.rand = [](std::uint8_t* out, std::size_t count, const ngtcp2_rand_ctx*) {
      gnutls_rnd(GNUTLS_RND_NONCE, out, count);
    };
    all.get_new_connection_id = [](ngtcp2_conn*, ngtcp2_cid* cid, std::uint8_t* token, std::size_t size, void*) {
      cid->datalen = size;
      gnutls_rnd(GNUTLS_RND_NONCE, cid->data, size);
      gnutls_rnd(GNUTLS_RND_NONCE, token, NGTCP2_STATELESS_RESET_TOKENLEN);
      return 0;
    };
    all.recv_stream_data = [](ngtcp2_conn* quic, std::uint32_t, std::int64_t stream, std::uint64_t,
                              const std::uint8_t* bytes, std::size_t size, void* user, void*) {
      static_cast<peer*>(user)->receive({bytes, size});
      ngtcp2_conn_extend_max_stream_offset(quic, stream, size);
      ngtcp2_conn_extend_max_offset(quic, size);
      return 0;
    };
    return all;
  }

  void receive(bytes_view bytes) {
    if (received_ == 0) first_ = std::chrono::steady_clock::now();
    received_ += bytes.size();
    if (plan_.take) {
      auto all = plan_.take(bytes);
      complete_ = !all || *all;
      if (!all) failure_ = std::move(all.error());
    } else {
      complete_ = received_ >= plan_.bytes;
    }
    if (complete_) last_ = std::chrono::steady_clock::now();
  }

  // What is to be sent next; empty: nothing more. Stays where it is: ngtcp2 points into it until it is acknowledged.
  bytes_view next_piece() {
    if (!plan_.make) {
      const auto offset = static_cast<std::size_t>(sent_ % zeros_.size());
      const auto left = std::min<std::uint64_t>(plan_.bytes - sent_, zeros_.size() - offset);
      return {zeros_.data() + offset, static_cast<std::size_t>(left)};
    }
    if (made_.empty() || offset_ == made_.back().size()) {
      byte_buffer more;
      plan_.make(more);
      if (more.empty()) return {};
      made_.push_back(std::move(more));
      offset_ = 0;
    }
    return bytes_view(made_.back()).subspan(offset_);
  }

  // One round: write what may be written, wait, read what has come, see to the timer.
  void turn() {
    if (quic_ != nullptr) write();
    if (over_) return;
    pollfd ready{socket_, static_cast<short>(blocked_ ? POLLIN | POLLOUT : POLLIN), 0};
    timespec wait{10, 0};
    if (quic_ != nullptr) {
      const auto expiry = ngtcp2_conn_get_expiry(quic_), current = now();
      const auto left = expiry > current ? std::min<ngtcp2_tstamp>(expiry - current, 10 * NGTCP2_SECONDS) : 0;
      wait = {static_cast<time_t>(left / NGTCP2_SECONDS), static_cast<long>(left % NGTCP2_SECONDS)};
    }
    if (ppoll(&ready, 1, &wait, nullptr) < 0) throw std::runtime_error("cannot wait");
    if ((ready.revents & POLLOUT) != 0) blocked_ = false;
    if ((ready.revents & POLLIN) != 0) read();
    if (quic_ != nullptr && !over_ && ngtcp2_conn_get_expiry(quic_) <= now())
      check(ngtcp2_conn_handle_expiry(quic_, now()), "timer");
  }

  void read() {
    for (int bursts = 0; bursts < 64 && !over_; ++bursts) {
      sockaddr_in from{};
      iovec into{inbox_.data(), inbox_.size()};
      alignas(cmsghdr) std::array<char, 128> control;
      msghdr message{};
      message.msg_name = &from;
      message.msg_namelen = sizeof from;
      message.msg_iov = &into;
      message.msg_iovlen = 1;
      message.msg_control = control.data();
      message.msg_controllen = control.size();
      const auto size = recvmsg(socket_, &message, 0);
      if (size <= 0) return;
      auto left = static_cast<std::size_t>(size), segment = left;
      ngtcp2_pkt_info info{};
      for (auto* each = CMSG_FIRSTHDR(&message); each != nullptr; each = CMSG_NXTHDR(&message, each)) {
        if (each->cmsg_level == IPPROTO_UDP && each->cmsg_type == UDP_GRO) {
          int given = 0;
          std::memcpy(&given, CMSG_DATA(each), sizeof given);
          segment = static_cast<std::size_t>(given);
        } else if (each->cmsg_level == IPPROTO_IP && each->cmsg_type == IP_TOS) {
          info.ecn = *CMSG_DATA(each) & NGTCP2_ECN_MASK;
        }
      }
      for (const auto* at = inbox_.data(); left > 0 && !over_;) {
        const auto count = std::min(left, segment);
        take(from, info, at, count);
        at += count;
        left -= count;
      }
    }
  }

  void take(const sockaddr_in& from, const ngtcp2_pkt_info& info, const std::uint8_t* datagram, std::size_t size) {
    if (quic_ == nullptr) {
      ngtcp2_pkt_hd first;
      if (ngtcp2_accept(&first, datagram, size) != 0) return;
      meet(from);
      start(&first);
    }
    const auto way = path();
    const int code = ngtcp2_conn_read_pkt(quic_, &way, &info, datagram, size, now());
    if (code == NGTCP2_ERR_DRAINING) {
      over_ = true;
      return;
    }
    check(code, "packet");
  }

  void write() {
    if (!server_ && stream_ < 0 && ngtcp2_conn_get_handshake_completed(quic_) != 0)
      ngtcp2_conn_open_uni_stream(quic_, &stream_, nullptr);
    while (!blocked_ && write_burst()) continue;
  }

  // As many packets of one size as one call takes; false: there is nothing more to send now.
  bool write_burst() {
    if (unsent_ == 0 && !longer_.empty()) {
      std::copy(longer_.begin(), longer_.end(), outbox_.begin());
      unsent_ = segment_ = longer_.size();
      longer_.clear();
    } else if (unsent_ == 0) {
      const auto time = now();
      const auto quantum = std::min<std::size_t>(ngtcp2_conn_get_send_quantum(quic_), 65'000);
      std::size_t packets = 0;
      segment_ = 0;
      while (packets < 44) {
        ngtcp2_ssize taken = -1;
        const auto next = stream_ >= 0 ? next_piece() : bytes_view{};
        ngtcp2_vec piece{const_cast<std::uint8_t*>(next.data()), next.size()};
        const bool some = !next.empty();
        ngtcp2_pkt_info info{};
        auto made =
            ngtcp2_conn_writev_stream(quic_, nullptr, &info, outbox_.data() + unsent_, plan_.datagram_bytes, &taken,
                                      NGTCP2_WRITE_STREAM_FLAG_NONE, some ? stream_ : -1, &piece, some ? 1 : 0, time);
        if (made == NGTCP2_ERR_STREAM_DATA_BLOCKED)
          made = ngtcp2_conn_writev_stream(quic_, nullptr, &info, outbox_.data() + unsent_, plan_.datagram_bytes,
                                           &taken, NGTCP2_WRITE_STREAM_FLAG_NONE, -1, nullptr, 0, time);
        if (made < 0) throw std::runtime_error(std::string("write: ") + ngtcp2_strerror(static_cast<int>(made)));
        if (made == 0) break;
        if (taken > 0) sent_ += static_cast<std::uint64_t>(taken), offset_ += static_cast<std::size_t>(taken);
        const auto size = static_cast<std::size_t>(made);
        mark(info.ecn);
        if (segment_ == 0) segment_ = size;
        if (size > segment_) {
          // A burst has packets of one size, only the last may be shorter: this one goes alone, after it.
          longer_.assign(outbox_.data() + unsent_, outbox_.data() + unsent_ + size);
          break;
        }
        unsent_ += size;
        ++packets;
        if (size != segment_ || unsent_ + segment_ > quantum) break;
      }
      ngtcp2_conn_update_pkt_tx_time(quic_, time);
      if (unsent_ == 0) return false;
    }
    flush();
    return true;
  }

  void mark(std::uint8_t ecn) {
    if (ecn == ecn_) return;
    const int tos = ecn_ = ecn;
    setsockopt(socket_, IPPROTO_IP, IP_TOS, &tos, sizeof tos);
  }

  void flush() {
    iovec from{outbox_.data(), unsent_};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(std::uint16_t))> control{};
    msghdr message{};
    message.msg_iov = &from;
    message.msg_iovlen = 1;
    if (unsent_ > segment_) {
      message.msg_control = control.data();
      message.msg_controllen = control.size();
      auto* size = CMSG_FIRSTHDR(&message);
      size->cmsg_level = IPPROTO_UDP;
      size->cmsg_type = UDP_SEGMENT;
      size->cmsg_len = CMSG_LEN(sizeof(std::uint16_t));
      const auto bytes = static_cast<std::uint16_t>(segment_);
      std::memcpy(CMSG_DATA(size), &bytes, sizeof bytes);
    }
    if (sendmsg(socket_, &message, 0) < 0 && errno == EAGAIN) {
      blocked_ = true;
      return;
    }
    unsent_ = 0;
  }

  void say_goodbye() {
    ngtcp2_ccerr none;
    ngtcp2_ccerr_default(&none);
    std::array<std::uint8_t, 1452> packet;
    const auto size =
        ngtcp2_conn_write_connection_close(quic_, nullptr, nullptr, packet.data(), packet.size(), &none, now());
    for (int times = 0; size > 0 && times < 3; ++times) {
      if (::send(socket_, packet.data(), static_cast<std::size_t>(size), 0) < 0) break;
    }
  }

  const plain_transfer_plan plan_;
  const bool server_;
  int socket_ = -1;
  sockaddr_in local_{}, remote_{};
  gnutls_certificate_credentials_t credentials_ = nullptr;
  gnutls_session_t tls_ = nullptr;
  ngtcp2_crypto_conn_ref reference_{};
  ngtcp2_conn* quic_ = nullptr;
  std::int64_t stream_ = -1;
  std::uint64_t sent_ = 0, received_ = 0;
  std::chrono::steady_clock::time_point first_, last_;
  bool over_ = false, blocked_ = false, complete_ = false;
  error failure_;
  std::uint8_t ecn_ = 0;
  std::vector<std::uint8_t> inbox_ = std::vector<std::uint8_t>(65536), outbox_ = std::vector<std::uint8_t>(2 * 65536),
                            zeros_ = std::vector<std::uint8_t>(1 << 20);
  std::deque<byte_buffer> made_;
  std::size_t offset_ = 0;  ///< how much of the last of made_ is sent
  std::vector<std::uint8_t> longer_;
  std::size_t unsent_ = 0, segment_ = 0;
};

plain_transfer::plain_transfer(std::unique_ptr<peer> p) : peer_(std::move(p)) {}
plain_transfer::~plain_transfer() = default;

result<std::unique_ptr<plain_transfer>> plain_transfer::make(plain_transfer_plan plan, side which) {
  try {
    return std::unique_ptr<plain_transfer>(
        new plain_transfer(std::make_unique<peer>(std::move(plan), which == side::receives)));
  } catch (const std::runtime_error& why) {
    return fail(errc::io_failed, why.what());
  }
}

std::uint16_t plain_transfer::port() const noexcept { return peer_->port(); }

result<double> plain_transfer::receive() {
  try {
    const auto seconds = peer_->receive_all();
    if (peer_->failure().code != errc::none) return fail(peer_->failure());
    return seconds;
  } catch (const std::runtime_error& why) {
    return fail(errc::quic_failed, why.what());
  }
}

result<void> plain_transfer::send(std::uint16_t port) {
  try {
    peer_->send_all(port);
    return {};
  } catch (const std::runtime_error& why) {
    return fail(errc::quic_failed, why.what());
  }
}

}  // namespace quicsync
