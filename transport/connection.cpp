#include <algorithm>
#include <cstring>

#include <fmt/format.h>
#include <ngtcp2/ngtcp2_crypto.h>

#include <quicsync/transport/connection.hpp>
#include <quicsync/transport/connection_callbacks.hpp>
#include <quicsync/transport/connection_errors.hpp>
#include <quicsync/transport/connection_traces.hpp>
#include <quicsync/transport/server_memory.hpp>
#include <quicsync/transport/tls_certificate.hpp>

namespace quicsync {

namespace {

constexpr std::size_t segments_max = 64;        // UDP_MAX_SEGMENTS of Linux before 6.2
constexpr std::size_t burst_bytes_max = 65000;  // below the largest UDP payload of IPv4
constexpr std::size_t close_text_bytes = 256;   // fits beside all else into one packet of 1200 bytes
constexpr std::array<std::uint16_t, 3> mtu_probes{1452, 8952, 16000};  // Ethernet, jumbo frames, loopback

ngtcp2_duration to_duration(std::chrono::nanoseconds time) {
  return static_cast<ngtcp2_duration>(std::max<std::int64_t>(time.count(), 0));
}

// A client binds no address, and ngtcp2 needs one of a real family: the unspecified one stands for "whatever the socket
// has".
address any_address(int family) {
  sockaddr_storage any{};
  any.ss_family = static_cast<sa_family_t>(family);
  return {reinterpret_cast<const sockaddr*>(&any), sizeof any};
}

bool is_any(const address& local) {
  switch (local.family()) {
    case AF_INET:
      return reinterpret_cast<const sockaddr_in*>(local.raw())->sin_addr.s_addr == INADDR_ANY;
    case AF_INET6:
      return IN6_IS_ADDR_UNSPECIFIED(&reinterpret_cast<const sockaddr_in6*>(local.raw())->sin6_addr);
    default:
      return true;
  }
}

// For calls that only read the addresses.
ngtcp2_path path_of(const address& local, const address& remote) {
  return {{const_cast<sockaddr*>(local.raw()), local.length()},
          {const_cast<sockaddr*>(remote.raw()), remote.length()},
          nullptr};
}

ngtcp2_cid random_cid(connection_host& host) {
  ngtcp2_cid cid;
  cid.datalen = cid_bytes;
  host.random(cid.data, cid.datalen);
  return cid;
}

// What ngtcp2 found the other side to have done, RFC 9000 section 20.1.
std::optional<refusal_reason> broken_rule(int code) {
  switch (code) {
    case NGTCP2_ERR_CRYPTO_BUFFER_EXCEEDED:
      return refusal_reason::flood;
    case NGTCP2_ERR_PROTO:
    case NGTCP2_ERR_ACK_FRAME:
    case NGTCP2_ERR_CONNECTION_ID_LIMIT:
    case NGTCP2_ERR_STREAM_LIMIT:
    case NGTCP2_ERR_FLOW_CONTROL:
    case NGTCP2_ERR_STREAM_STATE:
    case NGTCP2_ERR_FINAL_SIZE:
    case NGTCP2_ERR_FRAME_ENCODING:
    case NGTCP2_ERR_MALFORMED_TRANSPORT_PARAM:
    case NGTCP2_ERR_TRANSPORT_PARAM:
      return refusal_reason::quic_violation;
    default:
      return std::nullopt;
  }
}

refusal_reason counted_as(errc code) {
  switch (code) {
    case errc::no_common_protocol:
      return refusal_reason::protocol;
    case errc::flood:
      return refusal_reason::flood;
    case errc::quic_failed:
      return refusal_reason::handshake_failed;
    default:
      return refusal_reason::certificate;
  }
}

// Each coalesced packet as a datagram of its own (RFC 9000 section 12.2): a peer that drops its old keys early
// otherwise throws the whole datagram away with the first packet, and learns nothing.
std::vector<byte_buffer> split_packets(bytes_view datagram) {
  std::vector<byte_buffer> packets;
  while (!datagram.empty()) {
    std::size_t length = datagram.size();
    ngtcp2_pkt_hd header;
    if ((datagram[0] & 0x80) != 0) {
      const auto header_bytes = ngtcp2_pkt_decode_hd_long(&header, datagram.data(), datagram.size());
      if (header_bytes > 0) length = std::min(length, static_cast<std::size_t>(header_bytes) + header.len);
    }
    packets.emplace_back(datagram.begin(), datagram.begin() + static_cast<std::ptrdiff_t>(length));
    datagram = datagram.subspan(length);
  }
  return packets;
}

}  // namespace

connection::connection(connection_host& host, connection_id id, bool incoming, const address& local,
                       const address& remote, time_point now)
    : host_(host),
      id_(id),
      incoming_(incoming),
      started_(now),
      local_(incoming && local.family() == remote.family() ? local : any_address(remote.family())),
      remote_(remote),
      idle_packets_(limits::idle_packets_per_second, host.config().idle_packets_at_once) {
  stamp(now);
  for (auto& each : incoming_lanes_) each.window_bytes = first_window();
}

std::uint64_t connection::first_window() const {
  return std::min(host_.config().lane_window_first_bytes, host_.config().lane_window_bytes);
}

address connection::local() const { return is_any(local_) ? address{} : local_; }

connection::~connection() { ngtcp2_conn_del(quic_); }

result<std::unique_ptr<connection>> connection::dial(connection_host& host, connection_id id, const address& remote,
                                                     std::string expected_name, shared_bytes early, time_point now) {
  std::unique_ptr<connection> made(new connection(host, id, false, {}, remote, now));
  made->expected_name_ = expected_name;
  const auto& config = host.config();
  // Used once: two connections with the same token could be told to be of one client (RFC 9000 section 8.1.3).
  byte_buffer token;
  if (auto* known = host.memory().find(remote, expected_name)) token = std::exchange(known->address_token, {});
  tls::session_plan plan{.server = false,
                         .with = host.tls(),
                         .verify = config.verify,
                         .expected_name = std::move(expected_name),
                         .protocol = config.protocol,
                         .resumption = config.resumption,
                         .early_data = false};
  plan.earlier = made->prepare_early(early);
  plan.early_data = !made->early_parameters_.empty();
  const auto their_cid = random_cid(host), own_cid = random_cid(host);
  if (auto started = made->start(their_cid, own_cid, nullptr, token, std::move(plan)); !started)
    return fail(started.error());
  made->trace_start(made->expected_name_);
  made->send(lane::control, std::move(early));
  return made;
}

result<std::unique_ptr<connection>> connection::accept(connection_host& host, connection_id id,
                                                       const ngtcp2_pkt_hd& first, const address_proof& proof,
                                                       const address& local, const address& remote, time_point now) {
  std::unique_ptr<connection> made(new connection(host, id, true, local, remote, now));
  made->proof_ = proof;
  const auto& config = host.config();
  tls::session_plan plan{.server = true,
                         .with = host.tls(),
                         .verify = config.verify,
                         .expected_name = {},
                         .protocol = config.protocol,
                         .resumption = config.resumption,
                         .early_data = config.resumption};
  // Telling ngtcp2 of a token lifts the limit on what an unproven address may be sent.
  const auto token = proof.good() ? bytes_view(first.token, first.tokenlen) : bytes_view{};
  if (auto started = made->start(first.scid, random_cid(host), &first, token, std::move(plan)); !started)
    return fail(started.error());
  made->trace_start({});
  // Until the client has our id, its packets carry the one it chose.
  if (host.claim(first.dcid, id)) made->client_cid_ = first.dcid;
  return made;
}

result<void> connection::start(const ngtcp2_cid& their_cid, const ngtcp2_cid& own_cid, const ngtcp2_pkt_hd* first,
                               bytes_view token, tls::session_plan plan) {
  if (traced())
    plan.on_message = [this](const char* message, bool came) {
      trace("quic:tls", trace_field("message", message) + trace_field("way", came ? "in" : "out"));
    };
  auto tls = tls::tls_session::make(std::move(plan));
  if (!tls) return fail(tls.error());
  tls_ = std::move(*tls);
  if (!host_.claim(own_cid, id_)) return fail(errc::overloaded, "no free connection id");
  auto settings = this->settings();
  settings.token = token.empty() ? nullptr : token.data();
  settings.tokenlen = token.size();
  settings.token_type =
      proof_.what == address_proof::kind::retry ? NGTCP2_TOKEN_TYPE_RETRY : NGTCP2_TOKEN_TYPE_NEW_TOKEN;
  const auto params = transport_params(first, own_cid);
  const auto callbacks = connection_callbacks::table(incoming_);
  const auto path = path_of(local_, remote_);
  const int code = first != nullptr ? ngtcp2_conn_server_new(&quic_, &their_cid, &own_cid, &path, first->version,
                                                             &callbacks, &settings, &params, nullptr, this)
                                    : ngtcp2_conn_client_new(&quic_, &their_cid, &own_cid, &path, NGTCP2_PROTO_VER_V1,
                                                             &callbacks, &settings, &params, nullptr, this);
  if (code != 0) {
    host_.release(own_cid, id_);
    return fail(errc::overloaded, fmt::format("cannot start a connection: {}", ngtcp2_strerror(code)));
  }
  tls_->bind(quic_);
  early_offered_ =
      !incoming_ && tls_->early_data() &&
      ngtcp2_conn_decode_and_set_0rtt_transport_params(quic_, early_parameters_.data(), early_parameters_.size()) == 0;
  return {};
}

ngtcp2_transport_params connection::transport_params(const ngtcp2_pkt_hd* first, const ngtcp2_cid& own_cid) const {
  const auto& config = host_.config();
  ngtcp2_transport_params params;
  ngtcp2_transport_params_default(&params);
  // One stream a lane, each with the lane byte before its window.
  params.initial_max_streams_uni = lane_count;
  params.initial_max_streams_bidi = 0;
  const auto window = first_window();
  params.initial_max_stream_data_uni = window + 1;
  // The sum of the bulk lanes and a reserve that they cannot use up, so that control always moves.
  params.initial_max_data = (lane_count - 1) * window + config.control_window_bytes + lane_count;
  params.max_idle_timeout = to_duration(config.idle_timeout);
  params.active_connection_id_limit = 4;
  if (first != nullptr) {
    const bool retried = proof_.what == address_proof::kind::retry;
    params.original_dcid = retried ? proof_.original_dcid : first->dcid;
    params.original_dcid_present = 1;
    // RFC 9000 section 7.3: the client checks that the Retry was ours.
    params.retry_scid = first->dcid;
    params.retry_scid_present = retried;
    params.stateless_reset_token_present = 1;
    host_.reset_token(own_cid, params.stateless_reset_token);
  }
  return params;
}

ngtcp2_settings connection::settings() const {
  const auto& config = host_.config();
  ngtcp2_settings settings;
  ngtcp2_settings_default(&settings);
  settings.initial_ts = last_stamp_;
  settings.handshake_timeout = to_duration(config.handshake_timeout);
  settings.max_tx_udp_payload_size = config.datagram_bytes;
  settings.rand_ctx.native_handle = &host_;
  const auto usable =
      std::upper_bound(mtu_probes.begin(), mtu_probes.end(), config.datagram_bytes) - mtu_probes.begin();
  settings.pmtud_probes = mtu_probes.data();
  settings.pmtud_probeslen = static_cast<std::size_t>(usable);
  settings.no_pmtud = usable == 0;
  return settings;
}

// ngtcp2 insists that time never goes back.
ngtcp2_tstamp connection::stamp(time_point now) {
  const auto since_epoch = std::chrono::duration_cast<std::chrono::nanoseconds>(now.time_since_epoch());
  return last_stamp_ = std::max(last_stamp_, to_duration(since_epoch));
}

time_point connection::now() const {
  return time_point(std::chrono::duration_cast<time_point::duration>(std::chrono::nanoseconds(last_stamp_)));
}

void connection::read(const address& local, const address& remote, std::uint8_t ecn, bytes_view datagram,
                      time_point now) {
  if (ending_ || remote.family() != remote_.family()) return;
  bytes_received_ += datagram.size();
  // A client is found under one address of its own, whatever the socket says: ngtcp2 would drop what comes to another.
  const auto path = path_of(incoming_ && local.family() == remote.family() ? local : local_, remote);
  const ngtcp2_pkt_info info{static_cast<std::uint8_t>(ecn & NGTCP2_ECN_MASK)};
  const auto decrypted = connection_callbacks::packets_decrypted();
  const auto of_receivers = connection_callbacks::packets_of_receivers();
  const int code = ngtcp2_conn_read_pkt(quic_, &path, &info, datagram.data(), datagram.size(), stamp(now));
  heard_at_ = last_stamp_;
  if (connection_callbacks::packets_of_receivers() != of_receivers) address_heard_ = true;
  if (code != 0) return end(code, now);
  const bool genuine = connection_callbacks::packets_decrypted() != decrypted;
  if (genuine) genuine_at_ = last_stamp_;
  if (genuine && brings_nothing(now)) {
    break_with(refusal_reason::flood, errc::flood, "the peer sends packets that bring nothing, too many of them");
    return end(NGTCP2_ERR_CALLBACK_FAILURE, now);
  }
  if (!incoming_) keep_ticket();
  trace_path();
}

// Of a packet that was genuine. PING, MAX_DATA, MAX_STREAM_DATA, NEW_CONNECTION_ID and the like cost work and no
// memory: what counts is how many come beside those that move the connection on.
bool connection::brings_nothing(time_point now) {
  const auto progress = lane_bytes_received_ + acknowledged_bytes_;
  if (!opened_ || std::exchange(progress_bytes_, progress) != progress) return false;
  return !idle_packets_.take(now);
}

void connection::expire(time_point now) {
  if (ending_) return;
  if (closing_ && now >= closing_->latest) return finish_close(now);
  if (now >= silent_until()) return end(NGTCP2_ERR_IDLE_CLOSE, now);
  if (is_stuck(now)) return end(NGTCP2_ERR_CALLBACK_FAILURE, now);
  if (ngtcp2_conn_get_expiry(quic_) > stamp(now)) return;
  if (const int code = ngtcp2_conn_handle_expiry(quic_, last_stamp_); code != 0) return end(code, now);
  trace_path();
}

// An idle timeout is at least three probe timeouts (RFC 9000 section 10.1), and where one side stood still for a while
// its sample of the round trip makes minutes of them: somebody who is long gone would bar the way of who dials again.
time_point connection::silent_until() const { return idle_timeouts_after(genuine_at_, limits::silent_idle_timeouts); }

time_point connection::idle_timeouts_after(ngtcp2_tstamp when, int count) const {
  const auto idle = host_.config().idle_timeout;
  if (!opened_ || idle.count() == 0) return time_point::max();
  return time_point(std::chrono::duration_cast<time_point::duration>(std::chrono::nanoseconds(when))) + count * idle;
}

// Where the congestion window is at its least, answers to path challenges alone can fill it. Lost, they set no probe
// timer (ngtcp2 1.11, at least): acknowledgements are all that is sent from then on, the peer is heard, and nothing of
// the lanes moves any more. A new connection moves at once. So: a window that is full twice, an idle timeout apart, and
// nothing acknowledged meanwhile.
bool connection::is_stuck(time_point now) {
  if (now < idle_timeouts_after(waits_from_, 1)) return false;
  waits_from_ = stamp(now);
  const bool full = !all_acknowledged() && ngtcp2_conn_get_cwnd_left(quic_) == 0;
  const bool was_full = std::exchange(window_was_full_, full);
  if (!full || !was_full) return false;
  broken_ = error{errc::timed_out, fmt::format("nothing that was sent to {} was acknowledged for {} ms",
                                               remote_.to_string(), host_.config().idle_timeout.count())};
  return true;
}

time_point connection::deadline() const {
  if (ending_) return time_point::max();
  const auto expiry = ngtcp2_conn_get_expiry(quic_);
  auto when = time_point::max();
  if (expiry != UINT64_MAX)
    when = time_point(std::chrono::duration_cast<time_point::duration>(std::chrono::nanoseconds(expiry)));
  when = std::min(when, silent_until());
  if (!all_acknowledged()) when = std::min(when, idle_timeouts_after(waits_from_, 1));
  return closing_ ? std::min(when, closing_->latest) : when;
}

transmit connection::transmit_by(const packet_route& route, std::size_t segment_bytes) {
  const auto& path = route.path.path;
  transmit out;
  out.remote = address(path.remote.addr, path.remote.addrlen);
  out.local = address(path.local.addr, path.local.addrlen);
  if (is_any(out.local)) out.local = {};
  out.ecn = route.info.ecn;
  out.segment_bytes = segment_bytes;
  return out;
}

bool connection::write(transmit& out, time_point now) {
  if (held_) {
    out = std::move(*held_);
    held_.reset();
    return true;
  }
  if (ending_) return false;
  if (closing_ && (all_acknowledged() || now >= closing_->latest)) {
    finish_close(now);
    return false;
  }
  const auto time = stamp(now);
  if (opened_ && bytes_sent_ - keys_from_bytes_ >= limits::key_update_bytes) update_keys(now);
  watch_path(time);
  if (const int code = open_lanes(); code != 0) {
    end(code, now);
    return false;
  }
  const std::size_t least = NGTCP2_MAX_UDP_PAYLOAD_SIZE;
  const std::size_t most = narrow_ ? least : std::max(host_.config().datagram_bytes, least);
  const std::size_t quantum = std::clamp(ngtcp2_conn_get_send_quantum(quic_), most, burst_bytes_max);
  // One more than a burst: it may turn out not to belong to it.
  auto bytes = std::move(out.bytes);
  const auto room = bytes.room(burst_bytes_max + most);
  packet_route first, next;
  std::size_t filled = 0, segment_bytes = 0;
  for (std::size_t segments = 0; segments < segments_max; ++segments) {
    const auto made = write_packet(room.subspan(filled, most), segments == 0 ? first : next, time);
    if (made == 0) break;
    if (segments == 0) {
      segment_bytes = made;
    } else if (made > segment_bytes || !(next == first)) {
      held_ = transmit_by(next, made);
      held_->bytes = packet_buffer(room.subspan(filled, made));
      break;
    }
    filled += made;
    if (made < segment_bytes || filled + segment_bytes > quantum) break;
  }
  if (!ending_) ngtcp2_conn_update_pkt_tx_time(quic_, time);
  if (filled > 0) out = transmit_by(first, segment_bytes);
  bytes.resize(filled);
  out.bytes = std::move(bytes);
  return filled > 0;
}

bool connection::update_keys(time_point now) {
  // ngtcp2 asserts that the handshake is over.
  if (ending_ || !opened_ || ngtcp2_conn_initiate_key_update(quic_, stamp(now)) != 0) return false;
  keys_from_bytes_ = bytes_sent_;
  return true;
}

void connection::close(errc code, std::string_view text, time_point now) {
  if (ending_ || closing_) return;
  const std::chrono::nanoseconds patience(opened_ ? ngtcp2_conn_get_pto(quic_) : 0);
  closing_ = pending_close{code, tls::printable(text, close_text_bytes),
                           now + std::chrono::duration_cast<time_point::duration>(patience)};
  if (!opened_ || all_acknowledged()) finish_close(now);
}

void connection::finish_close(time_point now) {
  ngtcp2_ccerr said;
  const auto& text = closing_->text;
  ngtcp2_ccerr_set_application_error(&said, static_cast<std::uint64_t>(closing_->code),
                                     reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
  connection_ending ending;
  ending.reason = {errc::cancelled, text.empty() ? "closed" : "closed: " + text};
  end_with(said, std::move(ending), now);
}

void connection::end(int code, time_point now) {
  if (ending_) return;
  connection_ending ending;
  ngtcp2_ccerr said;
  ngtcp2_ccerr_default(&said);
  if (code == NGTCP2_ERR_DRAINING) {
    auto close = describe_close(*ngtcp2_conn_get_ccerr(quic_), host_.config());
    ending.reason = closing_ ? error{errc::cancelled, "closed"} : broken_ ? *broken_ : std::move(close.reason);
    ending.peer_code = close.peer_code;
    // Draining: nothing is sent any more, RFC 9000 section 10.2.2.
    said.type = NGTCP2_CCERR_TYPE_DROP_CONN;
    return end_with(said, std::move(ending), now);
  }
  ending.reason = describe(code);
  ending.silent = incoming_ && (code == NGTCP2_ERR_DROP_CONN || code == NGTCP2_ERR_RETRY);
  std::string text;
  ending.counted =
      code == NGTCP2_ERR_HANDSHAKE_TIMEOUT ? refusal_reason::handshake_timeout : refusal_reason::handshake_failed;
  if (const auto& refused = tls_->refused()) {
    ending.refused = true;
    ending.counted = opened_ && refused->reason.code == errc::quic_failed ? refusal_reason::quic_violation
                                                                          : counted_as(refused->reason.code);
    ending.reason = refused->reason;
    ngtcp2_ccerr_set_tls_alert(&said, static_cast<std::uint8_t>(refused->told), nullptr, 0);
  } else if (broken_) {
    ending.refused = broken_for_.has_value();
    ending.counted = broken_for_.value_or(refusal_reason::handshake_failed);
    ending.reason = *broken_;
    text = broken_->context;
    ngtcp2_ccerr_set_application_error(&said, static_cast<std::uint64_t>(broken_->code),
                                       reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
  } else if (code == NGTCP2_ERR_CRYPTO) {
    ngtcp2_ccerr_set_tls_alert(&said, ngtcp2_conn_get_tls_alert(quic_), nullptr, 0);
  } else {
    ngtcp2_ccerr_set_liberr(&said, code, nullptr, 0);
    if (const auto why = broken_rule(code)) {
      ending.refused = true;
      ending.counted = *why;
    }
  }
  // A handshake that nobody waits for any more is dropped without a word, as after an idle timeout.
  if (code == NGTCP2_ERR_HANDSHAKE_TIMEOUT) said.type = NGTCP2_CCERR_TYPE_IDLE_CLOSE;
  end_with(said, std::move(ending), now);
}

error connection::describe(int code) const {
  const auto& config = host_.config();
  const auto who = remote_.to_string();
  switch (code) {
    case NGTCP2_ERR_IDLE_CLOSE:
      if (opened_)
        return {errc::timed_out, fmt::format("nothing heard from {} for {} ms", who, config.idle_timeout.count())};
      [[fallthrough]];
    case NGTCP2_ERR_HANDSHAKE_TIMEOUT: {
      const auto waited = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::nanoseconds(last_stamp_) -
                                                                                started_.time_since_epoch());
      return {errc::timed_out,
              heard_ ? fmt::format("the handshake with {} did not finish within {} ms", who, waited.count())
                     : fmt::format("no answer from {} within {} ms", who, waited.count())};
    }
    case NGTCP2_ERR_CRYPTO:
      return describe_own_alert(ngtcp2_conn_get_tls_alert(quic_), config);
    case NGTCP2_ERR_RECV_VERSION_NEGOTIATION:
    case NGTCP2_ERR_VERSION_NEGOTIATION_FAILURE:
      return {errc::no_common_protocol, fmt::format("{} speaks no QUIC version that is spoken here", who)};
    default:
      return {errc::quic_failed, fmt::format("QUIC with {} failed: {}", who, ngtcp2_strerror(code))};
  }
}

void connection::end_with(const ngtcp2_ccerr& said, connection_ending ending, time_point now) {
  const auto time = stamp(now);
  ending.opened = opened_;
  // Three probe timeouts, RFC 9000 section 10.2.
  ending.linger = std::chrono::nanoseconds(3 * ngtcp2_conn_get_pto(quic_));
  ngtcp2_path_storage path;
  ngtcp2_path_storage_zero(&path);
  ngtcp2_pkt_info info{};
  byte_buffer datagram(NGTCP2_MAX_UDP_PAYLOAD_SIZE);
  const auto bytes =
      ngtcp2_conn_write_connection_close(quic_, &path.path, &info, datagram.data(), datagram.size(), &said, time);
  if (bytes > 0) {
    datagram.resize(static_cast<std::size_t>(bytes));
    // A lone Initial of a client is padded as it must be, and stays whole.
    ending.datagrams = split_packets(datagram);
    bytes_sent_ += static_cast<std::uint64_t>(bytes);
  }
  ending_ = std::move(ending);
}

void connection::on_opened() {
  opened_ = true;
  genuine_at_ = waits_from_ = last_stamp_;
  const auto keep_alive = host_.config().keep_alive;
  ngtcp2_conn_set_keep_alive_timeout(quic_, keep_alive.count() > 0 ? to_duration(keep_alive) : UINT64_MAX);
  if (incoming_) give_address_token();
  if (incoming_) tls_->give_ticket();
  host_.events().push(connection_opened{id_, incoming_, tls_->peer(), remote_, tls_->resumed(), early_});
}

void connection::give_address_token() {
  const auto token = host_.tokens().for_later(remote_, now());
  // Only running out of memory fails here, and then the next call to ngtcp2 ends the connection.
  if (!token.empty()) ngtcp2_conn_submit_new_token(quic_, token.data(), token.size());
}

void connection::keep_address_token(bytes_view token) {
  if (token.size() > limits::address_token_bytes) return;
  host_.memory().of(remote_, expected_name_).address_token.assign(token.begin(), token.end());
}

std::vector<ngtcp2_cid> connection::cids() const {
  std::vector<ngtcp2_cid> all(ngtcp2_conn_get_scid(quic_, nullptr));
  if (!all.empty()) ngtcp2_conn_get_scid(quic_, all.data());
  if (client_cid_) all.push_back(*client_cid_);
  return all;
}

connection_statistics connection::statistics() const {
  connection_statistics out;
  out.bytes_sent = bytes_sent_;
  out.bytes_received = bytes_received_;
  out.lane_bytes_sent = lane_bytes_sent_;
  out.lane_bytes_received = lane_bytes_received_;
  ngtcp2_conn_info info;
  ngtcp2_conn_get_conn_info(quic_, &info);
  out.smoothed_rtt = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::nanoseconds(info.smoothed_rtt));
  out.congestion_window_bytes = info.cwnd;
  for (const auto& each : incoming_lanes_) out.receive_window_bytes += each.window_bytes;
  // The next ones are made in advance, when something is sent a while after an update; that is when it is counted.
  out.key_updates = keys_made_ > 0 ? keys_made_ - 1 : 0;
  for (const auto& each : outgoing_)
    if (each.stream >= 0) out.packets_lost += ngtcp2_conn_get_stream_loss_count(quic_, each.stream);
  for (std::size_t i = 0; i < lane_count; ++i)
    out.lanes[i] = {outgoing_[i].bytes, outgoing_[i].outbox.unacknowledged_bytes(), incoming_lanes_[i].bytes,
                    incoming_lanes_[i].unconsumed_bytes, incoming_lanes_[i].window_bytes};
  return out;
}

}  // namespace quicsync
