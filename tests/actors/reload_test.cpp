// What a reload changes, and what it refuses.
#include <catch2/catch_test_macros.hpp>

#include <quicsync/actors/coordinator/reload.hpp>

using namespace quicsync;

namespace {

peer_config peer(std::string id, std::uint16_t port = 4433) {
  peer_config p;
  p.id = std::move(id);
  p.address = "192.0.2.8";
  p.port = port;
  return p;
}

}  // namespace

TEST_CASE("reload: the same configuration changes nothing", "[reload]") {
  node_config config;
  config.peers = {peer("b"), peer("c")};
  auto plan = plan_reload(config, config);
  REQUIRE(plan);
  CHECK(plan->added.empty());
  CHECK(plan->removed.empty());
}

TEST_CASE("reload: only peers that differ are touched", "[reload]") {
  node_config now, next;
  now.peers = {peer("b"), peer("c"), peer("d")};
  next.peers = {peer("e"), peer("c", 4434), peer("b")};
  next.peers[2].priority = 9;
  next.peers[2].tags = {"near"};
  auto plan = plan_reload(now, next);
  REQUIRE(plan);
  CHECK(plan->added == std::vector<peer_config>{peer("e"), peer("c", 4434)});
  CHECK(plan->removed == std::vector<peer_config>{peer("c"), peer("d")});
}

TEST_CASE("reload: from a list of allowed peers to an empty one is refused", "[reload]") {
  node_config now, next;
  now.allowed_peers = {"b"};
  auto plan = plan_reload(now, next);
  REQUIRE_FALSE(plan);
  CHECK(plan.error().code == errc::bad_config);
  CHECK(plan.error().context.find("allowedPeers") != std::string::npos);
  CHECK(plan_reload(next, now));
}

TEST_CASE("reload: what only a new start can change is refused by name", "[reload]") {
  node_config now, next;
  next.port = 4434;
  auto plan = plan_reload(now, next);
  REQUIRE_FALSE(plan);
  CHECK(plan.error().context.find("quic.port") != std::string::npos);
}
