// A node with agents for the browser test: a fleet that works, one of whose agents sticks in a handler. Prints
// {"port":N,"admin":"127.0.0.1:N"} and runs until a signal. Usage: browser_fleet DIRECTORY, which holds ca.pem,
// alpha.pem and alpha.key and gets the file `token`.
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
    co_await self.share(made);
    co_await self.sleep(pause + std::chrono::milliseconds(number % 23));
  }
}

task<void> listen(agent& self, std::string wanted) {
  auto patterns = self.subscribe(wanted);
  while (auto heard = co_await patterns.next()) continue;
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

void start_fleet(quicsync::server& node) {
  must(node.spawn_agent("report-writer", stick));
  must(node.spawn_agent("test-generator", work, std::string("test_generation"), 12ms));
  must(node.spawn_agent("test-executor", work, std::string("test_execution"), 25ms));
  must(node.spawn_agent("coverage-analyzer", work, std::string("coverage_gap"), 90ms));
  must(node.spawn_agent("quality-gate", listen, std::string("type=coverage_gap")));
  must(node.spawn_agent("flaky-test-hunter", listen, std::string("type=test_execution")));
  for (int i = 0; i < 40; ++i)
    must(node.spawn_agent(fmt::format("reviewer-{}", i), listen, std::string("type=review")));
}

}  // namespace

int main(int, char** arguments) {
  const std::filesystem::path trust = arguments[1];
  quicsync::node_config config;
  config.host = "127.0.0.1";
  config.port = 0;
  config.cert = trust / "alpha.pem";
  config.key = trust / "alpha.key";
  config.ca = trust / "ca.pem";
  auto node = must(quicsync::server::make(config));
  if (auto started = node->start(); !started) return 1;
  quicsync::admin_setup setup;
  setup.where = "127.0.0.1:0";
  setup.token_file = trust / "token";
  auto admin = must(quicsync::admin_endpoint::open(*node, std::move(setup)));
  start_fleet(*node);
  std::cout << fmt::format(R"({{"port":{},"admin":"{}"}})", node->port(), admin->where()) << std::endl;
  for (const int number : {SIGINT, SIGTERM}) std::signal(number, [](int) { over = 1; });
  while (over == 0) std::this_thread::sleep_for(50ms);
}
