#include <algorithm>

#include <fmt/format.h>

#include <quicsync/actors/coordinator/reload.hpp>
#include <quicsync/actors/peer_connection.hpp>
#include <quicsync/actors/server.hpp>

namespace quicsync {
namespace {

std::string name_at_the_node(const std::string& name) {
  const bool shared_name = name.starts_with("sync:") || name == pattern_received;
  return shared_name ? name : "peer:" + name;
}

}  // namespace

peer_connection::peer_connection(server& node, peer_config peer, bool compress)
    : node_(node), peer_(std::move(peer)), compress_(compress) {}

peer_connection::~peer_connection() = default;

std::future<result<std::string>> peer_connection::connect() {
  peer_wish wish;
  wish.filter = peer_.filter.value_or("");
  wish.compress = compress_;
  return node_.connect_to_peer(host_port_of(peer_), peer_.id, std::move(wish));
}

result<void> peer_connection::disconnect() { return node_.remove_peer(peer_.id); }

std::future<sync_report> peer_connection::send_patterns(const std::vector<pattern>& values) {
  delivery_wish wish;
  wish.only_to = {peer_.id};
  return node_.sync_patterns(values, std::move(wish));
}

bool peer_connection::is_healthy() const {
  auto now = state();
  return now && now->healthy;
}

result<connection_state> peer_connection::state() const {
  auto whole = node_.state();
  if (!whole) return fail(std::move(whole.error()));
  const connection_state* best = nullptr;
  for (const auto& candidate : whole->peers)
    if (candidate.peer_id == peer_.id && (best == nullptr || candidate.connected)) best = &candidate;
  if (best == nullptr) return fail(errc::unknown_peer, fmt::format("there is no peer '{}'", peer_.id));
  return *best;
}

void peer_connection::on(std::string name, std::function<void(const event&)> handler) {
  auto at_the_node = name_at_the_node(name);
  node_.on(std::move(at_the_node),
           [id = peer_.id, name = std::move(name), handler = std::move(handler)](const event& what) {
             if (what.peer_id != id && what.source_id != id) return;
             event ours = what;
             ours.name = name;
             handler(ours);
           });
}

}  // namespace quicsync
