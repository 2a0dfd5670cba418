// The admin endpoint of real nodes, asked over sockets by hand: what it tells, whom it refuses, what it changes.
#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <thread>

#include <arpa/inet.h>
#include <catch2/catch_test_macros.hpp>
#include <netinet/in.h>
#include <nlohmann/json.hpp>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <tests/transport/identities.hpp>
#include <unistd.h>

#include <quicsync/actors/agent/agent.hpp>
#include <quicsync/actors/inspect/admin_endpoint.hpp>
#include <quicsync/actors/inspect/admin_token.hpp>
#include <quicsync/codec/limits.hpp>

#include "support.hpp"

using namespace quicsync;
using namespace std::chrono_literals;
using nlohmann::json;
using quicsync::test::make_pattern;

namespace {

struct answered {
  int status = 0;
  std::string head, body;
  json value() const { return json::parse(body); }
};

/// Nodes in a folder of their own, and plain HTTP to their endpoints.
class place {
 public:
  node_config config(const std::string& name) {
    const auto ca = folder_.path() / "ca";
    if (!std::filesystem::exists(ca)) must(make_ca(ca));
    node_config config;
    config.cert = folder_.path() / (name + ".pem");
    config.key = folder_.path() / (name + ".key");
    config.ca = ca / "ca.pem";
    if (!std::filesystem::exists(config.cert)) must(make_node_certificate(name, ca, folder_.path()));
    config.host = "127.0.0.1";
    config.port = 0;
    return config;
  }
  std::unique_ptr<server> started(const std::string& name) {
    auto node = must(server::make(config(name)));
    must(node->start());
    return node;
  }
  std::string file(const std::string& name) const { return (folder_.path() / name).string(); }
  std::unique_ptr<admin_endpoint> at_socket(server& node) {
    admin_setup setup;
    setup.where = file("admin.sock");
    return must(admin_endpoint::open(node, std::move(setup)));
  }
  std::unique_ptr<admin_endpoint> at_port(server& node) {
    admin_setup setup;
    setup.where = "127.0.0.1:0";
    setup.token_file = file("token");
    return must(admin_endpoint::open(node, std::move(setup)));
  }

 private:
  tests::temporary_directory folder_;
};

/// A connection to "/path" or "HOST:PORT".
int connect_to(const std::string& where) {
  int descriptor = -1;
  if (where.front() == '/') {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    where.copy(name.sun_path, sizeof name.sun_path - 1);
    descriptor = ::socket(AF_UNIX, SOCK_STREAM, 0);
    REQUIRE(::connect(descriptor, reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0);
  } else {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(static_cast<std::uint16_t>(std::stoi(where.substr(where.rfind(':') + 1))));
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    descriptor = ::socket(AF_INET, SOCK_STREAM, 0);
    REQUIRE(::connect(descriptor, reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0);
  }
  const timeval patience{20, 0};
  ::setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  return descriptor;
}

void say(int descriptor, const std::string& text) {
  REQUIRE(::send(descriptor, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()));
}

/// Reads until `text` stands in what came, or the other side closes.
std::string hear(int descriptor, const std::string& text = {}) {
  std::string all;
  char some[4096];
  for (;;) {
    const auto count = ::recv(descriptor, some, sizeof some, 0);
    if (count <= 0) return all;
    all.append(some, static_cast<std::size_t>(count));
    if (!text.empty() && all.find(text) != std::string::npos) return all;
  }
}

using headers = std::map<std::string, std::string>;

answered ask(const std::string& where, const std::string& method, const std::string& target, headers with = {},
             const std::string& body = {}) {
  with.try_emplace("Host", where.front() == '/' ? "localhost" : where);
  if (!body.empty()) with.try_emplace("Content-Type", "application/json");
  std::string text = method + " " + target + " HTTP/1.1\r\nConnection: close\r\n";
  if (method == "POST") text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  for (const auto& [name, value] : with) text += name + ": " + value + "\r\n";
  const int descriptor = connect_to(where);
  say(descriptor, text + "\r\n" + body);
  const auto all = hear(descriptor);
  ::close(descriptor);
  const auto end = all.find("\r\n\r\n");
  REQUIRE(end != std::string::npos);
  return {std::stoi(all.substr(9, 3)), all.substr(0, end), all.substr(end + 4)};
}

/// Peers that the node's shares go to.
std::ptrdiff_t readers_of(server& node) {
  const auto state = must(node.state());
  return std::count_if(state.peers.begin(), state.peers.end(), [](const auto& peer) { return peer.reads; });
}

template <class F>
bool soon(F&& condition) {
  for (int i = 0; i < 2000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(10ms);
  }
  return false;
}

}  // namespace

TEST_CASE("admin endpoint: it tells of every actor, peer, stream and pattern of a node that works", "[inspect][net]") {
  place where;
  auto alpha = where.started("alpha"), beta = where.started("beta");
  auto admin = where.at_socket(*alpha);
  const auto at = admin->where();
  struct stat about{};
  REQUIRE(::stat(at.c_str(), &about) == 0);
  CHECK((about.st_mode & 0777) == 0600);

  must(beta->connect_to_peer("127.0.0.1:" + std::to_string(alpha->port()), "alpha").get());
  CHECK(beta->sync_pattern(make_pattern("p", 1)).get().complete());
  CHECK(beta->sync_pattern(make_pattern("p", 2)).get().complete());
  CHECK(alpha->sync_pattern(make_pattern("own", 7)).get().complete());

  const auto state = ask(at, "GET", "/state").value();
  CHECK(state.at("name") == "alpha");
  CHECK(state.at("running") == true);
  CHECK(state.at("patterns") == 2);
  CHECK(state.at("actors").get<int>() >= 6);
  CHECK(state.at("stats").at("successfulSyncs") == 1);

  std::set<std::string> kinds;
  const auto actors = ask(at, "GET", "/actors").value();
  for (const auto& actor : actors.at("actors")) kinds.insert(actor.at("kind"));
  for (const char* kind : {"cache", "coordinator", "gate", "ledger", "peer", "transport"}) {
    INFO(kind);
    CHECK(kinds.count(kind) == 1);
  }
  const auto peer_actor = ask(at, "GET", "/actors?kind=peer").value().at("actors").at(0);
  CHECK(peer_actor.at("name") == "peer beta");
  CHECK(peer_actor.at("messages").get<int>() > 0);

  const auto peers = ask(at, "GET", "/peers").value();
  REQUIRE(peers.size() == 1);
  CHECK(peers[0].at("peerId") == "beta");
  CHECK(peers[0].at("actor") == peer_actor.at("id"));
  CHECK(peers[0].at("rttMs").get<double>() > 0);
  CHECK(peers[0].at("congestionWindow").get<int>() > 0);
  CHECK(peers[0].at("lag").at("records") == 0);
  // What flows while the first digests are on their way is a difference between them, and comes once more.
  CHECK(peers[0].at("lanes").at(1).at("patternsReceived") >= 2);
  CHECK(ask(at, "GET", "/peers?slow=true").value().empty());
  CHECK(ask(at, "GET", "/streams").value().at("streams").size() == 8);
  CHECK(ask(at, "GET", "/graph").value().at("edges").size() > 3);

  const auto found = ask(at, "GET", "/patterns?filter=id%3Dp").value();
  REQUIRE(found.at("patterns").size() == 1);
  CHECK(found.at("patterns").at(0).at("version") == 2);
  CHECK(found.at("patterns").at(0).at("source") == "beta");
  CHECK(found.at("next").is_null());
  const auto first = ask(at, "GET", "/patterns?limit=1").value();
  REQUIRE(first.at("patterns").size() == 1);
  REQUIRE(first.at("next").is_string());
  const auto second = ask(at, "GET", "/patterns?limit=1&after=" + first.at("next").get<std::string>()).value();
  REQUIRE(second.at("patterns").size() == 1);
  CHECK(second.at("patterns").at(0).at("id") != first.at("patterns").at(0).at("id"));

  const auto why = ask(at, "GET", "/patterns/p").value();
  CHECK(why.at("pattern").at("version") == 2);
  CHECK(why.at("why").at("rule") == "version");
  CHECK(why.at("why").at("from") == "beta");
  CHECK(why.at("why").at("over").at("version") == 1);
  CHECK(why.at("why").at("over").at("from") == "beta");
  CHECK(ask(at, "GET", "/patterns/own").value().at("why").at("rule") == "first");
  CHECK(ask(at, "GET", "/patterns/other").status == 404);

  const auto config = ask(at, "GET", "/config");
  CHECK(config.value().at("quic").at("tls").at("key") == "***");
  CHECK(config.body.find("alpha.key") == std::string::npos);
  CHECK(ask(at, "GET", "/healthz").status == 200);
  CHECK(ask(at, "GET", "/readyz").status == 200);
  CHECK(ask(at, "GET", "/").head.find("Content-Security-Policy: default-src 'none'") != std::string::npos);
}

TEST_CASE("admin endpoint: a port of this machine opens only by its token, and no other machine's is taken",
          "[inspect][net]") {
  place where;
  auto alpha = where.started("alpha");
  auto admin = where.at_port(*alpha);
  const auto at = admin->where();
  struct stat about{};
  REQUIRE(::stat(where.file("token").c_str(), &about) == 0);
  CHECK((about.st_mode & 0777) == 0600);
  const auto token = must(read_or_make_token(where.file("token")));
  const headers known{{"Authorization", "Bearer " + token}};

  for (const char* path : {"/state", "/actors", "/graph", "/peers", "/streams", "/patterns", "/patterns/x", "/events",
                           "/config", "/metrics", "/agents", "/nothing"}) {
    INFO(path);
    const auto refused = ask(at, "GET", path);
    CHECK(refused.status == 403);
    CHECK(refused.value().at("code") == "not_allowed");
    CHECK(ask(at, "GET", path, {{"Authorization", "Bearer " + std::string(64, '0')}}).status == 403);
  }
  CHECK(ask(at, "GET", "/").status == 200);
  CHECK(ask(at, "GET", "/healthz").status == 200);
  CHECK(ask(at, "GET", "/state", known).status == 200);
  auto foreign = known;
  foreign["Host"] = "evil.example";
  CHECK(ask(at, "GET", "/state", foreign).status == 403);
  foreign = known;
  foreign["Origin"] = "http://evil.example";
  CHECK(ask(at, "GET", "/state", foreign).status == 403);
  CHECK(ask(at, "POST", "/cache/clear", foreign, "{}").status == 403);
  for (const char* path : {"/peers/add", "/peers/remove", "/cache/clear", "/reload", "/log/level", "/login"}) {
    INFO(path);
    CHECK(ask(at, "GET", path, known).status == 403);
    CHECK(ask(at, "POST", path, {}, "{}").status >= 400);
  }
  auto form = known;
  form["Content-Type"] = "application/x-www-form-urlencoded";
  CHECK(ask(at, "POST", "/cache/clear", form, "a=b").status == 403);

  CHECK(ask(at, "POST", "/login", {}, R"({"token":"wrong"})").status == 403);
  const auto login = ask(at, "POST", "/login", {}, json{{"token", token}}.dump());
  CHECK(login.status == 204);
  const auto begin = login.head.find("Set-Cookie: quicsync=");
  REQUIRE(begin != std::string::npos);
  const auto line = login.head.substr(begin + 12, login.head.find("\r\n", begin) - begin - 12);
  CHECK(line.find("HttpOnly") != std::string::npos);
  CHECK(line.find("SameSite=Strict") != std::string::npos);
  CHECK(line.find(token) == std::string::npos);
  const headers cookie{{"Cookie", line.substr(0, line.find(';'))}};
  CHECK(ask(at, "GET", "/state", cookie).status == 200);
  CHECK(ask(at, "POST", "/logout", cookie).status == 204);
  CHECK(ask(at, "GET", "/state", cookie).status == 403);

  admin_setup outside;
  outside.where = "0.0.0.0:0";
  outside.token_file = where.file("token");
  CHECK(admin_endpoint::open(*alpha, outside).error().code == errc::bad_address);
  ::chmod(where.file("token").c_str(), 0644);
  outside.where = "127.0.0.1:0";
  CHECK(admin_endpoint::open(*alpha, outside).error().code == errc::key_exposed);
}

TEST_CASE("admin endpoint: events stream as they happen, and what is changed is told as an event", "[inspect][net]") {
  place where;
  auto alpha = where.started("alpha");
  auto admin = where.at_socket(*alpha);
  const auto at = admin->where();
  std::vector<int> streams;
  for (std::size_t i = 0; i < limits::event_streams; ++i) {
    streams.push_back(connect_to(at));
    say(streams.back(), "GET /events?patterns=true HTTP/1.1\r\nHost: localhost\r\n\r\n");
    CHECK(hear(streams.back(), "event: stats").find("text/event-stream") != std::string::npos);
  }
  const auto one_more = ask(at, "GET", "/events");
  CHECK(one_more.status == 503);
  CHECK(one_more.head.find("Retry-After") != std::string::npos);
  // As many streams as there may be leave threads for whoever watches the node's health.
  CHECK(ask(at, "GET", "/healthz").status == 200);

  alpha->sync_pattern(make_pattern("seen"));
  const auto told = hear(streams[0], "\"id\":\"seen\"");
  CHECK(told.find("event: pattern:applied\n") != std::string::npos);
  const auto cleared = ask(at, "POST", "/cache/clear", {}, "{}");
  CHECK(cleared.value().at("cleared") == 1);
  CHECK(hear(streams[1], "cache/clear by the socket's owner: done").find("event: admin:action\n") != std::string::npos);
  CHECK(ask(at, "POST", "/peers/remove", {}, R"({"id":"nobody"})").status == 404);
  CHECK(hear(streams[2], "peers/remove nobody by the socket's owner: refused").find("unknown_peer") !=
        std::string::npos);
  CHECK(ask(at, "POST", "/log/level", {}, R"({"level":"debug"})").status == 404);  // this program has no log
  CHECK(ask(at, "POST", "/peers/add", {}, R"({"peer":"nowhere"})").status == 400);
  for (const int each : streams) ::close(each);
  // The room of a stream that its reader left is found free when the next sign of life comes to nobody.
  admin.reset();
}

namespace {

task<void> blocks(agent& self, std::atomic<bool>* go_on) {
  co_await self.sleep(1ms);
  while (!*go_on) std::this_thread::sleep_for(10ms);
}
task<void> works(agent& self) {
  for (;;) co_await self.sleep(50ms);
}

}  // namespace

TEST_CASE("admin endpoint: a pattern is told on the lane where it stands, its type's where it has no priority",
          "[inspect][net]") {
  place where;
  auto config = where.config("alpha");
  config.sync_priority.high = {"test_execution"};
  auto alpha = must(server::make(config));
  must(alpha->start());
  auto admin = where.at_socket(*alpha);
  alpha->sync_pattern(make_pattern("by its type")).get();
  alpha->sync_pattern(make_pattern("by itself", 1, "1", 2)).get();
  const auto lane_of = [&](const std::string& id) {
    return ask(admin->where(), "GET", "/patterns/" + id).value().at("lane").get<std::string>();
  };
  CHECK(lane_of("by%20its%20type") == "high");
  CHECK(lane_of("by%20itself") == "low");
}

TEST_CASE("admin endpoint: a trace is turned on and off by request", "[inspect][net]") {
  place where;
  auto alpha = where.started("alpha"), beta = where.started("beta");
  admin_setup setup;
  setup.where = where.file("admin.sock");
  setup.trace_folder = where.file("traces");
  auto admin = must(admin_endpoint::open(*alpha, setup));
  const auto files = [&] {
    const std::filesystem::directory_iterator all(setup.trace_folder);
    return std::distance(begin(all), end(all));
  };
  must(beta->connect_to_peer("127.0.0.1:" + std::to_string(alpha->port()), "alpha").get());
  CHECK_FALSE(std::filesystem::exists(setup.trace_folder));
  CHECK(ask(admin->where(), "POST", "/trace", {}, R"({"on":true})").value().at("on") == true);
  CHECK(beta->sync_pattern(make_pattern("p")).get().complete());
  CHECK(soon([&] { return files() == 1; }));
  CHECK(ask(admin->where(), "POST", "/trace", {}, R"({"on":false})").value().at("on") == false);
  const auto bytes = std::filesystem::file_size(std::filesystem::directory_iterator(setup.trace_folder)->path());
  CHECK(beta->sync_pattern(make_pattern("q")).get().complete());
  CHECK(std::filesystem::file_size(std::filesystem::directory_iterator(setup.trace_folder)->path()) == bytes);
}

TEST_CASE("admin endpoint: a stuck agent among a hundred is found by name", "[inspect][net]") {
  std::atomic<bool> go_on{false};
  place where;
  auto alpha = where.started("alpha");
  auto admin = where.at_socket(*alpha);
  const auto at = admin->where();
  for (int i = 0; i < 100; ++i) must(alpha->spawn_agent("worker-" + std::to_string(i), works));
  must(alpha->spawn_agent("culprit", blocks, &go_on));
  json stuck;
  CHECK(soon([&] { return !(stuck = ask(at, "GET", "/actors?state=stuck").value().at("actors")).empty(); }));
  REQUIRE(stuck.size() == 1);
  CHECK(stuck.at(0).at("name") == "culprit");
  CHECK(stuck.at(0).at("runningMs").get<double>() > 1000);
  go_on = true;
}

TEST_CASE("admin endpoint: a slow peer is found by name", "[inspect][net]") {
  std::atomic<bool> go_on{false};
  place where;
  auto alpha = where.started("alpha"), beta = where.started("beta"), gamma = where.started("gamma");
  auto admin = where.at_socket(*alpha);
  const auto to_alpha = "127.0.0.1:" + std::to_string(alpha->port());
  must(beta->connect_to_peer(to_alpha, "alpha").get());
  must(gamma->connect_to_peer(to_alpha, "alpha").get());
  CHECK(soon([&] { return readers_of(*alpha) == 2; }));
  must(beta->spawn_agent(agent_options("brake").on(placement::loop), blocks, &go_on));
  std::this_thread::sleep_for(50ms);
  for (int i = 0; i < 20; ++i) alpha->sync_pattern(make_pattern("p" + std::to_string(i)));
  json slow;
  CHECK(soon([&] { return !(slow = ask(admin->where(), "GET", "/peers?slow=true").value()).empty(); }));
  go_on = true;
  REQUIRE(slow.size() == 1);
  CHECK(slow.at(0).at("peerId") == "beta");
  CHECK(slow.at(0).at("lag").at("records").get<int>() > 0);
  CHECK(slow.at(0).at("lag").at("ageMs").get<double>() > 1000);
  CHECK(soon([&] { return ask(admin->where(), "GET", "/peers?slow=true").value().empty(); }));
}

namespace {

task<void> shares(agent& self, std::atomic<int>* done) {
  for (int i = 0; i < 3; ++i) {
    const auto report = co_await self.share(self.new_pattern(self.name() + "-" + std::to_string(i), "test"));
    if (report && report->complete()) ++*done;
  }
  for (;;) co_await self.sleep(200ms);
}

}  // namespace

TEST_CASE("admin endpoint: with 10 peers and 1000 agents under load every actor is named, and the sums are right",
          "[inspect][net]") {
  constexpr int agents = 1000, shares_each = 3, peers = 10;
  std::atomic<int> done{0};
  place where;
  auto alpha = where.started("alpha");
  auto admin = where.at_socket(*alpha);
  const auto at = admin->where();
  std::vector<std::unique_ptr<server>> others;
  for (int i = 0; i < peers; ++i) {
    others.push_back(where.started("peer-" + std::to_string(i)));
    must(others.back()->connect_to_peer("127.0.0.1:" + std::to_string(alpha->port()), "alpha").get());
  }
  // Each has seen alpha; now alpha must have heard of them all, or the first shares wait for fewer.
  CHECK(soon([&] { return readers_of(*alpha) == peers; }));
  for (int i = 0; i < agents; ++i) must(alpha->spawn_agent("agent-" + std::to_string(i), shares, &done));
  CHECK(ask(at, "GET", "/actors?sort=busy&limit=1000").status == 200);  // under load
  CHECK(soon([&] { return done == agents * shares_each; }));

  std::set<std::string> names;
  std::uint64_t matched = 0;
  for (std::size_t offset = 0; offset == 0 || offset < matched; offset += 500) {
    const auto page = ask(at, "GET", "/actors?limit=500&offset=" + std::to_string(offset)).value();
    matched = page.at("matched");
    for (const auto& actor : page.at("actors")) names.insert(actor.at("name"));
  }
  for (int i = 0; i < agents; ++i) CHECK(names.count("agent-" + std::to_string(i)) == 1);
  for (int i = 0; i < peers; ++i) CHECK(names.count("peer peer-" + std::to_string(i)) == 1);

  const auto state = ask(at, "GET", "/state").value();
  CHECK(state.at("agents") == agents);
  CHECK(state.at("actors") == matched);
  CHECK(state.at("patterns") == agents * shares_each);
  CHECK(state.at("stats").at("successfulSyncs") == agents * shares_each * peers);
  const auto kinds = ask(at, "GET", "/actors?limit=1").value().at("kinds");
  CHECK(kinds.at("agent").at("count") == agents);
  CHECK(kinds.at("peer").at("count") == peers);
  // Each agent had a report for each of its shares, beside its own beginnings and waits.
  CHECK(kinds.at("agent").at("messages").get<int>() >= agents * shares_each);
  int sent = 0;
  for (const auto& peer : state.at("peers")) sent += peer.at("patternsSent").get<int>();
  CHECK(sent == agents * shares_each * peers);
  CHECK(ask(at, "GET", "/actors?limit=1001").status == 400);
}
