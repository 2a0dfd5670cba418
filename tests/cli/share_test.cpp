#include <algorithm>
#include <chrono>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <nlohmann/json.hpp>
#include <signal.h>
#include <sys/stat.h>

#include "silent_port.hpp"
#include "workplace.hpp"

using namespace quicsync::test;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;

namespace {

std::string small(const std::string& id) {
  return R"({"id":")" + id +
         R"(","agentId":"a","type":"t","data":1,"metadata":{"source":"a","tags":[]},"timestamp":1,"version":1})"
         "\n";
}

nlohmann::json report_of(const outcome& said) {
  INFO(said.output << said.errors);
  REQUIRE_FALSE(said.output.empty());
  return nlohmann::json::parse(said.output.substr(said.output.rfind('\n', said.output.size() - 2) + 1));
}

double seconds_since(std::chrono::steady_clock::time_point begun) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
}

}  // namespace

TEST_CASE("share: the report counts patterns and measures bytes and time", "[cli][net]") {
  const workplace place;
  running_node node(place);
  const auto samples = make_samples(3000);
  const auto file = place.write("patterns.jsonl", lines_of(samples));
  const auto said = run(command("share", node, place.identity("writer"), {file}));
  INFO(said.errors);
  CHECK(said.code == 0);
  CHECK(said.errors.empty());
  const auto report = report_of(said);
  CHECK(report.at("shared") == 3000);
  CHECK(report.at("acknowledged") == 3000);
  CHECK(report.at("refused") == 0);
  CHECK(report.at("bytesRaw") == lines_of(samples).size() - samples.size());
  CHECK(report.at("bytesLane") > 0);
  CHECK(report.at("bytesLane") < report.at("bytesRaw"));
  CHECK(report.at("bytesWire") > report.at("bytesLane"));
  CHECK(report.at("seconds") > 0);
  CHECK(report.at("latencyMs").at("p50") > 0);
  CHECK(report.at("latencyMs").at("p99") >= report.at("latencyMs").at("p50"));
  CHECK(node.stop() == 0);
}

TEST_CASE("share: without compression the lanes carry more", "[cli][net]") {
  const workplace place;
  running_node node(place);
  const auto file = place.write("patterns.jsonl", lines_of(make_samples(2000)));
  const auto packed = report_of(run(command("share", node, place.identity("writer"), {file})));
  const auto plain = report_of(run(command("share", node, place.identity("writer"), {"--no-compression", file})));
  CHECK(plain.at("acknowledged") == 2000);
  CHECK(plain.at("bytesLane") > packed.at("bytesLane"));
}

TEST_CASE("share: batches of one are acknowledged, too", "[cli][net]") {
  const workplace place;
  running_node node(place);
  const auto said =
      run(command("share", node, place.identity("writer"), {"--batch", "1", "-"}), lines_of(make_samples(500)));
  CHECK(said.code == 0);
  CHECK(report_of(said).at("acknowledged") == 500);
}

TEST_CASE("share: --level stored is met where the node has no store by what it has", "[cli][net]") {
  const workplace place;
  running_node node(place);
  const auto said =
      run(command("share", node, place.identity("writer"), {"--level", "stored"}), lines_of(make_samples(100)));
  CHECK(said.code == 0);
  CHECK(report_of(said).at("acknowledged") == 100);
}

TEST_CASE("share: a bad line is named, counted and passed over", "[cli][net]") {
  const workplace place;
  running_node node(place);
  const auto file = place.write("mixed.jsonl", small("one") + "{\"id\":\"two\"}\n\n" + "no json\n" + small("three") +
                                                   small("four").substr(0, 30));
  const auto said = run(command("share", node, place.identity("writer"), {file}));
  CHECK(said.code == 1);
  const auto report = report_of(said);
  CHECK(report.at("shared") == 2);
  CHECK(report.at("acknowledged") == 2);
  CHECK(report.at("refused") == 3);
  CHECK_THAT(said.errors, ContainsSubstring("quicsync: error: " + file + ":2: ") && ContainsSubstring("agentId"));
  CHECK_THAT(said.errors, ContainsSubstring("quicsync: error: " + file + ":4: "));
  CHECK_THAT(said.errors, ContainsSubstring("quicsync: error: " + file + ":6: "));
  CHECK(std::count(said.errors.begin(), said.errors.end(), '\n') == 3);
  CHECK(run(command("get", node, place.identity("reader"), {"three"})).code == 0);
}

TEST_CASE("share: a bad line on stdin is named so", "[cli][net]") {
  const workplace place;
  running_node node(place);
  const auto said = run(command("share", node, place.identity("writer")), "[]\n");
  CHECK(said.code == 1);
  CHECK_THAT(said.errors, StartsWith("quicsync: error: stdin:1: "));
}

TEST_CASE("share: an empty input is shared", "[cli][net]") {
  const workplace place;
  running_node node(place);
  const auto said = run(command("share", node, place.identity("writer")));
  CHECK(said.code == 0);
  CHECK(report_of(said).at("shared") == 0);
}

TEST_CASE("share: a lone line leaves at once, while the input stays open", "[cli][net]") {
  const workplace place;
  running_node node(place);
  process watch(command("watch", node, place.identity("reader")));
  watch.await_error("watching");
  process share(command("share", node, place.identity("writer")), process::input::pipe);
  for (const std::string id : {"first", "second", "third"}) {
    share.write(small(id));
    CHECK_THAT(watch.await_output(id), StartsWith("{\"id\":\"" + id + "\""));
  }
  share.close_input();
  CHECK(share.wait() == 0);
}

TEST_CASE("share: ids are written as they are acknowledged", "[cli][net]") {
  const workplace place;
  running_node node(place);
  const auto samples = make_samples(700);
  const auto ids = place.path("acked");
  const auto said = run(command("share", node, place.identity("writer"), {"--acked-ids", ids}), lines_of(samples));
  REQUIRE(said.code == 0);
  std::vector<std::string> expected, written;
  for (const auto& s : samples) expected.push_back(s.id);
  std::ifstream file(ids);
  for (std::string line; std::getline(file, line);) written.push_back(line);
  std::sort(expected.begin(), expected.end());
  std::sort(written.begin(), written.end());
  CHECK(written == expected);
}

TEST_CASE("share: every peer must acknowledge", "[cli][net]") {
  const workplace place;
  running_node alpha(place, "alpha"), beta(place, "beta");
  auto arguments = command("share", alpha, place.identity("writer"), {"--peer", "beta@" + beta.address()});
  const auto said = run(arguments, lines_of(make_samples(1000)));
  INFO(said.errors);
  CHECK(said.code == 0);
  CHECK(report_of(said).at("acknowledged") == 1000);
  for (auto* node : {&alpha, &beta}) {
    const auto held = run(command("list", *node, place.identity("reader")));
    CHECK(std::count(held.output.begin(), held.output.end(), '\n') == 1000);
  }
}

TEST_CASE("share: --to keeps patterns from all the others, whichever way they are connected", "[cli][net]") {
  const workplace place;
  running_node alpha(place, "alpha");
  running_node beta(place, "beta", {"--peer", "alpha@" + alpha.address(), "--events"});
  running_node gamma(place, "gamma", {"--peer", "alpha@" + alpha.address(), "--peer", "beta@" + beta.address()});
  for (int i = 0; i < 2; ++i) beta.program().await_output("peer:connected");
  auto ids_at = [&](const running_node& node) {
    std::set<std::string> ids;
    // Who brought them may ask for them.
    std::istringstream held(run(command("list", node, place.identity("writer"))).output);
    for (std::string line; std::getline(held, line);) ids.insert(nlohmann::json::parse(line).at("id"));
    return ids;
  };
  auto wait_until_held = [&](const running_node& node, const std::string& id) {
    for (int i = 0; i < 300 && ids_at(node).count(id) == 0; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
  };

  // All are connected, one is named.
  auto said = run(command("share", alpha, place.identity("writer"),
                          {"--peer", beta.address(), "--peer", gamma.address(), "--to", "beta"}),
                  small("direct"));
  INFO(said.errors);
  CHECK(said.code == 0);
  CHECK(report_of(said).at("acknowledged") == 1);
  CHECK(ids_at(beta) == std::set<std::string>{"direct"});

  // The named one is reached through the one that is connected.
  said = run(command("share", alpha, place.identity("writer"), {"--to", "beta"}), small("through"));
  CHECK(said.code == 0);
  wait_until_held(beta, "through");

  // What everybody may have comes after it.
  CHECK(run(command("share", alpha, place.identity("writer")), small("for-all")).code == 0);
  for (auto* node : {&beta, &gamma}) wait_until_held(*node, "for-all");
  CHECK(ids_at(alpha) == std::set<std::string>{"through", "for-all"});
  CHECK(ids_at(beta) == std::set<std::string>{"direct", "through", "for-all"});
  CHECK(ids_at(gamma) == std::set<std::string>{"for-all"});
  CHECK(run(command("get", beta, place.identity("writer"), {"through"})).code == 0);
  for (const std::string other : {"gamma", "reader"})
    CHECK(run(command("get", beta, place.identity(other), {"through"})).code == 1);
}

TEST_CASE("share: an interrupt ends it with what was acknowledged", "[cli][net]") {
  const workplace place;
  running_node node(place);
  process watch(command("watch", node, place.identity("reader")));
  watch.await_error("watching");
  process share(command("share", node, place.identity("writer")), process::input::pipe);
  share.write(small("one"));
  watch.await_output("one");
  share.signal(SIGTERM);
  CHECK(share.wait() == 1);
  CHECK_THAT(share.errors(), StartsWith("quicsync: error: interrupted") && ContainsSubstring("of 1 shared"));
  CHECK_THAT(share.output(), StartsWith("{\"shared\":1,"));
}

TEST_CASE("share: a file that is not there", "[cli]") {
  const auto said = run({"share", "--insecure", "--peer", "127.0.0.1:1", "missing.jsonl"});
  CHECK(said.code == 2);
  CHECK_THAT(said.errors, ContainsSubstring("quicsync: error: cannot open missing.jsonl: No such file"));
}

TEST_CASE("share: a host that does not resolve", "[cli][net]") {
  const auto said = run({"share", "--insecure", "--peer", "nowhere.invalid:4433"}, small("one"));
  CHECK(said.code == 1);
  CHECK_THAT(said.errors, ContainsSubstring("quicsync: error: ") && ContainsSubstring("nowhere.invalid"));
}

TEST_CASE("share: a port where nobody listens", "[cli][net]") {
  const workplace place;
  std::string address;
  {
    address = silent_port().address();
  }
  const auto begun = std::chrono::steady_clock::now();
  std::vector<std::string> arguments{"share", "--peer", address};
  for (const auto& a : place.identity("writer")) arguments.push_back(a);
  const auto said = run(arguments, small("one"));
  CHECK(said.code == 1);
  CHECK_THAT(said.errors, StartsWith("quicsync: error: cannot connect to " + address) &&
                              ContainsSubstring("is a node running there"));
  CHECK(seconds_since(begun) < 7);
}

TEST_CASE("share: a peer that does not answer", "[cli][net]") {
  const workplace place;
  const silent_port port;
  const auto begun = std::chrono::steady_clock::now();
  std::vector<std::string> arguments{"share", "--peer", port.address()};
  for (const auto& a : place.identity("writer")) arguments.push_back(a);
  const auto said = run(arguments, small("one"));
  CHECK(said.code == 1);
  CHECK_THAT(said.errors, StartsWith("quicsync: error: cannot connect to " + port.address()));
  CHECK(seconds_since(begun) < 7);
}

TEST_CASE("share: who has no certificate of the node's CA leaves nothing there", "[cli][net]") {
  const workplace place;
  running_node node(place);
  auto refused = [&](const std::vector<std::string>& identity) {
    const auto begun = std::chrono::steady_clock::now();
    auto said = run(command("share", node, identity), small("secret"));
    INFO(said.errors);
    CHECK(said.code == 1);
    CHECK(seconds_since(begun) < 2);
    CHECK_THAT(said.errors, ContainsSubstring("quicsync: error: cannot connect to " + node.address()));
    node.program().await_error("peer:error");
    return said.errors;
  };
  SECTION("a throw-away identity") { CHECK_THAT(refused({"--insecure"}), ContainsSubstring("certificate")); }
  SECTION("another CA") {
    CHECK_THAT(refused(place.foreign_identity("writer")), ContainsSubstring("refused our certificate"));
  }
  SECTION("expired") { CHECK_THAT(refused(place.identity("old", 0)), ContainsSubstring("expired")); }
  const auto held = run(command("list", node, place.identity("reader")));
  CHECK(held.code == 0);
  CHECK(held.output.empty());
}

TEST_CASE("share: a node of another CA is not trusted", "[cli][net]") {
  const workplace place, elsewhere;
  running_node node(place);
  const auto said = run(command("share", node, elsewhere.identity("writer")), small("secret"));
  CHECK(said.code == 1);
  CHECK_THAT(said.errors,
             ContainsSubstring("quicsync: error: cannot connect to " + node.address()) && ContainsSubstring("CA"));
}

TEST_CASE("share: a node that is killed ends it, though the input stays open and silent", "[cli][net]") {
  const workplace place;
  running_node node(place);
  const auto ids = place.path("acked");
  process watch(command("watch", node, place.identity("reader")));
  watch.await_error("watching");
  process share(command("share", node, place.identity("writer"), {"--acked-ids", ids}), process::input::pipe);
  for (const std::string id : {"one", "two"}) {
    share.write(small(id));
    watch.await_output(id);
  }
  node.program().signal(SIGKILL);
  const auto begun = std::chrono::steady_clock::now();
  CHECK(share.wait() == 1);
  CHECK(seconds_since(begun) < 10);
  CHECK_THAT(share.errors(), StartsWith("quicsync: error: lost peer 'alpha': ") &&
                                 ContainsSubstring("of 2 shared patterns were acknowledged"));
  const auto report = nlohmann::json::parse(share.output());
  CHECK(report.at("shared") == 2);
  // What it says was acknowledged is what it wrote down.
  std::ifstream file(ids);
  std::size_t written = 0;
  for (std::string line; std::getline(file, line);) ++written;
  CHECK(report.at("acknowledged") == written);
}

TEST_CASE("share: a node that stops ends it at once", "[cli][net]") {
  const workplace place;
  running_node node(place);
  process watch(command("watch", node, place.identity("reader")));
  watch.await_error("watching");
  process share(command("share", node, place.identity("writer")), process::input::pipe);
  share.write(small("one"));
  watch.await_output("one");
  const auto begun = std::chrono::steady_clock::now();
  CHECK(node.stop() == 0);
  CHECK(share.wait() == 1);
  CHECK(seconds_since(begun) < 4);  // not by the idle timeout
  CHECK_THAT(share.errors(), StartsWith("quicsync: error: lost peer 'alpha': "));
}
