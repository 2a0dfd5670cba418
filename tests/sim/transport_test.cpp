// Transport actors of several nodes on a simulated network: two actor systems, virtual time, loss.
#include <catch2/catch_test_macros.hpp>
#include <tests/sim/seeds.hpp>
#include <tests/sim/transport_node.hpp>

namespace {

using namespace quicsync;
using namespace quicsync::sim;
using namespace std::chrono_literals;
using tests::told_by_transport;

// Dials, again where a lossy network lets the handshake fail, as a peer does; returns the connection's ids at both.
std::pair<connection_id, connection_id> connect(simulated_world& world, transport_node& client, transport_node& server,
                                                std::uint64_t attempt = 1, const std::string& expected_name = {}) {
  const auto opened = client.told().opened.size(), accepted = server.told().accepted.size();
  const auto both_know = [&] {
    return client.log->ask([&](const auto& told) { return told.opened.size() > opened; }) &&
           server.log->ask([&](const auto& told) { return told.accepted.size() > accepted; });
  };
  bool up = false;
  for (int dials = 0; dials < 5 && !up; ++dials) {
    const auto ended = client.told().ended.size();
    client.dial(server.node.at().to_string(), attempt, expected_name);
    up = world.run_until([&] {
      return both_know() || client.log->ask([&](const auto& told) { return told.ended.size() > ended; });
    }) && both_know();
  }
  REQUIRE(up);
  return {client.told().opened.back().id, server.told().accepted.back().id};
}

// A client dials a server and both send on two lanes; returns the hash of everything that happened.
std::uint64_t exchange(simulated_world& world, double loss) {
  world.network().conditions.loss = loss;
  world.network().conditions.jitter = 3ms;
  transport_node server(world, "server"), client(world, "client");
  connect(world, client, server, 7, "server");
  const auto dials_failed = client.told().ended.size();
  const auto opened_here = client.log->told().opened.back();
  CHECK(opened_here.attempt == 7);
  CHECK(opened_here.peer.name == "server");
  CHECK(opened_here.remote == server.node.at());
  const auto accepted_there = server.log->told().accepted.back();
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
  CHECK(at_client.ended.size() == dials_failed);
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

TEST_CASE("transport: a dial to a port that nobody listens on fails at once and says where", "[sim]") {
  for_each_seed(3, [](simulated_world& world) {
    transport_node client(world, "client");
    client.dial("10.0.0.99:4433", 3);
    REQUIRE(world.run_until([&] { return !client.told().ended.empty(); }, 100ms));
    const auto ended = client.told().ended.front();
    CHECK(ended.id == 0);
    CHECK(ended.attempt == 3);
    CHECK(ended.reason.code == errc::unreachable);
    CHECK(ended.reason.context.find("10.0.0.99:4433") != std::string::npos);
  });
}

TEST_CASE("transport: a dial to a node that does not answer times out", "[sim]") {
  for_each_seed(3, [](simulated_world& world) {
    transport_node server(world, "server"), client(world, "client");
    world.cut("server", "client");
    client.dial(server.node.at().to_string(), 4);
    CHECK_FALSE(world.run_until([&] { return !client.told().ended.empty(); }, limits::handshake_timeout - 100ms));
    REQUIRE(world.run_until([&] { return !client.told().ended.empty(); }, 1s));
    const auto ended = client.told().ended.front();
    CHECK(ended.id == 0);
    CHECK(ended.attempt == 4);
    CHECK(ended.reason.code == errc::timed_out);
  });
}

TEST_CASE("transport: an address that cannot be read is an answer, not a failure", "[sim]") {
  for_each_seed(1, [](simulated_world& world) {
    transport_node client(world, "client");
    client.dial("no port", 5);
    REQUIRE(world.run_until([&] { return !client.told().ended.empty(); }, 1ms));
    CHECK(client.told().ended.front().attempt == 5);
    CHECK(client.told().ended.front().reason.code == errc::bad_address);
  });
}

namespace {

std::size_t received(const transport_node& at, connection_id id, lane on) {
  return at.log->ask([&](const told_by_transport& told) {
    const auto found = told.received.find({id, on});
    return found == told.received.end() ? 0 : found->second.size();
  });
}

}  // namespace

TEST_CASE("transport: what arrives before a connection is adopted is kept and comes first", "[sim]") {
  for_each_seed(5, [](simulated_world& world) {
    transport_node server(world, "server", {.adopt = false}), client(world, "client");
    const auto [here, there] = connect(world, client, server);
    const auto early = some_bytes(50'000, 1), late = some_bytes(50'000, 2);
    client.send(here, lane::normal, early);
    world.advance(1s);
    CHECK(received(server, there, lane::normal) == 0);
    client.send(here, lane::normal, late);
    server.adopt(there);
    REQUIRE(world.run_until([&, there = there] { return received(server, there, lane::normal) == 100'000; }));
    const auto got = server.told().received.at({there, lane::normal});
    CHECK(same(byte_buffer(got.begin(), got.begin() + 50'000), early));
    CHECK(same(byte_buffer(got.begin() + 50'000, got.end()), late));
  });
}

TEST_CASE("transport: a connection that ended before it was adopted still says what it had to say", "[sim]") {
  for_each_seed(5, [](simulated_world& world) {
    transport_node server(world, "server", {.adopt = false}), client(world, "client");
    const auto [here, there] = connect(world, client, server);
    client.send(here, lane::normal, some_bytes(1000, 1));
    client.close(here, errc::connection_closed, "said it all");
    REQUIRE(world.run_until([&] { return !client.told().ended.empty(); }));
    world.advance(1s);
    CHECK(server.told().ended.empty());
    server.adopt(there);
    REQUIRE(world.run_until([&] { return !server.told().ended.empty(); }, 10ms));
    CHECK(received(server, there, lane::normal) == 1000);
    CHECK(server.told().ended.front().reason.code == errc::connection_closed);
    CHECK(server.told().ended.front().reason.context.find("said it all") != std::string::npos);
    // And only once.
    server.adopt(there);
    REQUIRE(world.run_until([&] { return server.told().ended.size() == 2; }, 10ms));
    CHECK(server.told().ended.back().reason.code == errc::connection_lost);
    CHECK(received(server, there, lane::normal) == 1000);
  });
}

TEST_CASE("transport: a connection that the coordinator refuses ends with its reason", "[sim]") {
  for_each_seed(3, [](simulated_world& world) {
    transport_node server(world, "server", {.adopt = false}), client(world, "client");
    const auto [here, there] = connect(world, client, server);
    server.close(there, errc::not_allowed, "not on the list");
    REQUIRE(world.run_until([&] { return !client.told().ended.empty(); }));
    const auto ended = client.told().ended.front();
    CHECK(ended.id == here);
    CHECK(ended.reason.context.find("not on the list") != std::string::npos);
    CHECK(server.told().ended.empty());
  });
}

TEST_CASE("transport: a user that dies takes its connections along, and nobody else's", "[sim]") {
  for_each_seed(3, [](simulated_world& world) {
    transport_node server(world, "server"), client(world, "client");
    const auto [here, there] = connect(world, client, server);
    auto other_log = std::make_shared<tests::transport_log>();
    auto other = client.node.system().spawn<tests::transport_user>(client.node.home(), other_log,
                                                                   tests::transport_user_options{});
    caf_compat::anon_send(client.transport,
                          transport_messages::dial{other, 9, server.node.at().to_string(), std::string()});
    REQUIRE(world.run_until([&] { return server.told().accepted.size() == 2 && !other_log->told().opened.empty(); }));
    caf::anon_send_exit(other, caf::exit_reason::kill);
    REQUIRE(world.run_until([&] { return !server.told().ended.empty(); }, 1s));
    CHECK(server.told().ended.front().id != there);
    CHECK(server.told().ended.front().reason.code == errc::connection_closed);
    // The first one still works.
    client.send(here, lane::high, some_bytes(10, 1));
    REQUIRE(world.run_until([&, there = there] { return received(server, there, lane::high) == 10; }, 1s));
  });
}

TEST_CASE("transport: one that is asked to stop sends what is queued and says goodbye", "[sim]") {
  for_each_seed(5, [](simulated_world& world) {
    transport_node server(world, "server"), client(world, "client");
    const auto [here, there] = connect(world, client, server);
    client.send(here, lane::normal, some_bytes(10'000, 1));
    client.stop();
    REQUIRE(world.run_until([&] { return !server.told().ended.empty(); }, 2s));
    CHECK(received(server, there, lane::normal) == 10'000);
    CHECK(server.told().ended.front().reason.code == errc::connection_closed);
    CHECK(server.told().ended.front().reason.context.find("the node stops") != std::string::npos);
    world.advance(2s);
    // It has given its port back: another one can have it.
    CHECK(client.node.open_socket().has_value());
  });
}

TEST_CASE("transport: one that is asked to stop while nobody hears it gives up after a second", "[sim]") {
  for_each_seed(3, [](simulated_world& world) {
    transport_node server(world, "server"), client(world, "client");
    const auto [here, there] = connect(world, client, server);
    world.cut("server", "client");
    client.send(here, lane::normal, some_bytes(100'000, 1));
    client.stop();
    world.advance(1100ms);
    CHECK(client.node.open_socket().has_value());
  });
}

TEST_CASE("transport: a node that crashes is noticed by silence, and its successor can be dialled", "[sim]") {
  for_each_seed(5, [](simulated_world& world) {
    world.network().conditions.loss = 0.1;
    transport_node client(world, "client");
    {
      transport_node server(world, "server");
      connect(world, client, server);
    }
    const auto at = world.node("server").at();
    const auto dials_failed = client.told().ended.size();
    world.crash("server");
    REQUIRE(world.run_until([&] { return client.told().ended.size() > dials_failed; }, limits::idle_timeout + 2s));
    const auto code = client.told().ended.back().reason.code;
    CHECK((code == errc::timed_out || code == errc::connection_lost));
    transport_node successor(world, "server");
    CHECK(successor.node.at() == at);
    connect(world, client, successor);
  });
}

TEST_CASE("transport: a stranger's certificate is refused, and both sides say why", "[sim]") {
  for_each_seed(3, [](simulated_world& world) {
    transport_node server(world, "server"), stranger(world, "stranger", {}, "other");
    stranger.dial(server.node.at().to_string(), 1);
    REQUIRE(world.run_until([&] { return !stranger.told().ended.empty() && !server.told().rejected.empty(); }, 2s));
    CHECK(server.told().accepted.empty());
    CHECK(server.told().rejected.front().remote == stranger.node.at());
    CHECK(server.told().rejected.front().reason.code != errc::none);
  });
}

TEST_CASE("transport: a burst comes as one message a lane", "[sim]") {
  for_each_seed(3, [](simulated_world& world) {
    transport_node server(world, "server"), client(world, "client");
    const auto [here, there] = connect(world, client, server);
    for (int i = 0; i < 100; ++i) client.send(here, lane::normal, some_bytes(50, static_cast<std::uint64_t>(i)));
    REQUIRE(world.run_until([&, there = there] { return received(server, there, lane::normal) == 5000; }));
    CHECK(server.told().messages_of_bytes <= 10);
    REQUIRE(world.run_until([&, here = here] { return client.told().acknowledged[{here, lane::normal}] == 5000; }));
  });
}

TEST_CASE("transport: a window that is not opened again holds the sender back", "[sim]") {
  for_each_seed(2, [](simulated_world& world) {
    transport_node server(world, "server", {.consume = false}), client(world, "client");
    const auto [here, there] = connect(world, client, server);
    client.send(here, lane::low, some_bytes(limits::lane_window_first_bytes + 100'000, 1));
    world.advance(30s);
    const auto held = received(server, there, lane::low);
    CHECK(held == limits::lane_window_first_bytes);
    caf_compat::anon_send(server.transport, transport_messages::consumed{there, lane::low, held});
    REQUIRE(world.run_until([&, there = there] {
      return received(server, there, lane::low) == limits::lane_window_first_bytes + 100'000;
    }));
  });
}
