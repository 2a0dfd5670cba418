// The text of /metrics: a strict parser reads it, and every metric that is documented is there and moves, each by a
// stimulus of its own.
#include <algorithm>
#include <fstream>
#include <map>
#include <random>
#include <regex>
#include <set>
#include <sstream>
#include <thread>

#include <catch2/catch_get_random_seed.hpp>
#include <catch2/catch_test_macros.hpp>
#include <tests/actors/lossy_relay.hpp>
#include <tests/actors/memory_store.hpp>
#include <tests/transport/identities.hpp>

#include <quicsync/actors/agent/agent.hpp>
#include <quicsync/actors/inspect/admin_answers.hpp>
#include <quicsync/actors/inspect/node_metrics.hpp>

#include "support.hpp"

using namespace quicsync;
using quicsync::test::make_pattern;
using namespace std::chrono_literals;

namespace {

struct metric {
  std::string type, help;
  std::map<std::string, double> values;  ///< by suffix and labels, as they stand
};

/// Text format 0.0.4, without mercy: HELP, TYPE and values of one metric stand together, nothing stands twice,
/// histograms have all their buckets, counters end in _total.
std::map<std::string, metric> parse(const std::string& text) {
  static const std::regex name(R"([a-zA-Z_:][a-zA-Z0-9_:]*)");
  static const std::regex sample(
      R"rx(([a-zA-Z_:][a-zA-Z0-9_:]*)(\{((?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (\+Inf|-?[0-9.]+(?:e[+-]?[0-9]+)?))rx");
  std::map<std::string, metric> all;
  std::string current;
  std::istringstream lines(text);
  REQUIRE_FALSE(text.empty());
  REQUIRE(text.back() == '\n');
  for (std::string line; std::getline(lines, line);) {
    INFO(line);
    if (line.rfind("# HELP ", 0) == 0) {
      const auto end = line.find(' ', 7);
      REQUIRE(end != std::string::npos);
      current = line.substr(7, end - 7);
      REQUIRE(std::regex_match(current, name));
      REQUIRE(all.count(current) == 0);
      all[current].help = line.substr(end + 1);
      continue;
    }
    if (line.rfind("# TYPE ", 0) == 0) {
      REQUIRE(line.substr(7, current.size() + 1) == current + " ");
      REQUIRE(all.at(current).type.empty());
      all.at(current).type = line.substr(8 + current.size());
      REQUIRE(std::set<std::string>{"counter", "gauge", "histogram"}.count(all.at(current).type) == 1);
      continue;
    }
    std::smatch parts;
    REQUIRE(std::regex_match(line, parts, sample));
    auto& of = all.at(current);
    REQUIRE_FALSE(of.type.empty());
    const auto suffix = parts[1].str().substr(current.size());
    REQUIRE(parts[1].str().substr(0, current.size()) == current);
    if (of.type == "histogram")
      REQUIRE(std::set<std::string>{"_bucket", "_sum", "_count"}.count(suffix) == 1);
    else
      REQUIRE(suffix.empty());
    const auto key = suffix + parts[2].str();
    REQUIRE(of.values.count(key) == 0);
    of.values[key] = parts[4] == "+Inf" ? 1e308 : std::stod(parts[4]);
  }
  for (const auto& [of, what] : all) {
    INFO(of);
    CHECK_FALSE(what.help.empty());
    CHECK_FALSE(what.values.empty());
    CHECK(of.rfind("quicsync_", 0) == 0);
    CHECK((what.type == "counter") == (of.size() > 6 && of.substr(of.size() - 6) == "_total"));
    if (what.type == "histogram") {
      const bool whole = std::any_of(what.values.begin(), what.values.end(), [](const auto& v) {
        return v.first.rfind("_bucket", 0) == 0 && v.first.find("le=\"+Inf\"") != std::string::npos;
      });
      CHECK(whole);
    }
  }
  return all;
}

/// The names in the table of docs/OPERATIONS.md, "Metrics".
std::set<std::string> documented() {
  std::ifstream page(QUICSYNC_DOCS "/OPERATIONS.md");
  REQUIRE(page);
  std::set<std::string> names;
  static const std::regex row(R"(^\| `(quicsync_[a-z_]+)`)");
  for (std::string line; std::getline(page, line);)
    if (std::smatch found; std::regex_search(line, found, row)) names.insert(found[1]);
  return names;
}

using scrape = std::map<std::string, metric>;

template <class F>
bool soon(F&& is_so) {
  for (const auto until = std::chrono::steady_clock::now() + 20s; std::chrono::steady_clock::now() < until;
       std::this_thread::sleep_for(10ms))
    if (is_so()) return true;
  return false;
}

/// A node whose metrics are looked at, and what they were each time.
class watched_node {
 public:
  watched_node(std::shared_ptr<tests::memory_disk> disk, std::uint16_t gamma) {
    node_config config = config_of("alpha");
    config.rules.write = {{{"beta", {"agent"}}}};
    config.rules.read = {{{"reader", "type=nothing"}, {"beta", {}}, {"gamma", {}}, {"slow", {}}}};
    config.limits.in.patterns_per_second = config.limits.out.patterns_per_second = 2000;
    config.peers = {{"gamma", "127.0.0.1", gamma, {}, {}, {}, {}}};
    node = must(server::make(config, tests::memory_store::on(std::move(disk))));
    must(node->start());
  }
  static node_config config_of(const std::string& name, const std::string& authority = "ca") {
    static tests::temporary_directory directory;
    const auto ca = directory.path() / authority;
    if (!std::filesystem::exists(ca)) must(make_ca(ca));
    node_config config;
    config.cert = directory.path() / (name + ".pem");
    config.key = directory.path() / (name + ".key");
    config.ca = ca / "ca.pem";
    if (!std::filesystem::exists(config.cert)) must(make_node_certificate(name, ca, directory.path()));
    config.host = "127.0.0.1";
    config.port = 0;
    return config;
  }
  const scrape& look() {
    node->actors()->sample(std::chrono::steady_clock::now());
    return scrapes.emplace_back(parse(must(admin::metrics(*node))));
  }
  double value(const std::string& name, const std::string& labels) {
    const auto& now = look();
    const auto family = now.find(name);
    if (family == now.end()) return 0;
    const auto it = family->second.values.find(labels);
    return it == family->second.values.end() ? 0 : it->second;
  }
  /// Looks until this value is above `least`.
  bool comes_above(double least, const std::string& name, const std::string& labels) {
    return soon([&] { return value(name, labels) > least; });
  }

  std::unique_ptr<server> node;
  std::vector<scrape> scrapes;
};

std::unique_ptr<server> started(node_config config) {
  auto node = must(server::make(std::move(config)));
  must(node->start());
  return node;
}

task<void> restarts(agent& self) {
  co_await self.sleep(1ms);
  throw std::runtime_error("again");
}
task<void> blocks(agent& self, std::atomic<bool>* go_on) {
  auto patterns = self.subscribe({}, subscribe_frame::start::beginning);
  co_await patterns.next();
  while (!*go_on) std::this_thread::sleep_for(5ms);
}

/// Every documented metric, and whether any of its values has changed from one look to another, or come up.
std::set<std::string> moved(const std::vector<scrape>& scrapes) {
  std::set<std::string> out;
  std::map<std::string, double> last;
  for (const auto& now : scrapes)
    for (const auto& [name, what] : now)
      for (const auto& [key, value] : what.values) {
        const auto [it, is_new] = last.try_emplace(name + key, value);
        if (is_new ? value != 0 && &now != &scrapes.front() : std::exchange(it->second, value) != value)
          out.insert(name);
      }
  return out;
}

}  // namespace

TEST_CASE("metrics: what the text says is what the state says, and names are escaped", "[inspect]") {
  node_state state;
  state.running = true;
  state.patterns = 12;
  connection_state peer;
  peer.peer_id = "a\"b\\c\nd";
  peer.connected = true;
  peer.lanes[index_of(lane::high)].patterns_sent = 7;
  peer.refused_here["not_allowed"] = 3;
  peer.acknowledgements.add(std::chrono::milliseconds(3));
  peer.acknowledgements.add(std::chrono::seconds(60));
  state.peers.push_back(peer);
  const auto all = parse(metrics_text(state, nullptr));
  CHECK(all.at("quicsync_patterns").values.at("") == 12);
  CHECK(all.at("quicsync_up").values.at("") == 1);
  state.running = false;
  CHECK(parse(metrics_text(state, nullptr)).at("quicsync_up").values.at("") == 0);
  const std::string who = R"(peer="a\"b\\c\nd")";
  CHECK(all.at("quicsync_peer_patterns_total").values.at("{" + who + R"(,lane="high",direction="out"})") == 7);
  CHECK(all.at("quicsync_peer_refused_patterns_total").values.at("{" + who + R"(,by="us",reason="not_allowed"})") == 3);
  const auto& latency = all.at("quicsync_acknowledgement_seconds").values;
  CHECK(latency.at("_count{" + who + "}") == 2);
  CHECK(latency.at("_bucket{" + who + R"(,le="0.0025"})") == 0);
  CHECK(latency.at("_bucket{" + who + R"(,le="0.005"})") == 1);
  CHECK(latency.at("_bucket{" + who + R"(,le="10"})") == 1);
  CHECK(latency.at("_bucket{" + who + R"(,le="+Inf"})") == 2);
}

TEST_CASE("metrics: two connections of one name make one series", "[inspect]") {
  node_state state;
  connection_state peer;
  peer.peer_id = "client";
  peer.lanes[index_of(lane::low)].patterns_sent = 2;
  state.peers = {peer, peer};
  const auto all = parse(metrics_text(state, nullptr));
  CHECK(all.at("quicsync_peer_patterns_total").values.at(R"({peer="client",lane="low",direction="out"})") == 4);
}

TEST_CASE("metrics: the alert rules speak of metrics that there are", "[inspect]") {
  std::ifstream page(QUICSYNC_DOCS "/OPERATIONS.md");
  REQUIRE(page);
  const auto known = documented();
  static const std::regex name(R"(quicsync_[a-z_]+)"), suffix(R"(_(bucket|sum|count)$)");
  std::size_t seen = 0;
  bool in_rules = false;
  for (std::string line; std::getline(page, line);) {
    if (line.rfind("```", 0) == 0) in_rules = false;
    in_rules = in_rules || line == "groups:";
    if (!in_rules) continue;
    for (std::sregex_iterator at(line.begin(), line.end(), name), end; at != end; ++at, ++seen) {
      INFO(line);
      CHECK(known.count(std::regex_replace(at->str(), suffix, "")) == 1);
    }
  }
  CHECK(seen > 10);
}

TEST_CASE("metrics: every documented one is there and moves, each by what it is for, and none is undocumented",
          "[inspect][net]") {
  auto disk = std::make_shared<tests::memory_disk>();
  auto gamma = started(watched_node::config_of("gamma"));
  watched_node alpha(disk, gamma->port());
  auto& node = *alpha.node;
  alpha.look();

  // A peer over a path that loses datagrams: shares, bytes, latencies, round trips, losses.
  tests::lossy_relay path(node.port(), Catch::getSeed());
  auto config = watched_node::config_of("beta");
  config.rules.write = {{{"alpha", {"agent"}}}};
  auto beta = started(config);
  must(beta->connect_to_peer("127.0.0.1:" + std::to_string(path.port()), "alpha").get());
  REQUIRE(alpha.comes_above(0, "quicsync_peer_connected", R"({peer="beta"})"));
  REQUIRE(alpha.comes_above(0, "quicsync_peer_connected", R"({peer="gamma"})"));
  const auto all_read = [&] {
    const auto state = must(node.state());
    return std::all_of(state.peers.begin(), state.peers.end(), [](const auto& peer) { return peer.reads; });
  };
  while (!all_read()) std::this_thread::yield();
  for (int priority : {2, 5, 9}) {
    CHECK(node.sync_pattern(make_pattern("a" + std::to_string(priority), 1, "1", priority)).get().complete());
    CHECK(beta->sync_pattern(make_pattern("b" + std::to_string(priority), 1, "1", priority)).get().complete());
  }
  // Of several packets: one that is lost alone is brought by a probe, and QUIC does not count it.
  std::mt19937 random(Catch::getSeed());
  const auto of_many_packets = [&random] {
    std::string text(20000, ' ');
    for (auto& each : text) each = static_cast<char>('!' + 2 + random() % 56);
    return '"' + text + '"';
  };
  path.drop_one_in(5);
  for (int i = 0; alpha.value("quicsync_peer_packets_lost_total", R"({peer="beta"})") == 0; ++i) {
    REQUIRE(i < 200);
    node.sync_pattern(make_pattern("lossy" + std::to_string(i), 1, of_many_packets())).get();
  }
  path.drop_one_in(0);

  // Who may not write, at either side, and who may not read.
  auto foreign = make_pattern("foreign");
  foreign.agent_id = "somebody else";
  CHECK_FALSE(beta->sync_pattern(foreign).get().complete());
  CHECK_FALSE(node.sync_pattern(foreign).get().complete());
  const std::string refused = "quicsync_peer_refused_patterns_total";
  CHECK(alpha.value(refused, R"({peer="beta",by="us",reason="not_allowed"})") == 1);
  CHECK(alpha.value(refused, R"({peer="beta",by="peer",reason="not_allowed"})") == 1);
  CHECK(alpha.value("quicsync_peer_errors_total", R"({peer="beta"})") > 0);
  auto reader = started(watched_node::config_of("reader"));
  must(reader->connect_to_peer("127.0.0.1:" + std::to_string(node.port()), "alpha").get());
  while (!all_read()) std::this_thread::yield();
  node.sync_pattern(make_pattern("unread")).get();
  CHECK(alpha.comes_above(0, "quicsync_peer_filtered_total", R"({peer="reader"})"));

  // A slow peer: lag in records, bytes and time, and a share that fails.
  auto slow_config = watched_node::config_of("slow");
  slow_config.limits.in.patterns_per_second = 1;
  auto slow = started(slow_config);
  must(slow->connect_to_peer("127.0.0.1:" + std::to_string(node.port()), "alpha").get());
  while (!all_read()) std::this_thread::yield();
  std::vector<pattern> many;
  for (int i = 0; i < 3000; ++i) many.push_back(make_pattern("many" + std::to_string(i)));
  auto shared = node.sync_patterns(many);
  for (const char* lag : {"quicsync_peer_lag_records", "quicsync_peer_lag_bytes", "quicsync_peer_lag_seconds"})
    CHECK(alpha.comes_above(0, lag, R"({peer="slow"})"));
  CHECK(alpha.comes_above(0, "quicsync_peer_rate_delays_total", R"({peer="beta",direction="out"})"));
  slow.reset();
  CHECK_FALSE(shared.get().complete());
  for (auto& each : many) each.version = 2;
  beta->sync_patterns(many).get();
  CHECK(alpha.comes_above(0, "quicsync_peer_rate_delays_total", R"({peer="beta",direction="in"})"));

  // A peer that this node keeps a connection to, and that is gone.
  gamma.reset();
  for (const char* gone : {"quicsync_peer_connected", "quicsync_peer_healthy"}) {
    INFO(gone);
    CHECK(soon([&] { return alpha.value(gone, R"({peer="gamma"})") == 0; }));
  }

  // What is wrong on the wire.
  {
    const int socket = ::socket(AF_INET, SOCK_DGRAM, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(node.port());
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::sendto(socket, "garbage", 7, 0, reinterpret_cast<const sockaddr*>(&to), sizeof to);
    ::close(socket);
  }
  CHECK(alpha.comes_above(0, "quicsync_transport_refusals_total", R"({reason="malformed_datagram"})"));
  auto stranger = started(watched_node::config_of("stranger", "another-ca"));
  CHECK_FALSE(stranger->connect_to_peer("127.0.0.1:" + std::to_string(node.port())).get());
  CHECK(alpha.comes_above(0, "quicsync_handshakes_total", R"({outcome="refused"})"));

  // Agents: one that begins anew, one that is stuck while others wait for it.
  std::atomic<bool> go_on{false};
  must(node.spawn_agent(agent_options("unlucky").restart_on_failure({}), restarts));
  auto stuck = must(node.spawn_agent("stuck", blocks, &go_on));
  node.sync_pattern(make_pattern("for the stuck one")).get();
  CHECK(alpha.comes_above(0, "quicsync_actor_restarts", R"({kind="agent"})"));
  CHECK(alpha.comes_above(0, "quicsync_troubled_actors", R"({state="stuck"})"));
  for (int i = 0; i < 10; ++i) caf::anon_send(stuck, i);
  CHECK(alpha.comes_above(9, "quicsync_mailbox_messages", R"({kind="agent"})"));
  CHECK(alpha.comes_above(9, "quicsync_mailbox_deepest_messages", R"({kind="agent"})"));
  go_on = true;

  // The store: what waits for the disk, damaged rows, a disk that fails.
  disk->hold();
  node.sync_pattern(make_pattern("waits")).get();
  CHECK(alpha.comes_above(0, "quicsync_store_unstored_bytes", {}));
  disk->release();
  disk->quarantined = 2;
  CHECK(alpha.comes_above(1, "quicsync_store_quarantined", {}));
  CHECK(alpha.comes_above(0, "quicsync_store_condition", R"({condition="working"})"));
  disk->fail_writes({errc::store_failed, "broken"});
  node.sync_pattern(make_pattern("too much")).get();
  CHECK(alpha.comes_above(0, "quicsync_store_condition", R"({condition="failed"})"));

  std::set<std::string> names;
  for (const auto& each : alpha.scrapes)
    for (const auto& [name, what] : each) names.insert(name);
  CHECK(names == documented());
  auto expected = documented();
  expected.erase("quicsync_up");  // who does not run is not asked: the case above has it at 0
  CHECK(moved(alpha.scrapes) == expected);
}
