// Patterns for some peers only, between whole nodes on virtual time: they reach nobody else, by no way.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <fmt/format.h>
#include <tests/sim/seeds.hpp>
#include <tests/sim/sync_node.hpp>

namespace {

using namespace quicsync;
using namespace quicsync::sim;
using namespace std::chrono_literals;

pattern secret(std::uint64_t version = 1) {
  pattern p;
  p.id = "secret";
  p.agent_id = "one";
  p.type = "security_finding";
  p.data = fmt::format(R"({{"v":{}}})", version);
  p.metadata.source = "one";
  p.timestamp = 1760000000000;
  p.version = version;
  return p;
}

delivery_wish only_to(std::vector<std::string> names) {
  delivery_wish wish;
  wish.only_to = std::move(names);
  return wish;
}

}  // namespace

TEST_CASE("audience: a pattern shared to one of three peers reaches the other two by no way until it is shared to all",
          "[sim]") {
  for_each_seed(3, [](simulated_world& world) {
    sync_node a(world, "a"), b(world, "b"), c(world, "c"), d(world, "d");
    for (auto* from : {&b, &c, &d}) from->connect(a);
    b.connect(c);
    d.connect(b);
    c.connect(d);
    REQUIRE(world.run_until([&] {
      return a.count("peer:connected") == 3 && b.count("peer:connected") == 3 && c.count("peer:connected") == 3;
    }));
    a.share({secret()}, only_to({"b"}));
    REQUIRE(world.run_until([&] { return a.reports().size() == 1; }));
    CHECK(a.reports()[0].complete());
    REQUIRE(a.reports()[0].peers.size() == 1);
    CHECK(a.reports()[0].peers[0].peer == "b");

    // Neither by asking, nor when connections begin anew, nor for one who comes later.
    sync_node late(world, "late");
    late.connect(b);
    world.cut("b", "c");
    world.advance(10s);
    world.mend("b", "c");
    world.advance(20s);
    CHECK(b.state().size() == 1);
    for (auto* other : {&c, &d, &late}) {
      CHECK(other->state().empty());
      CHECK(other->ask(b, query_frame::kind::list).empty());
      CHECK(other->ask(b, query_frame::kind::get, "secret").empty());
    }
    CHECK(c.ask(a, query_frame::kind::get, "secret").empty());
    CHECK(a.ask(b, query_frame::kind::get, "secret").size() == 1);

    a.share({secret()});
    world.advance(5s);
    for (auto* other : {&b, &c, &d, &late}) CHECK(other->state() == a.state());
  });
}

TEST_CASE("audience: a newer version has its own, and who is not in it keeps what they have", "[sim]") {
  simulated_world world(1);
  sync_node a(world, "a"), b(world, "b"), c(world, "c");
  b.connect(a);
  c.connect(a);
  c.connect(b);
  REQUIRE(world.run_until([&] { return a.count("peer:connected") == 2 && b.count("peer:connected") == 2; }));
  a.share({secret(1)});
  world.advance(1s);
  a.share({secret(2)}, only_to({"c"}));
  world.advance(1s);
  CHECK(b.state() == std::map<std::string, std::string>{{"secret", R"(1={"v":1})"}});
  CHECK(c.state() == std::map<std::string, std::string>{{"secret", R"(2={"v":2})"}});
  // What b still has does not bring c back.
  b.share({secret(1)});
  world.advance(1s);
  CHECK(c.state() == std::map<std::string, std::string>{{"secret", R"(2={"v":2})"}});
}

TEST_CASE(
    "audience: who comes anew gets what one neighbour has replaced by what is not for them from the other, "
    "filters or not",
    "[sim]") {
  simulated_world world(1);
  node_config picky;
  const bool filtered = GENERATE(false, true);
  CAPTURE(filtered);
  if (filtered) picky.filter = "type=coverage_gap";
  sync_node a(world, "a", picky), b(world, "b");
  b.connect(a);
  REQUIRE(world.run_until([&] { return a.count("peer:connected") == 1; }));
  auto wanted = secret(1);
  wanted.type = "coverage_gap";
  b.share({wanted});
  world.advance(1s);
  b.share({secret(2)});  // that one a does not want, but it has to know
  world.advance(1s);
  b.share({secret(3)}, only_to({"nobody"}));
  sync_node late(world, "late");
  late.connect(b);
  REQUIRE(world.run_until([&] { return b.count("peer:connected") == 2; }));
  late.connect(a);
  world.advance(10s);
  CHECK(a.state() == std::map<std::string, std::string>{{"secret", R"(2={"v":2})"}});
  CHECK(late.state() == a.state());
}

TEST_CASE("audience: a share that names somebody who is not there says so, and is kept for it", "[sim]") {
  simulated_world world(1);
  sync_node a(world, "a"), c(world, "c");
  c.connect(a);
  REQUIRE(world.run_until([&] { return a.count("peer:connected") == 1; }));
  a.share({secret()}, only_to({"b"}));
  REQUIRE(world.run_until([&] { return a.reports().size() == 1; }));
  REQUIRE(a.reports()[0].peers.size() == 1);
  CHECK(a.reports()[0].peers[0].failure.code == errc::not_connected);
  sync_node b(world, "b");
  b.connect(a);
  world.advance(5s);
  CHECK(b.state().size() == 1);
  CHECK(c.state().empty());
}

TEST_CASE("audience: in a ring those named pass it on among themselves, and who stands beside them never gets it",
          "[sim]") {
  for_each_seed(3, [](simulated_world& world) {
    sync_node a(world, "a"), b(world, "b"), c(world, "c"), d(world, "d");
    b.connect(a);
    c.connect(b);
    d.connect(c);
    a.connect(d);
    REQUIRE(world.run_until([&] {
      return a.count("peer:connected") == 2 && b.count("peer:connected") == 2 && c.count("peer:connected") == 2 &&
             d.count("peer:connected") == 2;
    }));
    world.advance(1s);
    // c is no neighbour of a: without passing on there is no way to it.
    a.share({secret(1)}, only_to({"c"}));
    world.advance(2s);
    for (auto* other : {&b, &c, &d}) CHECK(other->state().empty());

    auto among_them = only_to({"b", "c"});
    among_them.pass_on = true;
    a.share({secret(2)}, among_them);
    world.advance(5s);
    CHECK(b.state() == a.state());
    CHECK(c.state() == a.state());
    CHECK(d.state().empty());
    for (auto* holder : {&a, &c}) {
      CHECK(d.ask(*holder, query_frame::kind::list).empty());
      CHECK(d.ask(*holder, query_frame::kind::get, "secret").empty());
    }
    // Whoever has it can share it to all.
    c.share({secret(2)});
    world.advance(5s);
    CHECK(d.state() == a.state());
  });
}
