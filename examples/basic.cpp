// The shortest whole program: two nodes, one shares a pattern, the other is told of it. Both are in this process; on
// two machines only the certificates and the address would differ. Prints:
//
//   coverage-analyzer has run-1 from test-generator: {"testCase":"Login","result":"passed"}
//   acknowledged by 1 peer
#include <iostream>

#include "local_node.hpp"

int main() {
  local_trust trust;
  std::promise<std::string> arrived;  // made before the nodes, one of whose threads sets it
  auto generator = trust.start_node("test-generator"), analyzer = trust.start_node("coverage-analyzer");
  analyzer->on("pattern:received", [&](const quicsync::event& event) {
    arrived.set_value(event.received->id + " from " + event.source_id + ": " + event.received->data);
  });
  must(generator->connect_to_peer(address_of(*analyzer), "coverage-analyzer").get());

  quicsync::pattern run;
  run.id = "run-1";
  run.agent_id = "test-generator";
  run.type = "test_execution";
  run.data = R"({"testCase":"Login","result":"passed"})";
  run.metadata.source = "test-generator";
  run.metadata.tags = {"unit"};
  run.timestamp = 1760000000000;  // Unix ms
  run.version = 1;
  auto report = generator->sync_pattern(run).get();  // returns when every peer has it

  std::cout << "coverage-analyzer has " << arrived.get_future().get() << '\n';
  if (!report.complete()) return 1;
  std::cout << "acknowledged by " << report.peers.size() << " peer\n";
}
