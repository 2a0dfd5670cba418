// What a running node answers about itself, and what can be done to it from outside.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <nlohmann/json.hpp>
#include <signal.h>
#include <sys/stat.h>

#include "workplace.hpp"

using namespace quicsync::test;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;
using nlohmann::json;

namespace {

json state_of(const std::string& socket) {
  const auto said = run({"state", "--admin", socket});
  INFO(said.errors);
  REQUIRE(said.code == 0);
  return json::parse(said.output);
}

}  // namespace

TEST_CASE("admin: a node tells its state and peers, and peers come and go", "[cli][net]") {
  const workplace place;
  const auto socket = place.path("run/alpha.sock");
  running_node beta(place, "beta", {"--admin", "none"});
  running_node alpha(place, "alpha", {"--admin", socket, "--events"});

  struct stat about{};
  alpha.program().await_error("admin endpoint");
  REQUIRE(::stat(socket.c_str(), &about) == 0);
  CHECK((about.st_mode & 0777) == 0600);
  REQUIRE(::stat(place.path("run").c_str(), &about) == 0);
  CHECK((about.st_mode & 0777) == 0700);

  auto state = state_of(socket);
  CHECK(state.at("running") == true);
  CHECK(state.at("port") == alpha.port());
  CHECK(state.at("connections") == 0);
  for (const char* name : {"totalSyncs", "totalPatterns", "successfulSyncs", "failedSyncs", "averageLatency",
                           "bytesTransferred", "compressionRatio"})
    CHECK(state.at("stats").contains(name));

  CHECK(run({"peer", "add", "beta@" + beta.address(), "--admin", socket}).code == 0);
  alpha.program().await_output("peer:connected");
  const auto listed = run({"peer", "list", "--admin", socket});
  CHECK(listed.code == 0);
  const auto peers = json::parse(listed.output);
  REQUIRE(peers.size() == 1);
  CHECK(peers[0].at("peerId") == "beta");
  for (const char* name : {"id", "address", "port", "connected", "lastSync", "syncCount", "errorCount", "latency"})
    CHECK(peers[0].contains(name));

  CHECK(run({"peer", "remove", "beta", "--admin", socket}).code == 0);
  CHECK(state_of(socket).at("connections") == 0);
  const auto again = run({"peer", "remove", "beta", "--admin", socket});
  CHECK(again.code == 1);
  CHECK_THAT(again.errors, StartsWith("quicsync: error: ") && ContainsSubstring("'beta'"));
  CHECK(alpha.stop() == 0);
  CHECK(::stat(socket.c_str(), &about) != 0);
}

TEST_CASE("admin: cache clear forgets at one node, delete deletes everywhere", "[cli][net]") {
  const workplace place;
  const auto socket = place.path("alpha.sock");
  running_node alpha(place, "alpha", {"--admin", socket});
  running_node beta(place, "beta", {"--admin", "none", "--peer", "alpha@" + alpha.address()});
  beta.program().await_error("peer:connected");
  const auto writer = place.identity("writer");
  const auto samples = make_samples(3);
  REQUIRE(run(command("share", alpha, writer), lines_of(samples)).code == 0);

  const auto deleted = run(command("delete", alpha, writer, {samples[0].id}));
  INFO(deleted.errors);
  CHECK(deleted.code == 0);
  CHECK_THAT(deleted.output, ContainsSubstring(R"({"deleted":1,"failed":0})"));
  CHECK(run(command("get", alpha, writer, {samples[0].id})).code == 1);
  const auto twice = run(command("delete", alpha, writer, {samples[0].id}));
  CHECK(twice.code == 1);
  CHECK_THAT(twice.errors, ContainsSubstring(samples[0].id));

  const auto cleared = run({"cache", "clear", "--admin", socket});
  CHECK(cleared.code == 0);
  CHECK_THAT(cleared.output, ContainsSubstring("\"cleared\""));
  CHECK(run(command("list", alpha, writer)).output.empty());
}

TEST_CASE("admin: where nobody answers, that is said", "[cli]") {
  const workplace place(false);
  const auto said = run({"state", "--admin", place.path("gone.sock")});
  CHECK(said.code == 1);
  CHECK_THAT(said.errors, StartsWith("quicsync: error: ") && ContainsSubstring("gone.sock"));
}

TEST_CASE("admin: a place where another node answers is refused, what a dead one left is not", "[cli][net]") {
  const workplace place;
  const auto socket = place.path("a.sock");
  {
    running_node alpha(place, "alpha", {"--admin", socket});
    state_of(socket);
    auto arguments = place.identity("beta");
    arguments.insert(arguments.begin(), {"node", "--listen", "127.0.0.1:0", "--admin", socket});
    const auto second = run(arguments);
    CHECK(second.code == 1);
    CHECK_THAT(second.errors, ContainsSubstring("a.sock"));
    alpha.program().signal(SIGKILL);
    alpha.program().wait();
  }
  running_node again(place, "alpha", {"--admin", socket});
  CHECK(state_of(socket).at("running") == true);
}

TEST_CASE("node: SIGHUP reads the configuration again and drops no connection that it does not touch", "[cli][net]") {
  const workplace place;
  running_node beta(place, "beta", {"--admin", "none"});
  running_node gamma(place, "gamma", {"--admin", "none"});
  const auto socket = place.path("alpha.sock");
  auto configure = [&](const std::string& peers, const std::string& allowed) {
    place.write("alpha.json",
                R"({"quic": {"peers": [)" + peers + R"(]}, "security": {"allowedPeers": [)" + allowed + "]}}");
  };
  auto peer = [](const std::string& id, const running_node& node) {
    return R"({"id": ")" + id + R"(", "address": "127.0.0.1", "port": )" + std::to_string(node.port()) + "}";
  };
  configure(peer("beta", beta), R"("beta", "gamma")");
  running_node alpha(place, "alpha", {"--config", place.path("alpha.json"), "--admin", socket, "--events"});
  alpha.program().await_output("peer:connected");
  const auto before = json::parse(run({"peer", "list", "--admin", socket}).output);

  configure(peer("beta", beta) + "," + peer("gamma", gamma), R"("beta", "gamma")");
  alpha.program().signal(SIGHUP);
  CHECK_THAT(alpha.program().await_output("peer:connected"), ContainsSubstring("gamma"));
  const auto after = json::parse(run({"peer", "list", "--admin", socket}).output);
  REQUIRE(after.size() == 2);
  CHECK(after[0].at("id") == before[0].at("id"));

  configure(peer("beta", beta), "");
  alpha.program().signal(SIGHUP);
  CHECK_THAT(alpha.program().await_error("stays as it was"), ContainsSubstring("allowedPeers"));
  configure("", R"("beta")");
  alpha.program().signal(SIGHUP);
  alpha.program().await_output("peer:disconnected");
  alpha.program().await_error("read again");
  CHECK(alpha.stop() == 0);
}
