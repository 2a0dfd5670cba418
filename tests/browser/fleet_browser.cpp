// Nodes with agents for the browser test. `browser_fleet DIRECTORY` is alpha: a fleet that works, one of whose agents
// sticks in a handler, with an admin endpoint; it prints {"port":N,"admin":"127.0.0.1:N"}. `browser_fleet DIRECTORY
// NAME PORT` is a peer of it with a few agents. Each runs until a signal. DIRECTORY holds ca.pem, NAME.pem and
// NAME.key, and gets the file `token`.
#include <csignal>
#include <filesystem>
#include <iostream>
#include <thread>

#include <fmt/format.h>

#include <quicsync/actors/agent/agent.hpp>
#include <quicsync/actors/inspect/admin_endpoint.hpp>

using namespace std::chrono_literals;
using quicsync::agent;
using quicsync::task;

namespace {

volatile std::sig_atomic_t over = 0;

task<void> work(agent& self, std::string type, std::chrono::milliseconds pause) {
  for (std::size_t number = 0;; ++number) {
    auto made =
        self.new_pattern(fmt::format("{}-{}", self.name(), number % 400), type,
                         fmt::format(R"({{"number":{},"result":"passed","duration":{}}})", number, 20 + number % 97));
    made.version = 1 + number / 400;
    made.metadata.tags = {"unit"};
    // Waits for no peer, or the slowest would set the pace.
    if (auto posted = self.post(made); !posted) co_await self.sleep(1s);
    co_await self.sleep(pause + std::chrono::milliseconds(number % 23));
  }
}

task<void> listen(agent& self, std::string wanted) {
  auto patterns = self.subscribe(wanted);
  while (auto heard = co_await patterns.next()) continue;
}

task<void> rest(agent& self) {
  for (;;) co_await self.sleep(1min);
}

/// Takes one pattern and never comes back from it, until the node ends.
task<void> stick(agent& self) {
  auto patterns = self.subscribe("type=test_execution");
  co_await patterns.next();
  while (over == 0) std::this_thread::sleep_for(10ms);
}

template <class Result>
auto must(Result&& outcome) {
  if (outcome) return std::move(*outcome);
  std::cerr << to_string(outcome.error()) << '\n';
  std::exit(1);
}

// About 70 patterns a second of all nodes together: of more than a hundred the page is told only how many there were.
void start_fleet(quicsync::server& node) {
  must(node.spawn_agent("report-writer", stick));
  must(node.spawn_agent("test-generator", work, std::string("test_generation"), 40ms));
  must(node.spawn_agent("test-executor", work, std::string("test_execution"), 80ms));
  must(node.spawn_agent("coverage-analyzer", work, std::string("coverage_gap"), 150ms));
  must(node.spawn_agent("quality-gate", listen, std::string("type=coverage_gap")));
  must(node.spawn_agent("flaky-test-hunter", listen, std::string("type=test_execution")));
  for (int i = 0; i < 40; ++i)
    must(node.spawn_agent(fmt::format("worker-{}", i), work, std::string("quality_metrics"), 4s + i * 100ms));
  for (int i = 0; i < 40; ++i)
    must(node.spawn_agent(fmt::format("reviewer-{}", i), listen, std::string("type=review")));
  for (int i = 0; i < 160; ++i) must(node.spawn_agent(fmt::format("auditor-{}", i), rest));
}

void start_few(quicsync::server& node, const std::string& name) {
  const auto pace = std::chrono::milliseconds(200 + 20 * name.size());
  must(node.spawn_agent(name + "-executor", work, std::string("test_execution"), pace));
  must(node.spawn_agent(name + "-analyzer", work, std::string("coverage_gap"), 4 * pace));
}

}  // namespace

int main(int count, char** arguments) {
  const std::filesystem::path trust = arguments[1];
  const bool is_alpha = count == 2;
  const std::string name = is_alpha ? "alpha" : arguments[2];
  quicsync::node_config config;
  config.host = "127.0.0.1";
  config.port = 0;
  config.cert = trust / (name + ".pem");
  config.key = trust / (name + ".key");
  config.ca = trust / "ca.pem";
  if (!is_alpha)
    config.peers = {{"alpha", "127.0.0.1", static_cast<std::uint16_t>(std::stoi(arguments[3])), {}, {}, {}, {}}};
  auto node = must(quicsync::server::make(config));
  if (auto started = node->start(); !started) return 1;
  std::unique_ptr<quicsync::admin_endpoint> admin;
  if (is_alpha) {
    quicsync::admin_setup setup;
    setup.where = "127.0.0.1:0";
    setup.token_file = trust / "token";
    admin = must(quicsync::admin_endpoint::open(*node, std::move(setup)));
    start_fleet(*node);
    std::cout << fmt::format(R"({{"port":{},"admin":"{}"}})", node->port(), admin->where()) << std::endl;
  } else {
    start_few(*node, name);
  }
  for (const int number : {SIGINT, SIGTERM}) std::signal(number, [](int) { over = 1; });
  while (over == 0) std::this_thread::sleep_for(50ms);
}
