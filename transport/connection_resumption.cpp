// What a connection has from an earlier one with the same peer: tickets, early data, and the check that trust has not
// changed since.
#include <fmt/format.h>

#include <quicsync/transport/connection.hpp>
#include <quicsync/transport/server_memory.hpp>

namespace quicsync {

// Used once, like the address token: a ticket that is shown twice tells that both connections are of one client
// (RFC 8446 appendix C.4).
std::optional<tls::kept_session> connection::prepare_early(const shared_bytes& early) {
  auto* known = host_.config().resumption ? host_.memory().find(remote_, expected_name_) : nullptr;
  if (known == nullptr) return std::nullopt;
  if (!early.empty()) early_parameters_ = std::move(known->transport_parameters);
  known->transport_parameters.clear();
  return std::exchange(known->session, std::nullopt);
}

int connection::on_handshake_completed() {
  if (!tls_->check_protocol()) return NGTCP2_ERR_CALLBACK_FAILURE;
  // Trust was reloaded while the handshake was under way.
  if (!tls_->began_with(host_.tls())) {
    if (auto refused = tls_->judge_by(host_.tls())) {
      tls_->refuse_with(std::move(*refused));
      return NGTCP2_ERR_CALLBACK_FAILURE;
    }
  }
  if (!incoming_)
    if (const int code = settle_early_data(); code != 0) return code;
  on_opened();
  return 0;
}

// Client: the handshake is complete, and the server has said whether it took what came early.
int connection::settle_early_data() {
  if (!early_offered_) return 0;
  early_offered_ = false;
  if (tls_->early_data_accepted()) {
    early_ = early_data::accepted;
    return 0;
  }
  early_ = early_data::rejected;
  // Streams that were opened early are forgotten on both sides.
  if (const int code = ngtcp2_conn_tls_early_data_rejected(quic_); code != 0) return code;
  for (auto& each : outgoing_) {
    each.stream = -1;
    each.outbox.rewind();
  }
  return 0;
}

// Server: bytes before the handshake is complete. Only of a client whose ticket was checked, and only on the control
// lane: what may be repeated must not change anything.
int connection::on_early_data(lane on, std::size_t bytes) {
  if (on != lane::control)
    return break_with(refusal_reason::lanes_misused, errc::quic_failed,
                      fmt::format("the peer sent early data on the {} lane", to_string(on)));
  if (early_bytes_ == 0) host_.events().push(connection_early{id_, tls_->peer(), remote_});
  early_bytes_ += bytes;
  early_ = early_data::accepted;
  if (early_bytes_ > limits::early_bytes)
    return break_with(refusal_reason::flood, errc::flood, "the peer sent too much early data");
  return 0;
}

void connection::keep_ticket() {
  auto fresh = tls_->take_ticket();
  if (!fresh || !opened_ || fresh->ticket.size() > limits::tickets_bytes) return;
  // Asserts that the server's parameters are here, which they are once the connection is open.
  std::array<std::uint8_t, 256> parameters;
  const auto bytes = ngtcp2_conn_encode_0rtt_transport_params(quic_, parameters.data(), parameters.size());
  auto& record = host_.memory().of(remote_, expected_name_);
  record.session = std::move(fresh);
  record.transport_parameters.assign(parameters.begin(), parameters.begin() + std::max<ngtcp2_ssize>(bytes, 0));
}

void connection::judge_again(time_point now) {
  if (ending_ || !opened_) return;
  auto refused = tls_->judge_by(host_.tls());
  if (!refused) return;
  broken_ = std::move(refused->reason);
  broken_for_ = refusal_reason::trust_withdrawn;
  end(NGTCP2_ERR_CALLBACK_FAILURE, now);
}

}  // namespace quicsync
