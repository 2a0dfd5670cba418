#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <quicsync/actors/state_json.hpp>

namespace quicsync {
namespace {

using json = nlohmann::ordered_json;

std::string one_line(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

double in_ms(std::chrono::nanoseconds time) { return static_cast<double>(time.count() / 1000) / 1000.0; }

json lanes_of(const connection_state& s) {
  auto lanes = json::array();
  for (lane l : all_lanes) {
    const auto& flow = s.lanes[index_of(l)];
    if (l == lane::control) continue;
    lanes.push_back({{"lane", to_string(l)},
                     {"patternsSent", flow.patterns_sent},
                     {"patternsReceived", flow.patterns_received},
                     {"bytesSent", flow.record_bytes_sent},
                     {"bytesReceived", flow.record_bytes_received}});
  }
  return lanes;
}

json value_of(const connection_state& s) {
  return {{"id", s.id},
          {"peerId", s.peer_id},
          {"address", s.address},
          {"port", s.port},
          {"connected", s.connected},
          {"healthy", s.healthy},
          {"incoming", s.incoming},
          {"lastSync", s.last_sync_ms},
          {"syncCount", s.sync_count},
          {"errorCount", s.error_count},
          {"latency", s.latency_ms},
          {"patternsSent", s.patterns_sent},
          {"patternsReceived", s.patterns_received},
          {"recordBytesSent", s.record_bytes_sent},
          {"laneBytesSent", s.lane_bytes_sent},
          {"actor", s.actor},
          {"rttMs", in_ms(s.quic.smoothed_rtt)},
          {"congestionWindow", s.quic.congestion_window_bytes},
          {"packetsLost", s.quic.packets_lost},
          {"udpBytesSent", s.quic.bytes_sent},
          {"udpBytesReceived", s.quic.bytes_received},
          {"lag",
           {{"records", s.records_left + s.unacknowledged_records},
            {"bytes", s.unacknowledged_bytes},
            {"ageMs", in_ms(s.unacknowledged_for)}}},
          {"slow", s.slow()},
          {"rateDelaysOut", s.rate_delays_out},
          {"rateDelaysIn", s.rate_delays_in},
          {"patternsFiltered", s.patterns_filtered},
          {"deltasSent", s.deltas_sent},
          {"deltasMissed", s.deltas_missed},
          {"refusedHere", s.refused_here},
          {"refusedThere", s.refused_there},
          {"lanes", lanes_of(s)}};
}

}  // namespace

std::string streams_json(const node_state& state, const std::string& peer) {
  auto streams = json::array();
  for (const auto& s : state.peers) {
    if (s.connection == 0 || (!peer.empty() && s.peer_id != peer)) continue;
    for (lane l : all_lanes) {
      const auto& one = s.quic.lanes[index_of(l)];
      auto add = [&](const char* direction, std::uint64_t bytes, std::uint64_t unacknowledged, std::uint64_t window) {
        streams.push_back({{"peerId", s.peer_id},
                           {"connection", s.id},
                           {"lane", to_string(l)},
                           {"direction", direction},
                           {"bytes", bytes},
                           {"unackedBytes", unacknowledged},
                           {"windowBytes", window}});
      };
      add("out", one.bytes_sent, one.unacknowledged_bytes, 0);
      add("in", one.bytes_received, one.unconsumed_bytes, one.window_bytes);
    }
  }
  return one_line({{"streams", std::move(streams)}});
}

std::string to_json(const connection_state& state) { return one_line(value_of(state)); }

std::string to_json(const node_state& state) {
  json store{{"condition", state.store.condition}};
  if (state.store.condition != "none") {
    store["file"] = state.store.file;
    store["incarnation"] = fmt::format("{:016x}", state.store.incarnation);
    store["position"] = state.store.position;
    store["bytes"] = state.store.bytes;
    store["patterns"] = state.store.live;
    store["commits"] = state.store.commits;
    store["quarantined"] = state.store.quarantined;
    store["unstoredBytes"] = state.store.unstored_bytes;
  }
  if (state.store.failure.code != errc::none) store["error"] = to_string(state.store.failure);
  auto peers = json::array();
  for (const auto& peer : state.peers) peers.push_back(value_of(peer));
  const auto& s = state.stats;
  return one_line({{"running", state.running},
                   {"port", state.port},
                   {"connections", state.connections},
                   {"patterns", state.patterns},
                   {"store", std::move(store)},
                   {"peers", std::move(peers)},
                   {"stats",
                    {{"totalSyncs", s.total_syncs},
                     {"totalPatterns", s.total_patterns},
                     {"successfulSyncs", s.successful_syncs},
                     {"failedSyncs", s.failed_syncs},
                     {"averageLatency", s.average_latency_ms},
                     {"bytesTransferred", s.bytes_transferred},
                     {"compressionRatio", s.compression_ratio},
                     {"bytesSent", s.bytes_sent},
                     {"recordBytesSent", s.record_bytes_sent},
                     {"laneBytesSent", s.lane_bytes_sent}}}});
}

}  // namespace quicsync
