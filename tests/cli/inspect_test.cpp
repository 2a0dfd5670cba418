#include <set>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "canned_node.hpp"
#include "terminal.hpp"
#include "workplace.hpp"

using namespace quicsync::test;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;
using nlohmann::json;

namespace {

std::vector<json> rows_of(const std::vector<std::string>& arguments) {
  process one(arguments);
  const int code = one.wait();
  INFO(one.errors());
  REQUIRE(code == 0);
  std::vector<json> rows;
  for (const auto& line : one.output_lines()) rows.push_back(json::parse(line));
  return rows;
}

}  // namespace

TEST_CASE("inspect: JSON lines of all actors, over several pages, those in trouble first", "[cli][net]") {
  const workplace place(false);
  const canned_node node(place.path("a.sock"));
  const auto actors = rows_of({"inspect", "actors", "--admin", node.socket()});
  REQUIRE(actors.size() == 1006);
  CHECK(actors[0].at("name") == "worker-42");
  CHECK(actors[0].at("state") == "stuck");
  CHECK(rows_of({"inspect", "--admin", node.socket()}).size() == 1006);
  const auto stuck = rows_of({"inspect", "actors", "--state", "stuck", "--admin", node.socket()});
  REQUIRE(stuck.size() == 1);
  CHECK(stuck[0].at("name") == "worker-42");

  const auto peers = rows_of({"inspect", "--admin", node.socket(), "peers"});
  REQUIRE(peers.size() == 10);
  CHECK(peers[0].at("peerId") == "theta");
  CHECK(rows_of({"inspect", "streams", "--admin", node.socket()}).size() == 4);
  CHECK(rows_of({"inspect", "config", "--admin", node.socket()}).at(0).at("id") == "alpha");
  const auto why = rows_of({"inspect", "why", "gap 17", "--admin", node.socket()});
  CHECK(why.at(0).at("why").at("over").at("from") == "gamma");
}

TEST_CASE("inspect: on a terminal one look finds the stuck agent and the slow peer by name", "[cli][net]") {
  const workplace place(false);
  const canned_node node(place.path("a.sock"));
  {
    const terminal screen(132, 24, {"inspect", "actors", "--name", "worker-4", "--admin", node.socket()});
    screen.await("ended with 0");
    CHECK(screen.await("stuck or failed: ") == "stuck or failed: worker-42");
    screen.await("111 of 1006 actors, 123456 messages handled");
  }
  {
    const terminal screen(132, 24, {"inspect", "peers", "--admin", node.socket()});
    screen.await("ended with 0");
    CHECK(screen.await("slow or not well: ") == "slow or not well: theta");
    const auto lines = screen.lines();
    CHECK_THAT(lines[1], ContainsSubstring("PEER") && ContainsSubstring("RTT") && ContainsSubstring("LAG"));
    CHECK_THAT(lines[2], StartsWith("! theta") && ContainsSubstring("41876") &&
                             ContainsSubstring("slow: nothing acknowledged for 8.5 s"));
  }
  {
    const terminal screen(132, 24, {"inspect", "why", "gap 17", "--admin", node.socket()});
    screen.await("ended with 0");
    const auto lines = screen.lines();
    CHECK_THAT(lines[1] + lines[2],
               StartsWith("gap 17 version 4 is held since 2025-10-09 08:53:20 UTC, brought by beta: version 4 replaced "
                          "version 3: the greater version wins.") &&
                   ContainsSubstring("had come from gamma."));
  }
}

TEST_CASE("inspect: a pattern that is not there and a node that does not answer end with 1", "[cli][net]") {
  const workplace place(false);
  const canned_node node(place.path("a.sock"));
  CHECK(run({"inspect", "why", "absent", "--admin", node.socket()}).code == 1);
  CHECK(run({"inspect", "peers", "--admin", place.path("gone.sock")}).code == 1);
  CHECK(run({"inspect", "peers"}).code == 2);
  CHECK(run({"inspect", "everything", "--admin", node.socket()}).code == 2);
}

TEST_CASE("inspect: a real node is looked into by its port, with its token and not without", "[cli][net]") {
  const workplace place;
  running_node beta(place, "beta", {"--admin", "none"});
  running_node alpha(
      place, "alpha",
      {"--admin", "127.0.0.1:0", "--admin-token", place.path("token"), "--peer", "beta@" + beta.address()});
  const auto told = alpha.program().await_error("admin:listening");
  auto where = told.substr(told.find("where=") + 6);
  std::erase(where, '"');
  const auto ask = [&](std::vector<std::string> words) {
    words.insert(words.begin(), "inspect");
    words.insert(words.end(), {"--admin", where, "--admin-token", place.path("token")});
    return rows_of(words);
  };
  beta.program().await_error("peer:connected");
  const auto gap = [](int version) {
    return fmt::format(
               R"({{"id":"gap 17","agentId":"a","type":"coverage_gap","data":1,"metadata":{{"source":"a","tags":[]}},)"
               R"("timestamp":{},"version":{}}})",
               1760000000000 + version, version) +
           "\n";
  };
  for (const int version : {1, 2})
    REQUIRE(run(command("share", alpha, place.identity("writer")), gap(version)).code == 0);

  std::set<std::string> names;
  for (const auto& actor : ask({"actors"})) names.insert(actor.at("name").get<std::string>());
  for (const char* name : {"cache", "coordinator", "ledger", "transport", "peer beta"}) {
    INFO(name);
    CHECK(names.count(name) == 1);
  }
  const auto peers = ask({"peers"});
  REQUIRE(peers.size() == 1);
  CHECK(peers[0].at("peerId") == "beta");
  CHECK_FALSE(ask({"streams"}).empty());
  CHECK(ask({"config"}).at(0).at("quic").at("tls").at("key") == "***");
  const auto why = ask({"why", "gap 17"}).at(0).at("why");
  CHECK(why.at("from") == "writer");
  CHECK_THAT(why.at("text").get<std::string>(), ContainsSubstring("version 2 replaced version 1"));
  {
    const terminal screen(80, 24, {"top", "--admin", where, "--admin-token", place.path("token")});
    screen.await("  cache");
    screen.await("no actor is stuck, no peer is slow");
    screen.press({"2"});
    screen.await("  beta");
  }
  CHECK(run({"inspect", "peers", "--admin", where}).code == 2);
  place.write("wrong", "0123456789012345678901234567890123456789012345678901234567890123");
  const auto refused = run({"inspect", "peers", "--admin", where, "--admin-token", place.path("wrong")});
  CHECK(refused.code == 1);
  CHECK_THAT(refused.errors, StartsWith("quicsync: error: "));
}
