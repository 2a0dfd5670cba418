// What a node is configured with; the defaults are here.
#pragma once
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <quicsync/actors/peer/backoff.hpp>
#include <quicsync/codec/frame.hpp>

namespace quicsync {

struct peer_config {
  std::string id;       ///< expected name; empty: any under the trusted CA
  std::string address;  ///< host name or numeric address
  std::uint16_t port = 4433;
};

struct node_config {
  std::string id;  ///< the node's name; empty: what its certificate says
  node_role role = node_role::node;

  std::string host = "0.0.0.0";
  std::uint16_t port = 4433;  ///< 0: any free one
  std::vector<peer_config> peers;
  std::size_t batch_size = 100;  ///< patterns
  bool compression = true;
  retry_policy retry;

  std::filesystem::path cert, key, ca;  ///< PEM files
  /// False: a throw-away identity, and the other side is not checked (`--insecure`).
  bool reject_unauthorized = true;
  bool enable_auth = true;                 ///< false: clients need no certificate
  std::vector<std::string> allowed_peers;  ///< empty: any that authenticates
};

}  // namespace quicsync
