// An ephemeral command as a QUIC peer: a node of role client, with an own identity, that dials and is never dialled.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include <quicsync/actors/server.hpp>

#include "tls_options.hpp"
#include "wait_point.hpp"

namespace CLI {
class App;
}

namespace quicsync::cli {

struct client_options {
  std::vector<std::string> peers;  ///< [ID@]HOST:PORT
  tls_options tls;
};

void add_client_options(CLI::App& app, client_options& to);
/// For commands that speak to one node only.
void add_single_client_options(CLI::App& app, client_options& to);

/// "[ID@]HOST:PORT" taken apart. Errors: usage.
struct peer_target {
  std::string id;  ///< empty: any under the trusted CA
  std::string host;
  std::uint16_t port = 0;
  std::string host_port() const;
};
result<peer_target> parse_peer(const std::string& text);

/// A client that runs and is connected to nobody yet, so that it can subscribe first. `tuned` carries what the command
/// wants different from the defaults. Errors: usage, those of server::make() and server::start(), bad_address.
result<std::unique_ptr<server>> start_client(const client_options& options, node_config tuned = {});

/// Dials every peer and waits until all are connected; their names, each once.
/// Errors: as connect_to_peer(), with the address in the text; cancelled at a signal.
result<std::vector<std::string>> connect_all(server& node, const client_options& options, const peer_wish& wish,
                                             wait_point& waits);

}  // namespace quicsync::cli
