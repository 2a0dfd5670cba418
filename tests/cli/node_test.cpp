#include <algorithm>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <nlohmann/json.hpp>
#include <signal.h>
#include <sys/stat.h>

#include "workplace.hpp"

using namespace quicsync::test;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;

namespace {

std::vector<std::string> node_with(const std::vector<std::string>& identity, const std::vector<std::string>& more) {
  std::vector<std::string> arguments{"node"};
  arguments.insert(arguments.end(), identity.begin(), identity.end());
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

}  // namespace

TEST_CASE("node: says its port first, and ends with 0 at a signal", "[cli][net]") {
  const workplace place;
  running_node node(place);
  node.program().signal(GENERATE(SIGTERM, SIGINT));
  CHECK(node.program().wait() == 0);
  const auto lines = node.program().output_lines();
  REQUIRE(lines.size() == 1);
  const auto first = nlohmann::json::parse(lines.front());
  CHECK(first.at("event") == "server:started");
  CHECK(first.at("port") == node.port());
}

TEST_CASE("node: with --events every event is a line", "[cli][net]") {
  const workplace place;
  running_node alpha(place, "alpha", {"--events", "--store", "none", "--admin", "none", "--id", "alpha"});
  running_node beta(place, "beta", {"--peer", "alpha@" + alpha.address()});
  const auto connected = nlohmann::json::parse(alpha.program().await_output("peer:connected"));
  CHECK(connected.at("peerId") == "beta");
  CHECK(beta.stop() == 0);
  CHECK(nlohmann::json::parse(alpha.program().await_output("peer:disconnected")).at("peerId") == "beta");
  CHECK(alpha.stop() == 0);
  const auto lines = alpha.program().output_lines();
  CHECK(nlohmann::json::parse(lines.front()).at("event") == "server:started");
  CHECK(nlohmann::json::parse(lines.back()).at("event") == "server:stopped");
}

TEST_CASE("node: one that is not who was expected is not connected to", "[cli][net]") {
  const workplace place;
  running_node alpha(place);
  running_node beta(place, "beta", {"--peer", "gamma@" + alpha.address(), "--events"});
  const auto failed = nlohmann::json::parse(beta.program().await_output("peer:error"));
  CHECK(failed.at("code") == "certificate_name");
  CHECK_THAT(beta.program().await_error("certificate_name"), ContainsSubstring("peer:error"));
}

TEST_CASE("node: --insecure is loud", "[cli][net]") {
  process node({"node", "--insecure", "--listen", "127.0.0.1:0"});
  node.await_output("server:started");
  node.signal(SIGTERM);
  CHECK(node.wait() == 0);
  CHECK_THAT(node.errors(), StartsWith("quicsync: warning: --insecure"));
}

TEST_CASE("node: a port in use", "[cli][net]") {
  const workplace place;
  running_node first(place);
  const auto second = run(node_with(place.identity("beta"), {"--listen", first.address()}));
  CHECK(second.code == 1);
  CHECK(second.output.empty());
  CHECK_THAT(second.errors,
             StartsWith("quicsync: error: ") && ContainsSubstring(first.address()) && ContainsSubstring("--listen"));
}

TEST_CASE("node: a host that does not resolve", "[cli][net]") {
  const workplace place;
  const auto said = run(node_with(place.identity("alpha"), {"--listen", "nowhere.invalid:0"}));
  CHECK(said.code == 1);
  CHECK_THAT(said.errors, StartsWith("quicsync: error: ") && ContainsSubstring("nowhere.invalid"));
}

TEST_CASE("node: bad certificates are refused at the start", "[cli][net]") {
  const workplace place;
  auto identity = place.identity("alpha");
  SECTION("a name that is not the certificate's") {
    const auto said = run(node_with(identity, {"--id", "omega", "--listen", "127.0.0.1:0"}));
    CHECK(said.code == 1);
    CHECK_THAT(said.errors, ContainsSubstring("'omega'") && ContainsSubstring("'alpha'"));
  }
  SECTION("a file that is not there") {
    identity[1] = place.path("missing.pem");
    const auto said = run(node_with(identity, {"--listen", "127.0.0.1:0"}));
    CHECK(said.code == 2);
    CHECK_THAT(said.errors, ContainsSubstring("missing.pem"));
  }
  SECTION("a key that others can read") {
    REQUIRE(::chmod(place.path("ca/alpha.key").c_str(), 0644) == 0);
    const auto said = run(node_with(identity, {"--listen", "127.0.0.1:0"}));
    CHECK(said.code == 2);
    CHECK_THAT(said.errors, ContainsSubstring("alpha.key") && ContainsSubstring("chmod 600"));
  }
  SECTION("a key of another certificate") {
    place.identity("beta");
    identity[3] = place.path("ca/beta.key");
    const auto said = run(node_with(identity, {"--listen", "127.0.0.1:0"}));
    CHECK(said.code == 2);
    CHECK_THAT(said.errors, ContainsSubstring("beta.key"));
  }
  SECTION("one that has expired") {
    const auto said = run(node_with(place.identity("old", 0), {"--listen", "127.0.0.1:0"}));
    CHECK(said.code == 1);
    CHECK_THAT(said.errors, ContainsSubstring("expired"));
  }
}

TEST_CASE("node: a configuration file is enough, and flags win over it", "[cli][net]") {
  const workplace place;
  place.identity("alpha");
  const auto file = place.write("node.json", R"({"id": "alpha", "quic": {"host": "127.0.0.1", "port": 1,
      "tls": {"cert": "ca/alpha.pem", "key": "ca/alpha.key", "ca": "ca/ca.pem"}}})");
  process node({"node", "--config", file, "--admin", "none", "--listen", "127.0.0.1:0"});
  CHECK(number_in(node.await_output("server:started"), "port") > 1);
  node.signal(SIGTERM);
  CHECK(node.wait() == 0);
}

TEST_CASE("node: --check says ok, or in one line what is wrong", "[cli]") {
  const workplace place;
  place.identity("alpha");
  const std::string tls = R"("tls": {"cert": "ca/alpha.pem", "key": "ca/alpha.key", "ca": "ca/ca.pem"})";
  struct configuration {
    std::string text;
    std::string said;  ///< empty: ok
  };
  const auto [text, said] = GENERATE_COPY(values<configuration>({
      {"{\"quic\": {" + tls + "}}", ""},
      {"{\"quic\": {" + tls + ", \"enabled\": false}}", ""},
      {"{\"quic\": {" + tls + "},}", ":1: not JSON near '}'"},
      {"{\n\"quic\": {" + tls + ",\n\"prot\": 4433}}", ":3: quic.prot: unknown key; did you mean 'port'?"},
      {R"({"quic": {"port": "4433"}})", ":1: quic.port: a string where an integer is wanted"},
      {R"({"quic": {"port": 65536}})", ":1: quic.port: 65536 is out of range: 0 to 65535"},
      {"{}", "no identity without --cert, --key, --ca"},
      {R"({"id": "omega", "quic": {)" + tls + "}}", "the id is 'omega'"},
      {R"({"quic": {"tls": {"cert": "gone.pem", "key": "ca/alpha.key", "ca": "ca/ca.pem"}}})", "gone.pem"},
  }));
  const auto file = place.write("node.json", text);
  const auto answer = run({"node", "--check", "--config", file});
  CAPTURE(text, answer.errors);
  CHECK(answer.code == (said.empty() ? 0 : 2));
  CHECK(answer.output == (said.empty() ? "ok\n" : ""));
  if (said.empty()) return;
  CHECK_THAT(answer.errors, StartsWith("quicsync: error: ") && ContainsSubstring(said));
  CHECK(std::count(answer.errors.begin(), answer.errors.end(), '\n') == 1);
}

TEST_CASE("node: a configuration that is switched off or not there is not run", "[cli]") {
  const workplace place;
  place.identity("alpha");
  const auto off = place.write("off.json", R"({"quic": {"enabled": false,
      "tls": {"cert": "ca/alpha.pem", "key": "ca/alpha.key", "ca": "ca/ca.pem"}}})");
  auto said = run({"node", "--config", off});
  CHECK(said.code == 2);
  CHECK_THAT(said.errors, ContainsSubstring("quic.enabled is false"));
  said = run({"node", "--config", place.path("gone.json")});
  CHECK(said.code == 2);
  CHECK_THAT(said.errors, ContainsSubstring("gone.json"));
}
