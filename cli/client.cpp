#include "client.hpp"

#include <algorithm>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <quicsync/transport/address.hpp>

namespace quicsync::cli {
namespace {

using namespace std::chrono_literals;

result<std::vector<peer_target>> parse_peers(const std::vector<std::string>& texts) {
  std::vector<peer_target> peers;
  for (const auto& text : texts) {
    auto target = parse_peer(text);
    if (!target) return fail(std::move(target.error()));
    peers.push_back(std::move(*target));
  }
  return peers;
}

/// The address to listen on so that every peer can be dialled from it.
result<std::string> wildcard_for(const std::vector<peer_target>& peers) {
  std::string any = "0.0.0.0";
  for (const auto& peer : peers) {
    auto found = resolve({peer.host, peer.port});
    if (!found) return fail(std::move(found.error()));
    if (found->family() == AF_INET6) any = "::";
  }
  return any;
}

CLI::Option* add_peer_option(CLI::App& app, client_options& to, const std::string& help) {
  return app.add_option("--peer", to.peers, help)->type_name("[ID@]HOST:PORT")->required()->allow_extra_args(false);
}

}  // namespace

void add_client_options(CLI::App& app, client_options& to) {
  add_peer_option(app, to, "A node to connect to; with ID@ it must be the one of that name; may be repeated");
  add_tls_options(app, to.tls);
}

void add_single_client_options(CLI::App& app, client_options& to) {
  add_peer_option(app, to, "The node to ask; with ID@ it must be the one of that name")->expected(1);
  add_tls_options(app, to.tls);
}

std::string peer_target::host_port() const {
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port) : fmt::format("[{}]:{}", host, port);
}

result<peer_target> parse_peer(const std::string& text) {
  const auto at = text.find('@');
  auto where = parse_host_port(at == std::string::npos ? text : text.substr(at + 1));
  if (!where) return fail(errc::usage, fmt::format("--peer: {}", to_string(where.error())));
  if (where->port == 0) return fail(errc::usage, fmt::format("--peer: nobody can be dialled at port 0 ('{}')", text));
  if (at == 0) return fail(errc::usage, fmt::format("--peer: '{}' has an empty name before the '@'", text));
  return peer_target{at == std::string::npos ? "" : text.substr(0, at), std::move(where->host), where->port};
}

result<std::unique_ptr<server>> start_client(const client_options& options, node_config tuned) {
  auto peers = parse_peers(options.peers);
  if (!peers) return fail(std::move(peers.error()));
  auto config = std::move(tuned);
  if (auto done = apply(options.tls, config); !done) return fail(std::move(done.error()));
  warn_of_missing_checks(config);
  auto host = wildcard_for(*peers);
  if (!host) return fail(std::move(host.error()));
  config.host = std::move(*host);
  config.port = 0;
  config.role = node_role::client;
  config.retry.max_attempts = 1;  // somebody waits in front of the terminal
  auto node = server::make(std::move(config));
  if (!node) return node;
  if (auto started = (*node)->start(); !started) return fail(std::move(started.error()));
  return node;
}

result<std::vector<std::string>> connect_all(server& node, const client_options& options, const peer_wish& wish,
                                             wait_point& waits) {
  auto peers = parse_peers(options.peers);
  if (!peers) return fail(std::move(peers.error()));
  std::vector<std::pair<std::string, std::future<result<std::string>>>> dialled;
  for (const auto& peer : *peers)
    dialled.emplace_back(peer.host_port(), node.connect_to_peer(peer.host_port(), peer.id, wish));
  std::vector<std::string> names;
  for (auto& [host_port, connected] : dialled) {
    while (connected.wait_for(50ms) != std::future_status::ready)
      if (waits.interrupted()) return fail(errc::cancelled, "interrupted before the connection was up");
    auto name = connected.get();
    if (!name)
      return fail(name.error().code, fmt::format("cannot connect to {}: {}", host_port, to_string(name.error())));
    if (std::find(names.begin(), names.end(), *name) == names.end()) names.push_back(std::move(*name));
  }
  return names;
}

}  // namespace quicsync::cli
