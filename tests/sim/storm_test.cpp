// Fifty nodes lose the hub that connects them, and reconnect when it is back: no storm, and all equal again.
#include <algorithm>
#include <iostream>
#include <map>
#include <set>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>
#include <tests/sim/seeds.hpp>
#include <tests/sim/sync_node.hpp>

namespace {

using namespace quicsync;
using namespace quicsync::sim;
using namespace std::chrono_literals;

constexpr std::size_t node_count = 50;
constexpr auto outage = 60s;

/// What a client calls its connection in its Initial packets (RFC 9000 section 17.2.2): one a dial. Empty: no Initial.
std::string dial_of(bytes_view datagram) {
  constexpr std::size_t before_ids = 5;
  if (datagram.size() < 1200 || (datagram[0] & 0xf0) != 0xc0) return {};
  const std::size_t source_at = before_ids + 1 + datagram[before_ids];
  if (source_at >= datagram.size()) return {};
  const auto source = datagram.subspan(source_at + 1, std::min<std::size_t>(datagram[source_at], 20));
  return {source.begin(), source.end()};
}

std::vector<pattern> findings_of(const std::string& agent, std::uint64_t version) {
  std::vector<pattern> patterns;
  for (int i = 0; i < 10; ++i) {
    pattern p;
    p.id = fmt::format("{}-{}", agent, i);
    p.agent_id = agent;
    p.type = "test_execution";
    p.data = fmt::format(R"({{"n":{}}})", i);
    p.metadata.source = agent;
    p.timestamp = 1760000000000;
    p.version = version;
    patterns.push_back(std::move(p));
  }
  return patterns;
}

}  // namespace

TEST_CASE("storm: fifty nodes that lose their hub dial as their jitter says, and are equal soon after it is back",
          "[sim]") {
  simulated_world world(1);
  auto hub = std::make_unique<sync_node>(world, "hub");
  const auto hub_at = hub->place().at();
  std::vector<std::unique_ptr<sync_node>> nodes;
  for (std::size_t i = 0; i < node_count; ++i) {
    node_config config;
    config.peers.emplace_back().id = "hub";
    config.peers.back().address = hub_at.host();
    nodes.push_back(std::make_unique<sync_node>(world, fmt::format("node{}", i), config));
  }
  auto all_connected = [&](std::size_t times) {
    return std::all_of(nodes.begin(), nodes.end(),
                       [&](const auto& node) { return node->count("peer:connected") >= times; });
  };
  REQUIRE(world.run_until([&] { return all_connected(1); }));
  for (auto& node : nodes) node->share(findings_of(node->name(), 1));
  world.advance(5s);
  REQUIRE(hub->state().size() == node_count * 10);

  // Each dial by the second in which it began.
  std::set<std::string> known;
  std::map<std::int64_t, std::size_t> dials;
  const auto lost_at = world.now();
  world.network().steals = [&](const address& from, const address& to, bytes_view datagram) {
    if (!(to == hub_at)) return false;
    const auto dial = dial_of(datagram);
    if (!dial.empty() && known.insert(from.to_string() + dial).second)
      ++dials[std::chrono::duration_cast<std::chrono::seconds>(world.now() - lost_at).count()];
    return false;
  };
  hub.reset();
  world.crash("hub");
  for (auto& node : nodes) node->share(findings_of(node->name(), 2));
  world.advance(outage);
  hub = std::make_unique<sync_node>(world, "hub");
  const auto back_at = world.now();
  REQUIRE(world.run_until([&] { return all_connected(2); }));
  const auto connected_after = world.now() - back_at;
  const auto whole = [&] {
    const auto state = hub->state();
    return state.size() == node_count * 10 &&
           std::all_of(nodes.begin(), nodes.end(), [&](const auto& node) { return node->state() == state; });
  };
  while (!whole() && world.now() - back_at < 60s) world.advance(250ms);
  const auto equal_after = world.now() - back_at;
  CHECK(whole());

  // At first all are without it at once and wait a second at most; then their waits grow and spread.
  std::size_t at_first = 0, later = 0, sum_later = 0;
  for (const auto& [second, count] : dials) {
    auto& most = second < 20 ? at_first : later;
    most = std::max(most, count);
    if (second >= 20 && second < outage.count()) sum_later += count;
  }
  const auto mean_later = static_cast<double>(sum_later) / static_cast<double>(outage.count() - 20);
  std::cout << fmt::format(
      "storm: at most {} dials a second in the first 20 s, then at most {} and {:.1f} on average; all {} connected "
      "{:.1f} s "
      "after the hub is back, equal after {:.1f} s\n",
      at_first, later, mean_later, node_count, std::chrono::duration<double>(connected_after).count(),
      std::chrono::duration<double>(equal_after).count());
  CHECK(at_first <= 2 * node_count);
  CHECK(later <= node_count / 2);
  CHECK(mean_later <= 0.25 * node_count);  // a wait is 5 s on average: 10 s at most, drawn evenly
  CHECK(connected_after <= 15s);
  CHECK(equal_after <= 20s);
}
