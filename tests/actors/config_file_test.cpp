// The configuration file: what it may say, and what is said where it may not.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <quicsync/actors/config_file.hpp>

using namespace quicsync;
using namespace std::chrono_literals;

namespace {

std::string complaint_about(std::string_view text) {
  auto read = parse_config(text, "node.json");
  if (read) return "nothing wrong";
  CHECK(read.error().code == errc::bad_config);
  return read.error().context;
}

}  // namespace

TEST_CASE("configuration: an empty object leaves every default", "[config]") {
  auto read = parse_config("{}", "node.json");
  REQUIRE(read);
  CHECK(read->port == 4433);
  CHECK(read->host == "0.0.0.0");
  CHECK(read->batch_size == 100);
  CHECK(read->sync_interval == 1000ms);
  CHECK(read->compression);
  CHECK(read->deltas);
  CHECK(read->busy_poll == 0us);
  CHECK_FALSE(read->cache_entries);
  CHECK_FALSE(read->cache_ttl);
  CHECK(read->tombstone_horizon == std::chrono::hours(168));
  CHECK_FALSE(read->rules.write);
  CHECK(read->limits == peer_limits{});
}

TEST_CASE("configuration: every key is taken", "[config]") {
  const std::string fingerprint(64, 'a');
  auto read = parse_config(R"({
    "id": "alpha", "admin": "none",
    "quic": {"enabled": true, "port": 4500, "host": "127.0.0.1", "filter": "tag=auth",
      "peers": [{"id": "beta", "address": "192.0.2.8", "port": 4501, "priority": 9, "tags": ["site-b"],
                 "filter": "", "limits": {"in": {"patternsPerSecond": 10}, "out": {"bytesPerSecond": 1000}}},
                {"address": "gamma.example"}],
      "syncInterval": 0, "batchSize": 50, "compression": false, "deltas": false, "busyPoll": 250,
      "tls": {"cert": "a.pem", "key": "a.key", "ca": "/etc/ca.pem", "rejectUnauthorized": true},
      "retry": {"maxAttempts": 5, "baseDelay": 10, "maxDelay": 100, "backoffMultiplier": 1.5}},
    "patterns": {"cacheSize": 10000, "cacheBytes": 67108864, "cacheReserve": 33554432, "cacheTTL": 86400000, "tombstoneHorizon": 60000,
      "syncPriority": {"high": ["security_finding"], "medium": ["coverage_gap"], "low": ["quality_metrics"]}},
    "security": {"enableAuth": true, "allowedPeers": ["beta", "gamma"], "requireTLS": true,
      "rules": {"write": [{"peer": "beta", "agents": ["b-*"]}], "read": [{"peer": "*", "filter": "priority>=5"}],
                "relay": ["gamma"]},
      "pinned": {"beta": ")" + fingerprint +
                               R"("}, "denied": [")" + std::string(64, 'B') + R"("]},
    "limits": {"in": {"patternsPerSecond": 1000, "bytesPerSecond": 1000000}, "out": {"patternsPerSecond": 2000}},
    "monitoring": {"enableMetrics": false, "metricsInterval": 1000, "healthCheckInterval": 500}
  })",
                           "/etc/quicsync/node.json");
  if (!read) FAIL(read.error().context);
  CHECK(read->id == "alpha");
  CHECK(read->port == 4500);
  CHECK(read->filter == "tag=auth");
  REQUIRE(read->peers.size() == 2);
  const auto& beta = read->peers[0];
  CHECK(beta.id == "beta");
  CHECK(beta.port == 4501);
  CHECK(beta.priority == 9);
  CHECK(beta.tags == std::vector<std::string>{"site-b"});
  CHECK(beta.filter == "");
  REQUIRE(beta.limits);
  CHECK(beta.limits->in.patterns_per_second == 10);
  CHECK(beta.limits->out.bytes_per_second == 1000);
  CHECK(read->peers[1].port == 4433);
  CHECK_FALSE(read->peers[1].filter);
  CHECK_FALSE(read->peers[1].limits);
  CHECK(read->sync_interval == 0ms);
  CHECK(read->batch_size == 50);
  CHECK_FALSE(read->compression);
  CHECK_FALSE(read->deltas);
  CHECK(read->busy_poll == 250us);
  CHECK(read->cert == "/etc/quicsync/a.pem");
  CHECK(read->ca == "/etc/ca.pem");
  CHECK(read->retry.max_attempts == 5);
  CHECK(read->retry.base_delay == 10ms);
  CHECK(read->retry.multiplier == 1.5);
  CHECK(read->cache_entries == 10000u);
  CHECK(read->cache_bytes == 67108864u);
  CHECK(read->cache_reserve == 33554432u);
  CHECK(read->cache_ttl == 24h);
  CHECK(read->tombstone_horizon == 1min);
  CHECK(read->sync_priority.low == std::vector<std::string>{"quality_metrics"});
  CHECK(read->allowed_peers.size() == 2);
  REQUIRE(read->rules.write);
  CHECK(read->rules.write->front().agents == std::vector<std::string>{"b-*"});
  REQUIRE(read->rules.read);
  CHECK(read->rules.read->front().filter == "priority>=5");
  CHECK(read->rules.relay == std::vector<std::string>{"gamma"});
  CHECK(read->pinned == std::vector<pinned_key>{{"beta", fingerprint}});
  CHECK(read->denied == std::vector<std::string>{std::string(64, 'b')});
  CHECK(read->limits.in.bytes_per_second == 1000000);
  CHECK(read->limits.out.bytes_per_second == 0);
  CHECK_FALSE(read->enable_metrics);
  CHECK(read->health_check_interval == 500ms);
}

TEST_CASE("configuration: what is wrong is said with file, line, key and a hint", "[config]") {
  struct wrong {
    const char* text;
    const char* said;
  };
  const wrong all[] = {
      {"", "node.json:1: not JSON: the file is empty or ends too early"},
      {"{\n \"quic\": {\n  \"port\": 1,\n }\n}", "node.json:4: not JSON near '}'"},
      {"[]", "node.json:1: the file: an array where an object is wanted"},
      {"{\"qiuc\": {}}", "node.json:1: qiuc: unknown key; did you mean 'quic'?"},
      {"{\n\"quic\": {\n\"prot\": 1}}", "node.json:3: quic.prot: unknown key; did you mean 'port'?"},
      {"{\"quic\":\n{\"port\": \"4433\"}}", "node.json:2: quic.port: a string where an integer is wanted"},
      {R"({"quic": {"port": 70000}})", "node.json:1: quic.port: 70000 is out of range: 0 to 65535"},
      {R"({"quic": {"port": -1}})", "node.json:1: quic.port: -1 is out of range: 0 to 65535"},
      {R"({"quic": {"port": 44.5}})", "node.json:1: quic.port: a fraction where an integer is wanted"},
      {R"({"quic": {"port": 1, "port": 2}})",
       "node.json:1: the key 'port' stands here a second time (first in line 1)"},
      {R"({"quic": 5})", "node.json:1: quic: an integer where an object is wanted"},
      {R"({"quic": {"enabled": "yes"}})", "node.json:1: quic.enabled: a string where a boolean is wanted"},
      {R"({"quic": {"host": ""}})", "node.json:1: quic.host: is empty"},
      {R"({"quic": {"peers": {"id": "b"}}})", "node.json:1: quic.peers: an object where an array is wanted"},
      {"{\"quic\": {\"peers\": [\n{\"id\": \"b\"}]}}", "node.json:2: quic.peers[0]: 'address' is missing"},
      {R"({"quic": {"peers": [{"address": "b", "port": 0}]}})",
       "node.json:1: quic.peers[0].port: 0 is out of range: 1 to 65535"},
      {R"({"quic": {"peers": [{"address": "b", "adress": "c"}]}})",
       "node.json:1: quic.peers[0].adress: unknown key; did you mean 'address'?"},
      {R"({"quic": {"peers": [{"address": "b", "priority": 11}]}})",
       "node.json:1: quic.peers[0].priority: 11 is out of range: 1 to 10"},
      {R"({"quic": {"peers": [{"id": "b", "address": "b"}, {"id": "b", "address": "c"}]}})",
       "node.json:1: quic.peers[1]: there are two peers with the id 'b'"},
      {R"({"quic": {"syncInterval": -5}})", "node.json:1: quic.syncInterval: -5 ms is out of range: 0 to 86400000 ms"},
      {R"({"quic": {"batchSize": 0}})", "node.json:1: quic.batchSize: 0 is out of range: 1 to 65536"},
      {R"({"quic": {"tls": {"cert": 7}}})", "node.json:1: quic.tls.cert: an integer where a string is wanted"},
      {R"({"quic": {"retry": {"maxAttempts": 0}}})",
       "node.json:1: quic.retry.maxAttempts: 0 is out of range: 1 to 1000000"},
      {R"({"quic": {"retry": {"baseDelay": 500, "maxDelay": 100}}})",
       "node.json:1: quic.retry.maxDelay: 100 ms is out of range: at least baseDelay, which is 500 ms"},
      {R"({"quic": {"retry": {"backoffMultiplier": 0.5}}})",
       "node.json:1: quic.retry.backoffMultiplier: 0.5 is out of range: 1 to 100"},
      {R"({"patterns": {"cacheSize": 0}})", "node.json:1: patterns.cacheSize: 0 is out of range: 1 to 1000000000000"},
      {R"({"patterns": {"cacheTtl": 5}})", "node.json:1: patterns.cacheTtl: unknown key; did you mean 'cacheTTL'?"},
      {R"({"patterns": {"cacheBytes": 2000000, "cacheReserve": 2000001}})",
       "node.json:1: patterns.cacheReserve: 2000001 is out of range: at most cacheBytes, which is 2000000"},
      {R"({"patterns": {"syncPriority": {"high": ["a"], "low": ["a"]}}})",
       "node.json:1: patterns.syncPriority: the type 'a' stands there twice"},
      {R"({"patterns": {"syncPriority": {"high": "a"}}})",
       "node.json:1: patterns.syncPriority.high: a string where an array of strings is wanted"},
      {R"({"security": {"requireTLS": false}})",
       "node.json:1: security.requireTLS: false is impossible: QUIC is always encrypted; the range is true"},
      {R"({"security": {"allowedPeers": ["a", 5]}})",
       "node.json:1: security.allowedPeers[1]: an integer where a string is wanted"},
      {R"({"security": {"denied": ["abc"]}})",
       "node.json:1: security.denied[0]: 'abc' is no fingerprint: 64 hexadecimal digits, as `quicsync cert show` "
       "prints "
       "them"},
      {R"({"security": {"rules": {"write": [{"peer": "b"}]}}})",
       "node.json:1: security.rules.write[0]: 'agents' is missing"},
      {R"({"limits": {"in": {"patternsPerSecond": 0}}})",
       "node.json:1: limits.in.patternsPerSecond: 0 is out of range: 1 to 1000000000000"},
      {R"({"monitoring": {"healthCheckInterval": null}})",
       "node.json:1: monitoring.healthCheckInterval: null where an integer is wanted"},
  };
  for (const auto& [text, said] : all) {
    CAPTURE(text);
    CHECK(complaint_about(text) == said);
  }
}

TEST_CASE("configuration: the admin socket lies beside the file, a port and `none` are what they are", "[config]") {
  const auto admin = [](const std::string& text) {
    auto read = parse_config(R"({"admin": ")" + text + R"("})", "/etc/quicsync/node.json");
    REQUIRE(read);
    return read->admin;
  };
  CHECK(admin("alpha.sock") == "/etc/quicsync/alpha.sock");
  CHECK(admin("run/alpha") == "/etc/quicsync/run/alpha");
  CHECK(admin("/run/alpha.sock") == "/run/alpha.sock");
  CHECK(admin("127.0.0.1:9443") == "127.0.0.1:9443");
  CHECK(admin("none") == "none");
}

TEST_CASE("configuration: a filter that cannot be read is refused with its key", "[config]") {
  CHECK(complaint_about(R"({"quic": {"filter": "colour=red"}})").starts_with("node.json:1: quic.filter: "));
}

TEST_CASE("configuration: a file that is not there is named", "[config]") {
  auto read = read_config_file("/nowhere/node.json");
  REQUIRE_FALSE(read);
  CHECK(read.error().code == errc::no_file);
  CHECK(read.error().context.find("/nowhere/node.json") != std::string::npos);
}
