// The text of /metrics: a strict parser reads it, every metric that is documented is there, and all that should move
// do.
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <thread>

#include <catch2/catch_test_macros.hpp>
#include <tests/transport/identities.hpp>

#include <quicsync/actors/inspect/admin_answers.hpp>
#include <quicsync/actors/inspect/node_metrics.hpp>

#include "support.hpp"

using namespace quicsync;
using quicsync::test::make_pattern;
using quicsync::tests::must;

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

double sum_of(const metric& what) {
  double sum = 0;
  for (const auto& [key, value] : what.values)
    if (key.rfind("_bucket", 0) != 0 && key.rfind("_sum", 0) != 0) sum += value;
  return sum;
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

std::unique_ptr<server> started(const std::string& name) {
  static tests::temporary_directory directory;
  const auto ca = directory.path() / "ca";
  if (!std::filesystem::exists(ca)) must(make_ca(ca));
  node_config config;
  config.cert = directory.path() / (name + ".pem");
  config.key = directory.path() / (name + ".key");
  config.ca = ca / "ca.pem";
  if (!std::filesystem::exists(config.cert)) must(make_node_certificate(name, ca, directory.path()));
  config.host = "127.0.0.1";
  config.port = 0;
  if (name == "alpha") config.rules.write = {{{"beta", {"agent"}}}};
  auto node = must(server::make(config));
  must(node->start());
  return node;
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

TEST_CASE("metrics: every documented metric is there, none is undocumented, and those of a working node move",
          "[inspect][net]") {
  auto alpha = started("alpha"), beta = started("beta");
  must(beta->connect_to_peer("127.0.0.1:" + std::to_string(alpha->port()), "alpha").get());
  // Beta has seen alpha; alpha's shares go to it when it has heard of beta, too.
  for (bool reads = false; !reads; std::this_thread::yield()) {
    const auto state = must(alpha->state());
    reads = state.peers.size() == 1 && state.peers.front().reads;
  }
  auto share = [&](int round) {
    for (int priority : {2, 5, 9}) {
      const auto id = std::to_string(round) + "-" + std::to_string(priority);
      CHECK(alpha->sync_pattern(make_pattern("a" + id, 1, "1", priority)).get().complete());
      CHECK(beta->sync_pattern(make_pattern("b" + id, 1, "1", priority)).get().complete());
    }
    auto foreign = make_pattern("foreign" + std::to_string(round));
    foreign.agent_id = "somebody else";
    CHECK_FALSE(beta->sync_pattern(foreign).get().complete());
  };
  auto scraped = [&] {
    alpha->actors()->sample(std::chrono::steady_clock::now());
    return parse(must(admin::metrics(*alpha)));
  };
  share(1);
  const auto before = scraped();
  share(2);
  const auto after = scraped();

  std::set<std::string> names;
  for (const auto& [name, what] : after) names.insert(name);
  CHECK(names == documented());

  for (const char* moves :
       {"quicsync_patterns", "quicsync_shares_total", "quicsync_shared_patterns_total", "quicsync_delivery_seconds",
        "quicsync_udp_bytes_total", "quicsync_datagrams_total", "quicsync_peer_patterns_total",
        "quicsync_peer_record_bytes_total", "quicsync_peer_lane_bytes_total", "quicsync_acknowledgement_seconds",
        "quicsync_peer_refused_patterns_total", "quicsync_messages_total", "quicsync_actor_messages",
        "quicsync_actor_busy_seconds"}) {
    INFO(moves);
    CHECK(sum_of(after.at(moves)) > sum_of(before.at(moves)));
  }
  CHECK(sum_of(after.at("quicsync_up")) == 1);
  CHECK(sum_of(after.at("quicsync_connections")) == 1);
  CHECK(sum_of(after.at("quicsync_peer_rtt_seconds")) > 0);
  CHECK(sum_of(after.at("quicsync_peer_congestion_window_bytes")) > 0);
  CHECK(sum_of(after.at("quicsync_peer_lag_records")) == 0);
}
