// Whole transports whose paths change: a client whose port and address change in mid-transfer, a server that comes back
// without its memory.
#include <catch2/catch_test_macros.hpp>
#include <tests/sim/seeds.hpp>
#include <tests/sim/transport_node.hpp>

namespace {

using namespace quicsync;
using namespace quicsync::sim;
using namespace std::chrono_literals;
using tests::told_by_transport;

std::pair<connection_id, connection_id> connect(simulated_world& world, transport_node& client,
                                                transport_node& server) {
  client.dial(server.node.at().to_string());
  REQUIRE(world.run_until([&] {
    return client.log->ask([](const auto& told) { return !told.opened.empty(); }) &&
           server.log->ask([](const auto& told) { return !told.accepted.empty(); });
  }));
  return {client.told().opened.back().id, server.told().accepted.back().id};
}

std::size_t received(const transport_node& at, connection_id id, lane on) {
  return at.log->ask([&](const told_by_transport& told) {
    const auto found = told.received.find({id, on});
    return found == told.received.end() ? 0 : found->second.size();
  });
}

}  // namespace

TEST_CASE("path: a client that changes its port and its address in mid-transfer loses nothing", "[sim]") {
  for_each_seed(3, [](simulated_world& world) {
    transport_node server(world, "server"), client(world, "client");
    const auto [here, there] = connect(world, client, server);
    world.network().conditions.bytes_per_second = 2'000'000;
    const auto up = some_bytes(2'000'000, world.seed()), down = some_bytes(2'000'000, world.seed() + 1);
    client.send(here, lane::normal, up);
    server.send(there, lane::normal, down);
    const auto got = [&, here = here, there = there](std::size_t bytes) {
      return received(server, there, lane::normal) >= bytes && received(client, here, lane::normal) >= bytes;
    };
    REQUIRE(world.run_until([&] { return got(400'000); }));
    world.rebind("client", address::parse("10.0.0.2:50001").value());
    REQUIRE(world.run_until([&] { return got(1'000'000); }));
    world.rebind("client", address::parse("10.9.9.9:50002").value());
    REQUIRE(world.run_until([&] { return got(2'000'000); }));
    CHECK(same(server.told().received.at({there, lane::normal}), up));
    CHECK(same(client.told().received.at({here, lane::normal}), down));
    CHECK(client.told().ended.empty());
    CHECK(server.told().ended.empty());
    CHECK(world.network().counters().nobody_there > 0);
  });
}

TEST_CASE("path: a server that was restarted is known by its stateless reset within one round trip", "[sim]") {
  for_each_seed(3, [](simulated_world& world) {
    transport_node client(world, "client");
    connection_id here = 0;
    {
      transport_node server(world, "server");
      here = connect(world, client, server).first;
      world.advance(1s);
    }
    world.crash("server");
    transport_node successor(world, "server");
    // The first packet of the client's that the successor gets, whatever it is.
    client.send(here, lane::control, some_bytes(100, 1));
    const auto sent = world.now();
    REQUIRE(world.run_until([&] { return !client.told().ended.empty(); }, 1s));
    CHECK(world.now() - sent == 2 * world.network().conditions.delay);
    CHECK(client.told().ended.front().id == here);
    CHECK(client.told().ended.front().reason.code == errc::connection_lost);
    // And it is there for a new connection.
    client.dial(successor.node.at().to_string());
    REQUIRE(world.run_until([&] { return client.told().opened.size() == 2; }, 1s));
  });
}
