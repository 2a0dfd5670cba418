// A simulated node with nothing but a transport and one user of it, for tests of the transport actor.
#pragma once
#include <algorithm>
#include <memory>
#include <string>

#include <tests/sim/simulated_world.hpp>
#include <tests/transport/identities.hpp>
#include <tests/transport/transport_user.hpp>

#include <quicsync/transport/transport_actor.hpp>

namespace quicsync::sim {

struct transport_node {
  transport_node(simulated_world& world, const std::string& name, tests::transport_user_options options = {},
                 const std::string& ca = "good")
      : node(world.add(name)), log(std::make_shared<tests::transport_log>()) {
    log->on_line = [&world, name](const std::string& line) { world.note(name + " " + line); };
    user = node.system().spawn<tests::transport_user>(node.home(), log, options);
    auto quic = tests::must(endpoint::make(node.quic(tests::identity_of(name, ca))));
    transport = spawn_transport(node.system(), node.home(), std::move(quic), tests::must(node.open_socket()), user);
  }

  void dial(const std::string& host_port, std::uint64_t attempt = 1, const std::string& expected = {}) {
    caf_compat::anon_send(transport, transport_messages::dial{user, attempt, host_port, expected});
  }
  void send(connection_id id, lane on, shared_bytes bytes) {
    caf_compat::anon_send(transport, transport_messages::send_bytes{id, on, std::move(bytes)});
  }
  void adopt(connection_id id) { caf_compat::anon_send(transport, transport_messages::adopt{id, user}); }
  void close(connection_id id, errc code, const std::string& text) {
    caf_compat::anon_send(transport, transport_messages::close_connection{id, {code, text}});
  }
  tests::told_by_transport told() const { return log->told(); }
  void stop() { caf::anon_send_exit(transport, caf::exit_reason::user_shutdown); }

  simulated_node& node;
  std::shared_ptr<tests::transport_log> log;
  caf::actor user, transport;
};

inline shared_bytes some_bytes(std::size_t count, std::uint64_t seed) {
  byte_buffer bytes(count);
  tests::seeded_random(seed).fill(bytes.data(), bytes.size());
  return shared_bytes(std::move(bytes));
}

inline bool same(const byte_buffer& got, const shared_bytes& sent) {
  return std::equal(got.begin(), got.end(), sent.view().begin(), sent.view().end());
}

}  // namespace quicsync::sim
