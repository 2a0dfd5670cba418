// A node that joins late has what was shared before it came, and then what is new: an agent on it reads both from one
// subscription, in which a pattern that was replaced meanwhile shows its newest version only. Prints:
//
//   finding-1 version 2: "fixed"
//   finding-2 version 1: "open"
//   now the newcomer is up to date
//   finding-3 version 1: "open"
#include <iostream>

#include <quicsync/actors/agent/agent.hpp>

#include "local_node.hpp"

using namespace std::chrono_literals;
using quicsync::agent;
using quicsync::task;

namespace {

quicsync::pattern finding(int number, std::uint64_t version, std::string data) {
  quicsync::pattern p;
  p.id = "finding-" + std::to_string(number);
  p.agent_id = "scanner";
  p.type = "security_finding";
  p.data = std::move(data);
  p.timestamp = 1760000000000 + number;  // Unix ms
  p.version = version;
  return p;
}

task<void> follow(agent& self, std::promise<void>* up_to_date, std::promise<void>* done) {
  auto findings = self.subscribe("type=security_finding", quicsync::subscribe_frame::start::beginning);
  for (int seen = 1; seen <= 3; ++seen) {
    auto p = must(co_await findings.next(10s));
    std::cout << p.id << " version " << p.version << ": " << p.data << '\n';
    if (seen == 2) up_to_date->set_value();
  }
  done->set_value();
}

}  // namespace

int main() {
  local_trust trust;
  std::promise<void> up_to_date, done;  // made before the nodes, one of whose threads sets them
  auto early = trust.start_node("early");
  early->sync_pattern(finding(1, 1, R"("open")")).get();
  early->sync_pattern(finding(1, 2, R"("fixed")")).get();
  early->sync_pattern(finding(2, 1, R"("open")")).get();

  auto late = trust.start_node("late");
  must(late->spawn_agent("reader", follow, &up_to_date, &done));
  must(late->connect_to_peer(address_of(*early), "early").get());
  up_to_date.get_future().wait();
  std::cout << "now the newcomer is up to date\n";
  early->sync_pattern(finding(3, 1, R"("open")")).get();
  done.get_future().wait();
}
