#include <nlohmann/json.hpp>

#include <quicsync/actors/inspect/config_json.hpp>

namespace quicsync {
namespace {

using json = nlohmann::ordered_json;

/// A secret's file: that there is one.
std::string masked(const std::filesystem::path& file) { return file.empty() ? "" : "***"; }

json value_of(const flow_limit& limit) {
  auto out = json::object();
  if (limit.patterns_per_second != 0) out["patternsPerSecond"] = limit.patterns_per_second;
  if (limit.bytes_per_second != 0) out["bytesPerSecond"] = limit.bytes_per_second;
  return out;
}
json value_of(const peer_limits& limits) { return {{"in", value_of(limits.in)}, {"out", value_of(limits.out)}}; }

json value_of(const peer_config& peer) {
  json out{{"id", peer.id}, {"address", peer.address}, {"port", peer.port}, {"tags", peer.tags}};
  if (peer.priority) out["priority"] = *peer.priority;
  if (peer.filter) out["filter"] = *peer.filter;
  if (peer.limits) out["limits"] = value_of(*peer.limits);
  return out;
}

json value_of(const access_rules& rules) {
  auto out = json::object();
  if (rules.write) {
    out["write"] = json::array();
    for (const auto& rule : *rules.write) out["write"].push_back({{"peer", rule.peer}, {"agents", rule.agents}});
  }
  if (rules.read) {
    out["read"] = json::array();
    for (const auto& rule : *rules.read) out["read"].push_back({{"peer", rule.peer}, {"filter", rule.filter}});
  }
  if (rules.relay) out["relay"] = *rules.relay;
  return out;
}

}  // namespace

std::string to_json(const node_config& config) {
  auto peers = json::array();
  for (const auto& peer : config.peers) peers.push_back(value_of(peer));
  auto pinned = json::object();
  for (const auto& key : config.pinned) pinned[key.name] = key.fingerprint;
  json patterns{{"cacheBytes", config.cache_bytes},
                {"cacheReserve", config.cache_reserve},
                {"tombstoneHorizon", config.tombstone_horizon.count()},
                {"syncPriority",
                 {{"high", config.sync_priority.high},
                  {"medium", config.sync_priority.medium},
                  {"low", config.sync_priority.low}}}};
  if (config.cache_entries) patterns["cacheSize"] = *config.cache_entries;
  if (config.cache_ttl) patterns["cacheTTL"] = config.cache_ttl->count();
  const json out{{"id", config.id},
                 {"admin", config.admin},
                 {"store",
                  {{"file", config.store},
                   {"key", masked(config.store_key)},
                   {"maxBytes", config.store_bytes_max},
                   {"required", config.store_required}}},
                 {"quic",
                  {{"enabled", config.enabled},
                   {"host", config.host},
                   {"port", config.port},
                   {"peers", std::move(peers)},
                   {"filter", config.filter},
                   {"syncInterval", config.sync_interval.count()},
                   {"batchSize", config.batch_size},
                   {"compression", config.compression},
                   {"deltas", config.deltas},
                   {"busyPoll", config.busy_poll.count()},
                   {"tls",
                    {{"cert", config.cert.string()},
                     {"key", masked(config.key)},
                     {"ca", config.ca.string()},
                     {"rejectUnauthorized", config.reject_unauthorized}}},
                   {"retry",
                    {{"maxAttempts", config.retry.max_attempts},
                     {"baseDelay", config.retry.base_delay.count()},
                     {"maxDelay", config.retry.max_delay.count()},
                     {"backoffMultiplier", config.retry.multiplier}}}}},
                 {"patterns", std::move(patterns)},
                 {"store",
                  {{"file", config.store},
                   {"key", masked(config.store_key)},
                   {"maxBytes", config.store_bytes_max},
                   {"required", config.store_required}}},
                 {"security",
                  {{"enableAuth", config.enable_auth},
                   {"allowedPeers", config.allowed_peers},
                   {"rules", value_of(config.rules)},
                   {"pinned", std::move(pinned)},
                   {"denied", config.denied}}},
                 {"limits", value_of(config.limits)},
                 {"monitoring",
                  {{"enableMetrics", config.enable_metrics},
                   {"metricsInterval", config.metrics_interval.count()},
                   {"healthCheckInterval", config.health_check_interval.count()}}}};
  return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace quicsync
