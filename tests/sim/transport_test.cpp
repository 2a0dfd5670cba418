// Transport actors of several nodes on a simulated network: two actor systems, virtual time, loss.
#include <catch2/catch_test_macros.hpp>
#include <tests/sim/seeds.hpp>
#include <tests/transport/identities.hpp>
#include <tests/transport/transport_user.hpp>

#include <quicsync/transport/transport_actor.hpp>

namespace {

using namespace quicsync;
using namespace quicsync::sim;
using namespace quicsync::transport_messages;
using namespace std::chrono_literals;
using tests::told_by_transport;
using tests::transport_log;

// A node with nothing but a transport and one user of it.
struct transport_node {
  transport_node(simulated_world& world, const std::string& name, tests::transport_user_options options = {})
      : node(world.add(name)), log(std::make_shared<transport_log>()) {
    log->on_line = [&world, name](const std::string& line) { world.note(name + " " + line); };
    user = node.system().spawn<tests::transport_user>(node.home(), log, options);
    transport =
        spawn_transport(node.system(), node.home(), tests::must(endpoint::make(node.quic(tests::identity_of(name)))),
                        tests::must(node.open_socket()), user);
  }

  void dial(const std::string& host_port, std::uint64_t attempt = 1, const std::string& expected = {}) {
    caf_compat::anon_send(transport, transport_messages::dial{user, attempt, host_port, expected});
  }
  void send(connection_id id, lane on, shared_bytes bytes) {
    caf_compat::anon_send(transport, send_bytes{id, on, std::move(bytes)});
  }
  void stop() { caf::anon_send_exit(transport, caf::exit_reason::user_shutdown); }

  simulated_node& node;
  std::shared_ptr<transport_log> log;
  caf::actor user, transport;
};

shared_bytes some_bytes(std::size_t count, std::uint64_t seed) {
  byte_buffer bytes(count);
  tests::seeded_random(seed).fill(bytes.data(), bytes.size());
  return shared_bytes(std::move(bytes));
}

bool same(const byte_buffer& got, const shared_bytes& sent) {
  return std::equal(got.begin(), got.end(), sent.view().begin(), sent.view().end());
}

// A client dials a server and both send on two lanes; returns the hash of everything that happened.
std::uint64_t exchange(simulated_world& world, double loss) {
  world.network().conditions.loss = loss;
  world.network().conditions.jitter = 3ms;
  transport_node server(world, "server"), client(world, "client");
  client.dial(server.node.at().to_string(), 7, "server");
  REQUIRE(world.run_until([&] {
    return client.log->ask([](const auto& told) { return !told.opened.empty(); }) &&
           server.log->ask([](const auto& told) { return !told.accepted.empty(); });
  }));
  const auto opened_here = client.log->told().opened.front();
  CHECK(opened_here.attempt == 7);
  CHECK(opened_here.peer.name == "server");
  CHECK(opened_here.remote == server.node.at());
  const auto accepted_there = server.log->told().accepted.front();
  CHECK(accepted_there.peer.name == "client");

  const auto up = some_bytes(300'000, world.seed()), down = some_bytes(100'000, world.seed() + 1);
  const auto control = some_bytes(500, world.seed() + 2);
  client.send(opened_here.id, lane::normal, up);
  client.send(opened_here.id, lane::control, control);
  server.send(accepted_there.id, lane::high, down);
  const auto have = [](const told_by_transport& told, connection_id id, lane on) {
    const auto at = told.received.find({id, on});
    return at == told.received.end() ? 0 : at->second.size();
  };
  REQUIRE(world.run_until([&] {
    return server.log->ask([&](const auto& told) {
      return have(told, accepted_there.id, lane::normal) == up.size() &&
             have(told, accepted_there.id, lane::control) == control.size();
    }) && client.log->ask([&](const auto& told) { return have(told, opened_here.id, lane::high) == down.size(); });
  }));
  world.advance(2s);
  const auto at_server = server.log->told(), at_client = client.log->told();
  CHECK(same(at_server.received.at({accepted_there.id, lane::normal}), up));
  CHECK(same(at_server.received.at({accepted_there.id, lane::control}), control));
  CHECK(same(at_client.received.at({opened_here.id, lane::high}), down));
  CHECK(at_client.acknowledged.at({opened_here.id, lane::normal}) == up.size());
  CHECK(at_server.acknowledged.at({accepted_there.id, lane::high}) == down.size());
  CHECK(at_client.ended.empty());
  return world.trace_hash();
}

}  // namespace

TEST_CASE("transport: two nodes exchange what they send at 20 % loss", "[sim]") {
  for_each_seed(10, [](simulated_world& world) { exchange(world, 0.2); });
}

TEST_CASE("transport: the same seed gives the same trace, another seed another one", "[sim]") {
  const auto trace_of = [](std::uint64_t seed) {
    simulated_world world(seed);
    const auto hash = exchange(world, 0.2);
    return std::pair(hash, world.trace());
  };
  const auto once = trace_of(42), again = trace_of(42), other = trace_of(43);
  CHECK(once.second == again.second);
  CHECK(once.first == again.first);
  CHECK(once.first != other.first);
}
