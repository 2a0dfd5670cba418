#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <quicsync/actors/state_json.hpp>

namespace quicsync {
namespace {

using json = nlohmann::ordered_json;

std::string one_line(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

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
          {"laneBytesSent", s.lane_bytes_sent}};
}

}  // namespace

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
