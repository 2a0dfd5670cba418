// `quicsync node --check --config` with each kind of bad configuration: one line on stderr that names file, line and
// key and says what to do, nothing on stdout, exit code 2.
#include <algorithm>

#include <catch2/catch_test_macros.hpp>

#include "workplace.hpp"

using namespace quicsync::test;

TEST_CASE("node --check: each kind of bad configuration is one line with file, line, key and a hint", "[cli]") {
  struct wrong {
    const char* text;
    const char* said;  ///< after the file's name
  };
  const wrong all[] = {
      {"", ":1: not JSON: the file is empty or ends too early"},
      {"{\n \"quic\": {\n  \"port\": 1,\n }\n}", ":4: not JSON near '}'"},
      {"[]", ":1: the file: an array where an object is wanted"},
      // unknown keys
      {R"({"qiuc": {}})", ":1: qiuc: unknown key; did you mean 'quic'?"},
      {"{\n\"quic\": {\n\"prot\": 1}}", ":3: quic.prot: unknown key; did you mean 'port'?"},
      {R"({"quic": {"peers": [{"address": "b", "adress": "c"}]}})",
       ":1: quic.peers[0].adress: unknown key; did you mean 'address'?"},
      {R"({"patterns": {"cacheTtl": 5}})", ":1: patterns.cacheTtl: unknown key; did you mean 'cacheTTL'?"},
      {R"({"quic": {"port": 1, "port": 2}})", ":1: the key 'port' stands here a second time (first in line 1)"},
      // wrong types
      {"{\"quic\":\n{\"port\": \"4433\"}}", ":2: quic.port: a string where an integer is wanted"},
      {R"({"quic": {"port": 44.5}})", ":1: quic.port: a fraction where an integer is wanted"},
      {R"({"quic": 5})", ":1: quic: an integer where an object is wanted"},
      {R"({"quic": {"enabled": "yes"}})", ":1: quic.enabled: a string where a boolean is wanted"},
      {R"({"quic": {"peers": {"id": "b"}}})", ":1: quic.peers: an object where an array is wanted"},
      {R"({"quic": {"tls": {"cert": 7}}})", ":1: quic.tls.cert: an integer where a string is wanted"},
      {R"({"patterns": {"syncPriority": {"high": "a"}}})",
       ":1: patterns.syncPriority.high: a string where an array of strings is wanted"},
      {R"({"security": {"allowedPeers": ["a", 5]}})",
       ":1: security.allowedPeers[1]: an integer where a string is wanted"},
      {R"({"monitoring": {"healthCheckInterval": null}})",
       ":1: monitoring.healthCheckInterval: null where an integer is wanted"},
      // values that are out of range
      {R"({"quic": {"port": 70000}})", ":1: quic.port: 70000 is out of range: 0 to 65535"},
      {R"({"quic": {"host": ""}})", ":1: quic.host: is empty"},
      {R"({"quic": {"peers": [{"address": "b", "port": 0}]}})",
       ":1: quic.peers[0].port: 0 is out of range: 1 to 65535"},
      {R"({"quic": {"peers": [{"address": "b", "priority": 11}]}})",
       ":1: quic.peers[0].priority: 11 is out of range: 1 to 10"},
      {R"({"quic": {"syncInterval": -5}})", ":1: quic.syncInterval: -5 ms is out of range: 0 to 86400000 ms"},
      {R"({"quic": {"batchSize": 0}})", ":1: quic.batchSize: 0 is out of range: 1 to 65536"},
      {R"({"quic": {"retry": {"maxAttempts": 0}}})", ":1: quic.retry.maxAttempts: 0 is out of range: 1 to 1000000"},
      {R"({"quic": {"retry": {"backoffMultiplier": 0.5}}})",
       ":1: quic.retry.backoffMultiplier: 0.5 is out of range: 1 to 100"},
      {R"({"patterns": {"cacheSize": 0}})", ":1: patterns.cacheSize: 0 is out of range: 1 to 1000000000000"},
      {R"({"limits": {"in": {"patternsPerSecond": 0}}})",
       ":1: limits.in.patternsPerSecond: 0 is out of range: 1 to 1000000000000"},
      // values that do not go together, or cannot be
      {"{\"quic\": {\"peers\": [\n{\"id\": \"b\"}]}}", ":2: quic.peers[0]: 'address' is missing"},
      {R"({"quic": {"peers": [{"id": "b", "address": "b"}, {"id": "b", "address": "c"}]}})",
       ":1: quic.peers[1]: there are two peers with the id 'b'"},
      {R"({"quic": {"retry": {"baseDelay": 500, "maxDelay": 100}}})",
       ":1: quic.retry.maxDelay: 100 ms is out of range: at least baseDelay, which is 500 ms"},
      {R"({"patterns": {"cacheBytes": 2000000, "cacheReserve": 2000001}})",
       ":1: patterns.cacheReserve: 2000001 is out of range: at most cacheBytes, which is 2000000"},
      {R"({"patterns": {"syncPriority": {"high": ["a"], "low": ["a"]}}})",
       ":1: patterns.syncPriority: the type 'a' stands there twice"},
      {R"({"security": {"requireTLS": false}})",
       ":1: security.requireTLS: false is impossible: QUIC is always encrypted; the range is true"},
      {R"({"security": {"rules": {"write": [{"peer": "b"}]}}})", ":1: security.rules.write[0]: 'agents' is missing"},
  };
  const workplace place;
  for (const auto& [text, said] : all) {
    CAPTURE(text);
    const auto file = place.write("node.json", text);
    std::vector<std::string> arguments{"node", "--check", "--config", file};
    for (const auto& flag : place.identity("alpha")) arguments.push_back(flag);
    const auto answer = run(arguments);
    CHECK(answer.code == 2);
    CHECK(answer.output.empty());
    CHECK(answer.errors == "quicsync: error: " + file + said + "\n");
  }
}
