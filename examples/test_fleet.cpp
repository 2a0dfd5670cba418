// A fleet of four agents on four nodes, each connected to each, who make tests for three modules, run them, look at the
// coverage, and decide about the release. They share patterns and nothing else. Prints:
//
//   coverage of cart: 71 %
//   coverage of checkout: 78 %
//   coverage of login: 85 %
//   quality gate: passed, 78 % on average
#include <iostream>
#include <map>

#include <quicsync/actors/agent/agent.hpp>

#include "local_node.hpp"

using namespace std::chrono_literals;
using quicsync::agent;
using quicsync::task;
constexpr auto from_beginning = quicsync::subscribe_frame::start::beginning;

namespace {

task<void> generate(agent& self) {
  std::vector<quicsync::pattern> tests;
  for (const char* module : {"login", "cart", "checkout"})
    tests.push_back(
        self.new_pattern(std::string("test-") + module, "test_generation", '"' + std::string(module) + '"'));
  auto report = must(co_await self.share(tests));
  if (!report.complete()) throw std::runtime_error("a node has not taken the tests");
}

task<void> execute(agent& self) {
  auto tests = self.subscribe("type=test_generation", from_beginning);
  while (auto test = co_await tests.next())
    co_await self.share(self.new_pattern("run-" + test->id, "test_execution", test->data));
}

task<void> analyze(agent& self) {
  auto runs = self.subscribe("type=test_execution", from_beginning);
  while (auto run = co_await runs.next()) {
    const auto module = run->data.substr(1, run->data.size() - 2);
    const int covered = module == "login" ? 85 : module == "cart" ? 71 : 78;  // a stand-in for a measurement
    co_await self.share(self.new_pattern("coverage-of-" + module, "quality_metrics", std::to_string(covered)));
  }
}

task<void> decide(agent& self, std::promise<void>* done) {
  auto metrics = self.subscribe("type=quality_metrics", from_beginning);
  std::map<std::string, int> coverage;
  while (coverage.size() < 3) {
    auto metric = must(co_await metrics.next(20s));
    coverage[metric.id.substr(12)] = std::stoi(metric.data);
  }
  int sum = 0;
  for (const auto& [module, percent] : coverage) {
    std::cout << "coverage of " << module << ": " << percent << " %\n";
    sum += percent;
  }
  std::cout << "quality gate: " << (sum >= 3 * 75 ? "passed, " : "failed, ") << sum / 3 << " % on average\n";
  done->set_value();
}

}  // namespace

int main() {
  local_trust trust;
  std::promise<void> done;
  std::vector<std::unique_ptr<quicsync::server>> nodes;
  for (const char* name : {"generator", "executor", "analyzer", "gate"}) {
    nodes.push_back(trust.start_node(name));
    for (std::size_t i = 0; i + 1 < nodes.size(); ++i) must(nodes.back()->connect_to_peer(address_of(*nodes[i])).get());
  }
  must(nodes[3]->spawn_agent("gate", decide, &done));
  must(nodes[2]->spawn_agent("analyzer", analyze));
  must(nodes[1]->spawn_agent("executor", execute));
  must(nodes[0]->spawn_agent("generator", generate));
  done.get_future().wait();
}
