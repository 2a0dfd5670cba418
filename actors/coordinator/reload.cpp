#include <algorithm>

#include <fmt/format.h>

#include <quicsync/actors/coordinator/reload.hpp>

namespace quicsync {
namespace {

result<void> check_kept(bool same, const char* key) {
  if (same) return {};
  return fail(errc::bad_config, fmt::format("{} cannot change while the node runs; start it again for that", key));
}

/// Priority and tags do not touch a connection.
bool is_same_connection(const peer_config& a, const peer_config& b) {
  return a.id == b.id && a.address == b.address && a.port == b.port && a.filter == b.filter && a.limits == b.limits;
}

std::vector<peer_config> missing_in(const std::vector<peer_config>& from, const std::vector<peer_config>& in) {
  std::vector<peer_config> missing;
  std::copy_if(from.begin(), from.end(), std::back_inserter(missing), [&](const peer_config& peer) {
    return std::none_of(in.begin(), in.end(), [&](const auto& other) { return is_same_connection(peer, other); });
  });
  return missing;
}

}  // namespace

std::string host_port_of(const peer_config& peer) {
  return peer.address.find(':') == std::string::npos ? fmt::format("{}:{}", peer.address, peer.port)
                                                     : fmt::format("[{}]:{}", peer.address, peer.port);
}

result<reload_plan> plan_reload(const node_config& now, const node_config& next) {
  const std::pair<bool, const char*> kept[] = {
      {next.id.empty() || next.id == now.id, "id"},
      {next.host == now.host, "quic.host"},
      {next.port == now.port, "quic.port"},
      {next.store == now.store, "store.file"},
      {next.store_key == now.store_key, "store.key"},
      {next.store_required == now.store_required, "store.required"},
      {next.busy_poll == now.busy_poll, "quic.busyPoll"},
      {next.reject_unauthorized == now.reject_unauthorized, "quic.tls.rejectUnauthorized"},
      {next.enable_auth == now.enable_auth, "security.enableAuth"},
      {next.cache_entries == now.cache_entries, "patterns.cacheSize"},
      {next.cache_bytes == now.cache_bytes, "patterns.cacheBytes"},
      {next.cache_reserve == now.cache_reserve, "patterns.cacheReserve"},
      {next.cache_ttl == now.cache_ttl, "patterns.cacheTTL"},
  };
  for (const auto& [same, key] : kept)
    if (auto checked = check_kept(same, key); !checked) return fail(std::move(checked.error()));
  if (!now.allowed_peers.empty() && next.allowed_peers.empty())
    return fail(errc::bad_config,
                "security.allowedPeers was a list and is empty now, which would let everyone in; name somebody, or "
                "start the node again");
  return reload_plan{missing_in(next.peers, now.peers), missing_in(now.peers, next.peers)};
}

}  // namespace quicsync
