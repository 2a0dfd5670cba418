// A client and a server endpoint on a simulated network, as most tests of the endpoint want them.
#pragma once
#include <tests/transport/endpoint_world.hpp>
#include <tests/transport/identities.hpp>

namespace quicsync::tests {

struct pair_options {
  std::uint64_t seed = 1;
  std::chrono::milliseconds handshake_timeout = limits::handshake_timeout;
  std::chrono::milliseconds idle_timeout = limits::idle_timeout;
  std::chrono::milliseconds keep_alive = limits::keep_alive;
  std::uint64_t lane_window_first_bytes = limits::lane_window_first_bytes;
  std::uint64_t lane_window_bytes = limits::lane_window_bytes;
  std::uint64_t control_window_bytes = limits::control_window_bytes;
};

inline endpoint_config config_of(std::shared_ptr<const credentials> identity, const pair_options& options,
                                 std::uint64_t salt) {
  endpoint_config config;
  config.identity = std::move(identity);
  config.handshake_timeout = options.handshake_timeout;
  config.idle_timeout = options.idle_timeout;
  config.keep_alive = options.keep_alive;
  config.lane_window_first_bytes = options.lane_window_first_bytes;
  config.lane_window_bytes = options.lane_window_bytes;
  config.control_window_bytes = options.control_window_bytes;
  config.random = [random = std::make_shared<seeded_random>(options.seed * 1000 + salt)](
                      std::uint8_t* out, std::size_t count) { random->fill(out, count); };
  return config;
}

class endpoint_pair {
 public:
  explicit endpoint_pair(pair_options options = {})
      : endpoint_pair(config_of(identity_of("client"), options, 1), config_of(identity_of("server"), options, 2),
                      options.seed) {}
  /// The client lives on the first host of `network`, the server on the second: "10.0.0." or "[fd00::".
  endpoint_pair(endpoint_config client_config, endpoint_config server_config, std::uint64_t seed = 1,
                const std::string& network = "10.0.0.")
      : world(seed),
        client(world.add(at(network, 1), must(endpoint::make(std::move(client_config))))),
        server(world.add(at(network, 2), must(endpoint::make(std::move(server_config))))) {}

  static address at(const std::string& network, int host) {
    return address::parse(network + std::to_string(host) + (network.starts_with("[") ? "]:4433" : ":4433")).value();
  }

  static std::unique_ptr<endpoint> make(const std::string& name, const pair_options& options) {
    return must(endpoint::make(config_of(identity_of(name), options, 3)));
  }

  /// Dials; true once both sides report the connection.
  bool connect(const std::string& expected_name = "server") {
    dial(expected_name);
    return world.run_until([this] { return !client.opened.empty() && !server.opened.empty(); });
  }
  void dial(const std::string& expected_name = "server") {
    must(client->connect(server.at(), expected_name, world.network.now()));
  }

  /// Dials; true once both sides report the end of it.
  bool fail_to_connect(const std::string& expected_name = "server") {
    dial(expected_name);
    return world.run_until([this] { return !client.ended.empty() && !server.ended.empty(); }, std::chrono::seconds(2));
  }

  connection_id client_id() const { return client.opened.front().id; }
  connection_id server_id() const { return server.opened.front().id; }
  void send_from_client(lane on, byte_buffer bytes) {
    must(client->send(client_id(), on, shared_bytes(std::move(bytes))));
  }
  void send_from_server(lane on, byte_buffer bytes) {
    must(server->send(server_id(), on, shared_bytes(std::move(bytes))));
  }
  const byte_buffer& at_client(lane on) { return client.received[{client_id(), on}]; }
  const byte_buffer& at_server(lane on) { return server.received[{server_id(), on}]; }
  std::uint64_t acknowledged(lane on) { return client.acknowledged[{client_id(), on}]; }

  endpoint_world world;
  simulated_endpoint& client;
  simulated_endpoint& server;
};

}  // namespace quicsync::tests
