// What a connection tells its trace (docs/TRACE.md). Each begins with a look at a flag.
#include <quicsync/transport/connection.hpp>
#include <quicsync/transport/connection_traces.hpp>

namespace quicsync {

bool connection::traced() const noexcept {
  const auto* traces = host_.config().traces;
  return traces != nullptr && traces->on();
}

void connection::trace(std::string_view what, const std::string& fields) const {
  auto& traces = *host_.config().traces;
  if (opened_)
    traces.write(id_, now(), what, fields);
  else
    traces.write_early(id_, now(), what, fields);
}

void connection::trace_start(const std::string& name) {
  if (!traced()) return;
  told_.generation = host_.config().traces->generation();
  const auto where = trace_field("address", remote_.to_string());
  if (incoming_)
    trace("quic:arrived", where + trace_field("proven", std::uint64_t{proof_.good()}));
  else
    trace("quic:dialled", where + trace_field("name", name));
}

// Of a stranger who may not be at its address nothing is written (the same goes for what never was a connection): a
// datagram with a made-up sender costs no disk.
void connection::trace_unopened(const connection_ending& ending) const {
  if (!traced() || !incoming_ || opened_) return;
  auto& traces = *host_.config().traces;
  if (ending.silent || !(address_heard_ || proof_.good())) return traces.discard(id_);
  trace("quic:ended", trace_field("reason", to_string(ending.reason)));
  traces.close(id_);
}

void connection::trace_keys(const char* way, ngtcp2_encryption_level level) const {
  if (!traced()) return;
  const char* of = level == NGTCP2_ENCRYPTION_LEVEL_HANDSHAKE ? "handshake"
                   : level == NGTCP2_ENCRYPTION_LEVEL_1RTT    ? "1rtt"
                   : level == NGTCP2_ENCRYPTION_LEVEL_0RTT    ? "0rtt"
                                                              : "initial";
  trace("quic:keys", trace_field("of", of) + trace_field("way", way));
}

void connection::trace_stream(const char* way, lane on, std::int64_t stream) const {
  if (!traced()) return;
  trace("quic:stream", trace_field("lane", to_string(on)) + trace_field("way", way) +
                           trace_field("stream", static_cast<std::uint64_t>(stream)));
}

void connection::trace_lane(std::string_view what, lane on, const std::string& fields) const {
  if (traced()) trace(what, trace_field("lane", to_string(on)) + fields);
}

/// Bytes wait, and the other side gives no credit. Once for each place where they stand.
void connection::trace_blocked(lane on) {
  if (!traced()) return;
  keep_up_with_trace();
  const auto& from = outgoing_[index_of(on)];
  const auto waiting = from.outbox.unsent_bytes();
  if (std::exchange(told_.blocked_at[index_of(on)], from.bytes - waiting) == from.bytes - waiting) return;
  trace_lane("quic:blocked", on, trace_field("waiting", waiting));
}

std::uint64_t connection::lost_packets() const {
  std::uint64_t lost = 0;
  for (const auto& each : outgoing_)
    if (each.stream >= 0) lost += ngtcp2_conn_get_stream_loss_count(quic_, each.stream);
  return lost;
}

// Where tracing began anew, what was lost before is nobody's news, and all else is.
void connection::keep_up_with_trace() {
  const auto generation = host_.config().traces->generation();
  if (told_.generation == generation) return;
  told_ = {};
  told_.generation = generation;
  told_.lost = lost_packets();
}

// A window grows with each acknowledgement: it is told by quarters, but that it shrinks at once.
void connection::trace_path() {
  if (!traced() || ending_) return;
  keep_up_with_trace();
  ngtcp2_conn_info info;
  ngtcp2_conn_get_conn_info(quic_, &info);
  const auto lost = lost_packets();
  if (lost > told_.lost)
    trace("quic:lost", trace_field("packets", lost - told_.lost) + trace_field("inFlight", info.bytes_in_flight));
  told_.lost = lost;
  if (info.cwnd >= told_.window && info.cwnd < told_.window + told_.window / 4) return;
  told_.window = info.cwnd;
  trace("quic:congestion", trace_field("window", info.cwnd) + trace_field("inFlight", info.bytes_in_flight) +
                               trace_field("slowStart", std::uint64_t{info.cwnd < info.ssthresh}) +
                               trace_field("rttUs", info.latest_rtt / 1000) +
                               trace_field("minRttUs", info.latest_rtt == 0 ? 0 : info.min_rtt / 1000));
}

}  // namespace quicsync
