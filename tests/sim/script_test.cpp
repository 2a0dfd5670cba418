// Ten nodes to which a seed does what operators and accidents do: connect, kill, restart, reload, remove, while they
// share.
#include <algorithm>
#include <array>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>
#include <tests/sim/seeds.hpp>
#include <tests/sim/sync_node.hpp>
#include <tests/transport/seeded_random.hpp>

namespace {

using namespace quicsync;
using namespace quicsync::sim;
using namespace std::chrono_literals;

constexpr std::size_t node_count = 10;
constexpr int steps = 40;

class script {
 public:
  explicit script(simulated_world& world) : world_(world), random_(world.seed() * 7919 + 3) {
    for (std::size_t i = 0; i < node_count; ++i) start(i);
  }

  void run() {
    for (int step = 0; step < steps; ++step) {
      const auto at = random_.below(node_count);
      switch (random_.below(8)) {
        case 0:
        case 1:
        case 2:
          connect(at, random_.below(node_count));
          break;
        case 3:
          kill(at);
          break;
        case 4:
          start(at);
          break;
        case 5:
          reload(at);
          break;
        case 6:
          remove(at, random_.below(node_count));
          break;
        default:
          break;
      }
      share(random_.below(node_count));
      world_.advance(std::chrono::milliseconds(random_.below(400)));
    }
  }

  /// Every share of a node that lived on was reported; connected in a ring, all come to hold the same.
  void check_that_all_is_well() {
    for (std::size_t i = 0; i < node_count; ++i) start(i);
    for (std::size_t i = 0; i < node_count; ++i) connect(i, (i + 1) % node_count);
    world_.advance(60s);  // longer than a share waits for its report, and a dead connection is held
    const auto whole = places_[0].node->state();
    CHECK_FALSE(whole.empty());
    for (auto& each : places_) {
      CHECK(each.node->reports().size() == each.shares);
      CHECK(each.node->answered() == each.questions);
      CHECK(each.node->state() == whole);
    }
  }

 private:
  struct place {
    std::unique_ptr<sync_node> node;
    node_config config;
    std::size_t shares = 0;
    std::size_t questions = 0;  ///< removals and reloads
  };

  void note(const std::string& what) { world_.note(what); }

  void start(std::size_t at) {
    if (places_[at].node) return;
    note(fmt::format("start {}", at));
    places_[at] = {};
    places_[at].node = std::make_unique<sync_node>(world_, name_of(at), places_[at].config);
  }

  void kill(std::size_t at) {
    if (!places_[at].node) return;
    note(fmt::format("kill {}", at));
    places_[at] = {};
    world_.crash(name_of(at));
  }

  void connect(std::size_t from, std::size_t to) {
    if (from == to || !places_[from].node || !places_[to].node) return;
    note(fmt::format("connect {} {}", from, to));
    places_[from].node->connect(*places_[to].node);
  }

  /// Another peer, another limit, or a peer less.
  void reload(std::size_t at) {
    auto& [node, config, shares, questions] = places_[at];
    if (!node) return;
    if (config.peers.size() < 3) {
      const auto other = random_.below(node_count);
      peer_config peer;
      peer.id = name_of(other);
      peer.address = fmt::format("10.0.0.{}", other + 1);
      peer.port = 4433;
      const bool is_there =
          std::any_of(config.peers.begin(), config.peers.end(), [&](const peer_config& p) { return p.id == peer.id; });
      if (other != at && !is_there) config.peers.push_back(std::move(peer));
    } else {
      config.peers.erase(config.peers.begin());
    }
    config.limits.out.patterns_per_second = random_.below(2) == 0 ? 0 : 10'000;
    note(fmt::format("reload {}", at));
    node->reload(config);
    ++questions;
  }

  void remove(std::size_t at, std::size_t other) {
    if (!places_[at].node || at == other) return;
    note(fmt::format("remove {} {}", at, other));
    places_[at].node->remove_peer(name_of(other));
    ++places_[at].questions;
  }

  void share(std::size_t at) {
    if (!places_[at].node) return;
    std::vector<pattern> patterns;
    for (std::uint64_t i = 0, count = 1 + random_.below(20); i < count; ++i) {
      pattern p;
      p.id = fmt::format("pattern-{}", random_.below(200));
      p.agent_id = name_of(at);
      p.type = "test_execution";
      p.data = fmt::format(R"({{"n":{}}})", random_.below(1000));
      p.metadata.source = p.agent_id;
      p.timestamp = 1760000000000;
      p.version = ++last_version_;
      patterns.push_back(std::move(p));
    }
    places_[at].node->share(patterns);
    ++places_[at].shares;
  }

  static std::string name_of(std::size_t at) { return fmt::format("node{}", at); }

  simulated_world& world_;
  tests::seeded_random random_;
  std::array<place, node_count> places_;
  std::uint64_t last_version_ = 0;
};

}  // namespace

TEST_CASE("scripts: ten nodes that are connected, killed, restarted, reloaded and removed end equal, with every report",
          "[sim]") {
  for_each_seed(100, [](simulated_world& world) {
    world.network().conditions.loss = 0.01;
    script all(world);
    all.run();
    all.check_that_all_is_well();
  });
}
