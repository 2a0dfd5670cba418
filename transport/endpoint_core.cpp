#include <algorithm>

#include <fmt/format.h>
#include <ngtcp2/ngtcp2_crypto.h>

#include <quicsync/transport/endpoint_core.hpp>

namespace quicsync {

namespace {

// Closes and refusals waiting for a socket that is full: beyond this they are as good as lost on the way.
constexpr std::size_t outgoing_max = 1024;
constexpr std::size_t initial_dcid_bytes_min = 8;  // RFC 9000 section 7.2

}  // namespace

endpoint_core::cid_key::cid_key(const ngtcp2_cid& cid)
    : size(static_cast<std::uint8_t>(std::min<std::size_t>(cid.datalen, NGTCP2_MAX_CIDLEN))) {
  std::copy_n(cid.data, size, bytes.begin());
}

endpoint_core::endpoint_core(endpoint_config config, std::shared_ptr<const tls::loaded_credentials> identity)
    : config_(std::move(config)), admission_(config_.handshakes) {
  tls_.identity = std::move(identity);
  tls_.rules = std::make_shared<const trust_rules>(config_.trust);
  tls_.log = config_.log_secrets;
  if (tls_.identity)
    reset_secret_ = tls_.identity->reset_secret();
  else
    random(reset_secret_.data(), reset_secret_.size());
}

result<std::unique_ptr<endpoint>> endpoint_core::make(endpoint_config config,
                                                      std::shared_ptr<const tls::loaded_credentials> identity) {
  std::unique_ptr<endpoint_core> made(new endpoint_core(std::move(config), std::move(identity)));
  auto tickets = made->make_tickets();
  if (!tickets) return fail(tickets.error());
  made->tls_.tickets = std::move(*tickets);
  return made;
}

result<std::shared_ptr<tls::session_tickets>> endpoint_core::make_tickets() {
  if (!config_.accept || !config_.resumption) return nullptr;
  return tls::session_tickets::make([this] { totals_.refusals.add(refusal_reason::early_data_replayed); });
}

result<void> endpoint_core::reload(std::shared_ptr<const credentials> identity, trust_rules trust, time_point now) {
  auto loaded = std::dynamic_pointer_cast<const tls::loaded_credentials>(identity);
  auto config = config_;
  config.identity = std::move(identity);
  config.trust = std::move(trust);
  if (auto good = check_config(config, loaded.get()); !good) return good;
  auto tickets = make_tickets();
  if (!tickets) return fail(tickets.error());
  config_ = std::move(config);
  tls_.identity = std::move(loaded);
  tls_.rules = std::make_shared<const trust_rules>(config_.trust);
  // A ticket stands for a certificate that was good once: with the key, all of them go.
  tls_.tickets = std::move(*tickets);
  memory_.forget_sessions();
  std::vector<connection_id> ids;
  for (const auto& [id, of] : connections_) ids.push_back(id);
  std::sort(ids.begin(), ids.end());
  for (const auto id : ids) {
    auto& of = *find(id);
    of.quic->judge_again(now);
    settle(id, of, now);
  }
  return {};
}

endpoint_core::~endpoint_core() = default;

// -- what connections ask for
// -----------------------------------------------------------------------------------------------

void endpoint_core::random(std::uint8_t* out, std::size_t count) {
  if (config_.random)
    config_.random(out, count);
  else
    crypto::random_bytes(out, count);
}

bool endpoint_core::claim(const ngtcp2_cid& cid, connection_id id) {
  return by_cid_.try_emplace(cid_key(cid), id).second;
}

void endpoint_core::release(const ngtcp2_cid& cid, connection_id id) {
  const auto found = by_cid_.find(cid_key(cid));
  if (found != by_cid_.end() && found->second == id) by_cid_.erase(found);
}

void endpoint_core::forget_reset(const reset_token_bytes& token, connection_id id) {
  const auto found = by_reset_token_.find(token);
  if (found != by_reset_token_.end() && found->second == id) by_reset_token_.erase(found);
}

void endpoint_core::reset_token(const ngtcp2_cid& cid, std::uint8_t* token) {
  // Fails only where the library lacks HKDF with SHA-256; a random token is then at least no lie.
  if (ngtcp2_crypto_generate_stateless_reset_token(token, reset_secret_.data(), reset_secret_.size(), &cid) != 0)
    random(token, NGTCP2_STATELESS_RESET_TOKENLEN);
}

// -- the table of connections
// -----------------------------------------------------------------------------------------------

endpoint_core::entry* endpoint_core::find(connection_id id) {
  const auto found = connections_.find(id);
  return found == connections_.end() ? nullptr : &found->second;
}

void endpoint_core::add(connection_id id, std::unique_ptr<connection> quic) {
  entry fresh;
  if (quic->incoming()) {
    fresh.admitted = quic->remote();
    admission_.began(*fresh.admitted, quic->address_proven());
  }
  fresh.quic = std::move(quic);
  touch(id, connections_.try_emplace(id, std::move(fresh)).first->second);
}

void endpoint_core::touch(connection_id id, entry& of) {
  if (of.queued) return;
  of.queued = true;
  ready_.push_back(id);
}

void endpoint_core::set_timer(connection_id id, entry& of, time_point when) {
  if (when == of.timer) return;
  if (of.timer != time_point::max()) timers_.erase({of.timer, id});
  of.timer = when;
  if (when != time_point::max()) timers_.emplace(when, id);
}

// After anything that may have changed a connection's state; `of` may be gone then.
void endpoint_core::settle(connection_id id, entry& of, time_point now) {
  if (!of.counted && of.quic->opened()) {
    of.counted = true;
    ++totals_.handshakes_completed;
    end_admission(of);
  }
  if (of.quic->ending())
    remove(id, now);
  else
    touch(id, of);
}

void endpoint_core::remove(connection_id id, time_point now) {
  const auto found = connections_.find(id);
  auto& quic = *found->second.quic;
  auto ending = std::move(*quic.ending());
  quic.trace_unopened(ending);
  end_admission(found->second);
  auto cids = quic.cids();
  for (const auto& token : quic.reset_tokens()) forget_reset(token, id);
  // Of what never was a connection nothing is kept: the packet may have been a client's that was damaged on its way,
  // and the client repeats it under the same id.
  if (ending.silent) {
    for (const auto& cid : cids) release(cid, id);
    set_timer(id, found->second, time_point::max());
    connections_.erase(found);
    return drop(refusal_reason::malformed_datagram);
  }
  if (!ending.opened) ++totals_.handshakes_refused;
  if (ending.refused || (!ending.opened && quic.incoming())) totals_.refusals.add(ending.counted);
  events_.push(
      connection_ended{id, ending.opened, quic.incoming(), quic.remote(), std::move(ending.reason), ending.peer_code});
  for (const auto& datagram : ending.datagrams) answer(quic.local(), quic.remote(), datagram);
  // An address that never finished a handshake may be forged: it gets no more than three times what it sent.
  const auto allowed = 3 * quic.bytes_received();
  const auto budget = ending.opened || !quic.incoming() ? std::uint64_t{1} << 32
                      : allowed > quic.bytes_sent()     ? allowed - quic.bytes_sent()
                                                        : 0;
  const auto until = now + std::chrono::duration_cast<time_point::duration>(ending.linger);
  closed_.add(id, {std::move(cids), std::move(ending.datagrams), quic.remote(), until, budget, 0});
  set_timer(id, found->second, time_point::max());
  connections_.erase(found);
  expire_closed(now);
}

void endpoint_core::end_admission(entry& of) {
  if (of.admitted) admission_.over(*of.admitted, of.quic->address_proven());
  of.admitted.reset();
}

void endpoint_core::expire_closed(time_point now) {
  for (const auto& [id, cid] : closed_.expire(now)) release(cid, id);
}

void endpoint_core::answer(const address& local, const address& remote, std::optional<byte_buffer> datagram) {
  if (!datagram || outgoing_.size() >= outgoing_max) {
    totals_.refusals.add(refusal_reason::answer_rate);
    return;
  }
  outgoing_.push_back({local, remote, 0, datagram->size(), packet_buffer(*datagram)});
}

void endpoint_core::drop(refusal_reason why) {
  ++totals_.datagrams_dropped;
  totals_.refusals.add(why);
}

// -- input
// --------------------------------------------------------------------------------------------------------------------

void endpoint_core::handle_datagram(const address& local, const address& remote, std::uint8_t ecn, bytes_view datagram,
                                    time_point now) {
  ++totals_.datagrams_received;
  totals_.bytes_received += datagram.size();
  ngtcp2_version_cid header;
  const int code = datagram.empty() || remote.family() == AF_UNSPEC || remote.port() == 0
                       ? NGTCP2_ERR_INVALID_ARGUMENT
                       : ngtcp2_pkt_decode_version_cid(&header, datagram.data(), datagram.size(), cid_bytes);
  if (code == NGTCP2_ERR_VERSION_NEGOTIATION) {
    if (!config_.accept) return drop(refusal_reason::not_accepting);
    drop(refusal_reason::unknown_version);
    return answer(local, remote, answers_.version_negotiation(header, now));
  }
  // A packet of version 0 is a Version Negotiation and may carry ids of any length; longer than ours, it is not for us.
  if (code != 0 || header.dcidlen > NGTCP2_MAX_CIDLEN) return drop(refusal_reason::malformed_datagram);
  ngtcp2_cid cid;
  ngtcp2_cid_init(&cid, header.dcid, header.dcidlen);
  const auto found = by_cid_.find(cid_key(cid));
  if (found != by_cid_.end()) return handle_known(found->second, local, remote, ecn, datagram, now);
  if ((datagram[0] & 0x80) == 0) return handle_unknown_short(header, local, remote, ecn, datagram, now);
  handle_unknown_long(header, local, remote, ecn, datagram, now);
}

void endpoint_core::handle_known(connection_id id, const address& local, const address& remote, std::uint8_t ecn,
                                 bytes_view datagram, time_point now) {
  if (auto* of = find(id)) {
    of->quic->read(local, remote, ecn, datagram, now);
    return settle(id, *of, now);
  }
  drop(refusal_reason::unknown_connection);
  if (const auto* closed = closed_.answer(id, remote, datagram.size()))
    for (const auto& each : closed->datagrams) answer(local, remote, each);
}

void endpoint_core::handle_unknown_short(const ngtcp2_version_cid& header, const address& local, const address& remote,
                                         std::uint8_t ecn, bytes_view datagram, time_point now) {
  reset_token_bytes token;
  if (datagram.size() >= NGTCP2_MIN_STATELESS_RESET_RANDLEN + token.size()) {
    std::copy(datagram.end() - static_cast<std::ptrdiff_t>(token.size()), datagram.end(), token.begin());
    const auto found = by_reset_token_.find(token);
    if (found != by_reset_token_.end()) return handle_known(found->second, local, remote, ecn, datagram, now);
  }
  drop(refusal_reason::unknown_connection);
  ngtcp2_cid cid;
  ngtcp2_cid_init(&cid, header.dcid, header.dcidlen);
  answer(local, remote, answers_.reset(cid, datagram.size(), now));
}

void endpoint_core::handle_unknown_long(const ngtcp2_version_cid& header, const address& local, const address& remote,
                                        std::uint8_t ecn, bytes_view datagram, time_point now) {
  ngtcp2_pkt_hd first;
  if (!config_.accept) return drop(refusal_reason::not_accepting);
  if (ngtcp2_accept(&first, datagram.data(), datagram.size()) != 0 || first.dcid.datalen < initial_dcid_bytes_min)
    return drop(refusal_reason::malformed_datagram);
  if (first.version != NGTCP2_PROTO_VER_V1) {
    drop(refusal_reason::unknown_version);
    return answer(local, remote, answers_.version_negotiation(header, now));
  }
  accept(first, local, remote, ecn, datagram, now);
}

void endpoint_core::accept(const ngtcp2_pkt_hd& first, const address& local, const address& remote, std::uint8_t ecn,
                           bytes_view datagram, time_point now) {
  const auto refuse = [&](refusal_reason why, std::uint64_t code) {
    drop(why);
    ++totals_.handshakes_refused;
    answer(local, remote, answers_.refusal(first, code, now));
  };
  const auto proof = answers_.tokens().read(first, remote, now);
  if (proof.what == address_proof::kind::invalid) return refuse(refusal_reason::invalid_token, NGTCP2_INVALID_TOKEN);
  const auto verdict = admission_.judge(remote, proof.good(), connections_.size(), now);
  switch (verdict.what) {
    case admission::answer::prove:
      drop(verdict.why);
      return answer(local, remote, answers_.retry(first, remote, now));
    case admission::answer::refuse:
      return refuse(verdict.why, NGTCP2_CONNECTION_REFUSED);
    case admission::answer::ignore:
      return drop(verdict.why);
    case admission::answer::begin:
      break;
  }
  const auto id = next_id_++;
  auto made = connection::accept(*this, id, first, proof, local, remote, now);
  if (!made) return drop(refusal_reason::crypto_unavailable);
  add(id, std::move(*made));
  auto& of = *find(id);
  of.quic->read(local, remote, ecn, datagram, now);
  settle(id, of, now);
}

void endpoint_core::handle_deadline(time_point now) {
  expire_closed(now);
  while (!timers_.empty() && timers_.begin()->first <= now) {
    const auto id = timers_.begin()->second;
    auto* of = find(id);
    // The next one is set when all that this one brings has been sent.
    set_timer(id, *of, time_point::max());
    of->quic->expire(now);
    settle(id, *of, now);
  }
}

result<connection_id> endpoint_core::connect(const address& remote, std::string expected_name, time_point now,
                                             shared_bytes early) {
  if (remote.family() == AF_UNSPEC || remote.port() == 0)
    return fail(errc::bad_address, fmt::format("cannot connect to {}: no address or port 0", remote.to_string()));
  if (connections_.size() >= limits::connections)
    return fail(errc::overloaded, fmt::format("there are {} connections already", connections_.size()));
  if (early.size() > limits::early_bytes)
    return fail(errc::too_large, fmt::format("{} early bytes are more than {}", early.size(), limits::early_bytes));
  const auto id = next_id_++;
  auto made = connection::dial(*this, id, remote, std::move(expected_name), std::move(early), now);
  if (!made) return fail(made.error());
  add(id, std::move(*made));
  return id;
}

result<void> endpoint_core::send(connection_id id, lane on, shared_bytes bytes) {
  auto* of = find(id);
  if (of == nullptr || !of->quic->opened() || of->quic->closing())
    return fail(errc::not_connected, fmt::format("connection {} is not open", id));
  of->quic->send(on, std::move(bytes));
  touch(id, *of);
  return {};
}

void endpoint_core::consumed(connection_id id, lane on, std::uint64_t bytes) {
  auto* of = find(id);
  if (of == nullptr) return;
  of->quic->consumed(on, bytes);
  touch(id, *of);
}

result<void> endpoint_core::update_keys(connection_id id, time_point now) {
  auto* of = find(id);
  if (of == nullptr || !of->quic->opened() || of->quic->closing())
    return fail(errc::not_connected, fmt::format("connection {} is not open", id));
  if (!of->quic->update_keys(now))
    return fail(errc::blocked, "too soon after the handshake or the last change of keys");
  touch(id, *of);
  return {};
}

void endpoint_core::close(connection_id id, errc code, std::string_view text, time_point now) {
  auto* of = find(id);
  if (of == nullptr) return;
  of->quic->close(code, text, now);
  settle(id, *of, now);
}

// -- output
// -------------------------------------------------------------------------------------------------------------------

bool endpoint_core::poll_transmit(transmit& out, time_point now) {
  const auto sent = [this, &out] {
    totals_.datagrams_sent += (out.bytes.size() + out.segment_bytes - 1) / out.segment_bytes;
    totals_.bytes_sent += out.bytes.size();
    return true;
  };
  if (!outgoing_.empty()) {
    out = std::move(outgoing_.front());
    outgoing_.pop_front();
    return sent();
  }
  while (!ready_.empty()) {
    const auto id = ready_.front();
    ready_.pop_front();
    auto* of = find(id);
    if (of == nullptr) continue;
    of->queued = false;
    const bool wrote = of->quic->write(out, now);
    if (!wrote && !of->quic->ending()) set_timer(id, *of, of->quic->deadline());
    // To the back of the queue: connections take turns, burst by burst.
    if (wrote || of->quic->ending()) settle(id, *of, now);
    if (wrote) return sent();
    if (!outgoing_.empty()) return poll_transmit(out, now);
  }
  return false;
}

time_point endpoint_core::deadline() const {
  auto when = closed_.deadline();
  if (!timers_.empty()) when = std::min(when, timers_.begin()->first);
  // Whoever waits in ready_ (the socket was full) has a timer that may be older than what it wrote last.
  for (const auto id : ready_)
    if (const auto found = connections_.find(id); found != connections_.end())
      when = std::min(when, found->second.quic->deadline());
  return when;
}

std::optional<connection_statistics> endpoint_core::statistics(connection_id id) const {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return std::nullopt;
  return found->second.quic->statistics();
}

}  // namespace quicsync
