#include "canned_node.hpp"

#include <algorithm>
#include <thread>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>
#include <httplib.h>

namespace quicsync::test {
namespace {

using json = nlohmann::json;

json actor(int id, const std::string& name, const std::string& kind, double rate) {
  return {{"id", id},
          {"name", name},
          {"kind", kind},
          {"parent", 1},
          {"where", "loop"},
          {"state", kind == "agent" ? "waiting" : "idle"},
          {"waitsFor", kind == "agent" ? "a pattern" : ""},
          {"depth", 0},
          {"messages", 1000 + id},
          {"rate", rate},
          {"busyMs", 10.5},
          {"busyShare", std::min(0.9, rate / 1000)},
          {"longestMs", 1.25},
          {"runningMs", 0},
          {"ageMs", 3600000},
          {"restarts", 0},
          {"lastError", ""}};
}

json all_actors() {
  auto list = json::array();
  int id = 0;
  for (const char* name : {"coordinator", "cache", "ledger", "transport", "gate"})
    list.push_back(actor(++id, name, name, 500));
  for (int i = 0; i < 1000; ++i) list.push_back(actor(++id, fmt::format("worker-{}", i), "agent", i % 97));
  auto& stuck = list[5 + 42];
  stuck["state"] = "stuck";
  stuck["depth"] = 311;
  stuck["rate"] = 0;
  stuck["busyShare"] = 0;
  stuck["waitsFor"] = "";
  stuck["runningMs"] = stuck["longestMs"] = 12345;
  list.push_back(actor(++id, "bell\x1b]0;x\x07", "agent", 1));  // a name that would move the cursor
  return list;
}

json all_peers(int round) {
  auto list = json::array();
  int port = 4433;
  for (const char* name : {"beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda"}) {
    const bool slow = std::string_view(name) == "theta";
    list.push_back(
        {{"id", fmt::format("peer-{}", port - 4432)},
         {"peerId", name},
         {"address", "192.0.2.8"},
         {"port", ++port},
         {"connected", true},
         {"healthy", true},
         {"incoming", false},
         {"errorCount", 0},
         {"patternsSent", 1000 * round},
         {"patternsReceived", 100 * round},
         {"packetsLost", 0},
         {"rttMs", 0.31},
         {"slow", slow},
         {"lag", {{"records", slow ? 41876 : 0}, {"bytes", slow ? 262144 : 0}, {"ageMs", slow ? 8512 : 0}}}});
  }
  return list;
}

json page_of(const httplib::Request& request) {
  const auto all = all_actors();
  const auto value = [&](const char* name) {
    return request.has_param(name) ? request.get_param_value(name) : std::string();
  };
  std::vector<json> matched;
  for (const auto& a : all)
    if (a.at("name").get<std::string>().find(value("name")) != std::string::npos &&
        (value("state").empty() || a.at("state") == value("state")) &&
        (value("kind").empty() || a.at("kind") == value("kind")))
      matched.push_back(a);
  if (value("sort") == "name")
    std::sort(matched.begin(), matched.end(), [](const json& a, const json& b) { return a.at("name") < b.at("name"); });
  else
    std::stable_sort(matched.begin(), matched.end(),
                     [](const json& a, const json& b) { return a.at("rate") > b.at("rate"); });
  const auto number = [&](const char* name, std::size_t otherwise) {
    return request.has_param(name) ? std::stoul(value(name)) : otherwise;
  };
  const auto begin = std::min(matched.size(), number("offset", 0));
  const auto end = std::min(matched.size(), begin + std::min<std::size_t>(1000, number("limit", 100)));
  auto rows = json::array();
  for (auto i = begin; i < end; ++i) rows.push_back(matched[i]);
  return {{"time", 1},
          {"total", all.size()},
          {"matched", matched.size()},
          {"offset", begin},
          {"sums", {{"messages", 123456}, {"depth", 311}}},
          {"actors", rows}};
}

}  // namespace

struct canned_node::implementation {
  httplib::Server http;
  std::thread thread;
  std::mutex mutex;
  std::vector<std::string> targets;
  std::atomic<int> rounds{0};
};

canned_node::canned_node(std::string socket) : socket_(std::move(socket)), impl_(std::make_unique<implementation>()) {
  auto& http = impl_->http;
  http.set_address_family(AF_UNIX);
  const auto answers = [&](const char* path, auto make) {
    http.Get(path, [this, make](const httplib::Request& request, httplib::Response& to) {
      {
        const std::lock_guard lock(impl_->mutex);
        impl_->targets.push_back(request.target);
      }
      to.set_content(make(request).dump() + "\n", "application/json");
    });
  };
  answers("/state", [this](const auto&) -> json {
    const int round = ++impl_->rounds;
    return {{"name", "alpha"},
            {"patterns", 128000},
            {"connections", 10},
            {"actors", 1006},
            {"agents", 1001},
            {"time", 1760000000000 + 1000ll * round},
            {"uptimeMs", 10800000 + 1000 * round},
            {"peers", all_peers(round)}};
  });
  answers("/peers", [](const auto&) { return all_peers(1); });
  answers("/actors", page_of);
  answers("/streams", [](const auto&) -> json {
    auto list = json::array();
    for (const char* lane : {"control", "high", "normal", "low"})
      list.push_back({{"peerId", "beta"},
                      {"connection", "peer-1"},
                      {"lane", lane},
                      {"direction", "out"},
                      {"bytes", 123456},
                      {"unackedBytes", 99},
                      {"windowBytes", 0}});
    return {{"streams", list}};
  });
  answers("/config", [](const auto&) -> json { return {{"id", "alpha"}, {"quic", {{"tls", {{"key", "***"}}}}}}; });
  answers("/patterns/gap%2017|/patterns/gap 17", [](const auto&) -> json {
    return {{"pattern", {{"id", "gap 17"}, {"agentId", "coverage-analyzer"}, {"type", "coverage_gap"}, {"version", 4}}},
            {"lane", "normal"},
            {"why",
             {{"rule", "version"},
              {"text", "version 4 replaced version 3: the greater version wins"},
              {"from", "beta"},
              {"arrived", 1760000000000},
              {"over", {{"version", 3}, {"from", "gamma"}}}}}};
  });
  REQUIRE(http.bind_to_port(socket_, 80));
  impl_->thread = std::thread([this] { impl_->http.listen_after_bind(); });
  while (!http.is_running()) std::this_thread::yield();
}

canned_node::~canned_node() { stop(); }

void canned_node::stop() {
  if (!impl_->thread.joinable()) return;
  impl_->http.stop();
  impl_->thread.join();
}

bool canned_node::was_asked(const std::string& part) const {
  const std::lock_guard lock(impl_->mutex);
  return std::any_of(impl_->targets.begin(), impl_->targets.end(),
                     [&](const std::string& target) { return target.find(part) != std::string::npos; });
}

}  // namespace quicsync::test
