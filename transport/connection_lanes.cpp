// The lanes of a connection: streams in both directions, flow control, and the packets that carry them.
#include <algorithm>

#include <fmt/format.h>

#include <quicsync/transport/connection.hpp>
#include <quicsync/transport/connection_traces.hpp>

namespace quicsync {

namespace {

// Probe timeouts without an acknowledgement, with the peer heard, after which the path counts as narrower.
constexpr ngtcp2_duration path_patience_ptos = 3;
constexpr std::array<std::uint8_t, lane_count> lane_bytes_on_wire{0, 1, 2, 3};

shared_bytes lane_byte(lane on) { return {nullptr, bytes_view(&lane_bytes_on_wire[index_of(on)], 1)}; }

}  // namespace

int connection::break_lanes(errc code, std::string text) {
  return break_with(refusal_reason::lanes_misused, code, std::move(text));
}

int connection::break_with(refusal_reason why, errc code, std::string text) {
  if (!broken_) {
    broken_ = error{code, std::move(text)};
    broken_for_ = why;
  }
  return NGTCP2_ERR_CALLBACK_FAILURE;
}

std::optional<lane> connection::lane_of_stream(std::int64_t stream) const {
  for (const auto each : all_lanes)
    if (incoming_lanes_[index_of(each)].stream == stream) return each;
  return std::nullopt;
}

int connection::on_stream_data(std::int64_t stream, bool fin, bool early, bytes_view data) {
  // Nothing of an application is taken from whom we have not accepted.
  if (!opened_ && !(early && incoming_ && tls_->resumed()))
    return break_lanes(errc::quic_failed, "the peer sent data before the handshake was complete");
  auto on = lane_of_stream(stream);
  if (!on && !data.empty()) {
    const auto number = data.front();
    if (number >= lane_count)
      return break_lanes(errc::quic_failed, fmt::format("the peer opened lane {}, which does not exist", number));
    on = static_cast<lane>(number);
    auto& into = incoming_lanes_[number];
    if (into.stream >= 0)
      return break_lanes(errc::quic_failed, fmt::format("the peer opened the {} lane twice", to_string(*on)));
    into.stream = stream;
    trace_stream("in", *on, stream);
    data = data.subspan(1);
  }
  // A lane lives as long as its connection.
  if (fin) return break_lanes(errc::quic_failed, "the peer ended a lane");
  if (!on || data.empty()) return 0;
  auto& into = incoming_lanes_[index_of(*on)];
  if (!opened_)
    if (const int code = on_early_data(*on, data.size()); code != 0) return code;
  into.bytes += data.size();
  into.unconsumed_bytes += data.size();
  lane_bytes_received_ += data.size();
  host_.events().add_bytes(id_, *on, data, !opened_, into.bytes_event);
  return 0;
}

int connection::on_acknowledged(std::int64_t stream, std::uint64_t end) {
  progress_at_ = waits_from_ = last_stamp_;
  window_was_full_ = false;
  for (const auto each : all_lanes) {
    auto& from = outgoing_[index_of(each)];
    if (from.stream != stream) continue;
    auto released = from.outbox.acknowledge_to(end);
    acknowledged_bytes_ += released;
    // The lane byte is ours, not the caller's.
    if (released > 0 && released == end) --released;
    if (released > 0) host_.events().add_acknowledged(id_, each, released, from.acknowledged_event);
  }
  return 0;
}

void connection::send(lane on, shared_bytes bytes) {
  if (bytes.empty()) return;
  auto& into = outgoing_[index_of(on)];
  if (!into.used) {
    into.used = true;
    into.outbox.push(lane_byte(on));
  }
  lane_bytes_sent_ += bytes.size();
  into.bytes += bytes.size();
  into.outbox.push(std::move(bytes));
}

void connection::consumed(lane on, std::uint64_t bytes) {
  auto& from = incoming_lanes_[index_of(on)];
  const auto count = std::min(bytes, from.unconsumed_bytes);
  if (count == 0 || ending_) return;
  from.unconsumed_bytes -= count;
  // Only running out of memory fails here, and then the next call to ngtcp2 ends the connection.
  ngtcp2_conn_extend_max_stream_offset(quic_, from.stream, count);
  ngtcp2_conn_extend_max_offset(quic_, count);
  from.round_bytes += count;
  grow_window(from);
}

// Twice as wide, up to the limit, where half of it was filled and taken within two round trips: the peer would have
// sent more. Lane and connection grow together, so that what is left for control stays as it is.
void connection::grow_window(incoming_lane& of) {
  const auto limit = host_.config().lane_window_bytes;
  if (of.window_bytes >= limit || of.round_bytes < of.window_bytes / 2) return;
  ngtcp2_conn_info info;
  ngtcp2_conn_get_conn_info(quic_, &info);
  const bool quick = last_stamp_ - of.round_began < 2 * info.smoothed_rtt;
  of.round_bytes = 0;
  of.round_began = last_stamp_;
  if (!quick) return;
  const auto more = std::min(of.window_bytes, limit - of.window_bytes);
  of.window_bytes += more;
  ngtcp2_conn_extend_max_stream_offset(quic_, of.stream, more);
  ngtcp2_conn_extend_max_offset(quic_, more);
  if (!traced()) return;
  for (const auto each : all_lanes)
    if (&incoming_lanes_[index_of(each)] == &of) trace_lane("quic:window", each, trace_field("bytes", of.window_bytes));
}

bool connection::all_acknowledged() const {
  return std::all_of(outgoing_.begin(), outgoing_.end(),
                     [](const outgoing_lane& each) { return each.outbox.unacknowledged_bytes() == 0; });
}

// A path that has become narrower swallows full packets and lets small ones pass (RFC 8899 section 3, "black hole"),
// and ngtcp2 does not look for it: nothing of the lanes is acknowledged any more, although the peer is heard. From then
// on packets are as small as every path must take.
void connection::watch_path(ngtcp2_tstamp now) {
  const bool under_way = std::any_of(outgoing_.begin(), outgoing_.end(), [](const outgoing_lane& each) {
    return each.outbox.unacknowledged_bytes() > each.outbox.unsent_bytes();
  });
  if (!under_way) progress_at_ = now;
  if (all_acknowledged()) waits_from_ = now;
  if (heard_at_ > progress_at_ + path_patience_ptos * ngtcp2_conn_get_pto(quic_)) narrow_ = true;
}

// Before a packet is begun: ngtcp2 allows nothing else while one is half written.
int connection::open_lanes() {
  if (!may_send()) return 0;
  for (auto& each : outgoing_) {
    if (each.stream >= 0 || each.outbox.unsent_bytes() == 0) continue;
    const int code = ngtcp2_conn_open_uni_stream(quic_, &each.stream, nullptr);
    // The server may have allowed none last time; it will say anew.
    if (code == NGTCP2_ERR_STREAM_ID_BLOCKED && !opened_) return 0;
    if (code == NGTCP2_ERR_STREAM_ID_BLOCKED)
      return break_lanes(errc::quic_failed, "the peer allows fewer streams than there are lanes");
    if (code != 0) return code;
    trace_stream("out", static_cast<lane>(&each - outgoing_.data()), each.stream);
  }
  return 0;
}

// Zero: none now, or it has ended.
std::size_t connection::write_packet(std::span<std::uint8_t> into, packet_route& route, ngtcp2_tstamp now) {
  const auto made = write_lanes(into, route, now);
  if (made < 0) {
    end(static_cast<int>(made),
        time_point(std::chrono::duration_cast<time_point::duration>(std::chrono::nanoseconds(now))));
    return 0;
  }
  bytes_sent_ += static_cast<std::uint64_t>(made);
  return static_cast<std::size_t>(made);
}

// One packet: as many lanes as fit, in the schedule's order. Returns its size, 0 where nothing may be sent, or an
// error.
ngtcp2_ssize connection::write_lanes(std::span<std::uint8_t> into, packet_route& route, ngtcp2_tstamp now) {
  std::array<bool, lane_count> waiting{}, served{};
  for (std::size_t i = 0; i < lane_count; ++i) waiting[i] = may_send() && outgoing_[i].outbox.unsent_bytes() > 0;
  // A packet of early data is made in one go: ngtcp2 builds it together with the handshake's.
  const std::uint32_t more = opened_ ? NGTCP2_WRITE_STREAM_FLAG_MORE : NGTCP2_WRITE_STREAM_FLAG_NONE;
  for (const auto each : schedule_.order()) {
    auto& from = outgoing_[index_of(each)];
    if (!waiting[index_of(each)] || from.stream < 0) continue;
    while (from.outbox.unsent_bytes() > 0) {
      std::array<bytes_view, lane_outbox::views_per_packet> views;
      std::array<ngtcp2_vec, lane_outbox::views_per_packet> vectors;
      const auto count = from.outbox.gather(views, into.size());
      std::size_t gathered = 0;
      for (std::size_t i = 0; i < count; ++i) {
        vectors[i] = {const_cast<std::uint8_t*>(views[i].data()), views[i].size()};
        gathered += views[i].size();
      }
      // Where this lane fills the packet there is nothing to ask for more.
      const auto flags = gathered >= into.size() ? std::uint32_t{NGTCP2_WRITE_STREAM_FLAG_NONE} : more;
      ngtcp2_ssize taken = -1;
      const auto made = ngtcp2_conn_writev_stream(quic_, &route.path.path, &route.info, into.data(), into.size(),
                                                  &taken, flags, from.stream, vectors.data(), count, now);
      if (taken > 0) {
        from.outbox.mark_sent(static_cast<std::size_t>(taken));
        served[index_of(each)] = true;
      }
      if (made == NGTCP2_ERR_WRITE_MORE) continue;
      if (made == NGTCP2_ERR_STREAM_DATA_BLOCKED) {
        trace_blocked(each);
        // Waiting for the other side's credit is not being passed over.
        waiting[index_of(each)] = false;
        break;
      }
      if (made == NGTCP2_ERR_STREAM_SHUT_WR || made == NGTCP2_ERR_STREAM_NOT_FOUND)
        return break_lanes(errc::quic_failed, fmt::format("the peer refuses the {} lane", to_string(each)));
      if (made > 0) schedule_.packet_made(waiting, served);
      return made;
    }
  }
  ngtcp2_ssize taken = -1;
  const auto made = ngtcp2_conn_writev_stream(quic_, &route.path.path, &route.info, into.data(), into.size(), &taken,
                                              NGTCP2_WRITE_STREAM_FLAG_NONE, -1, nullptr, 0, now);
  if (made > 0) schedule_.packet_made(waiting, served);
  return made;
}

}  // namespace quicsync
