// Many patterns at once: one call, batches of the configured size on the wire, one report, and what it took. Prints:
//
//   shared 250 patterns with 1 peer, 0 refused
//   archive holds 250, the last one is "result-249"
//   on the wire they took less than half of their JSON
#include <iostream>

#include <quicsync/codec/json.hpp>

#include "local_node.hpp"

namespace {

std::vector<quicsync::pattern> results(int count) {
  std::vector<quicsync::pattern> all(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) {
    auto& result = all[static_cast<std::size_t>(i)];
    result.id = "result-" + std::to_string(i);
    result.agent_id = "runner";
    result.type = "test_execution";
    result.data = R"({"testCase":"checkout_)" + std::to_string(i) + R"(","result":"passed","duration":)" +
                  std::to_string(100 + i % 7) + "}";
    result.metadata.source = "runner";
    result.metadata.tags = {"nightly"};
    result.timestamp = 1760000000000 + i;  // Unix ms
    result.version = 1;
  }
  return all;
}

}  // namespace

int main() {
  local_trust trust;
  auto runner = trust.start_node("runner"), archive = trust.start_node("archive");
  must(runner->connect_to_peer(address_of(*archive), "archive").get());

  const auto all = results(250);
  auto report = runner->sync_patterns(all).get();
  if (!report.complete()) return 1;
  std::cout << "shared " << report.local.size() << " patterns with " << report.peers.size() << " peer, "
            << report.peers[0].refused.size() << " refused\n";

  const auto held = must(archive->cached_patterns());
  std::cout << "archive holds " << held.size() << ", the last one is \"" << must(archive->get("result-249")).id
            << "\"\n";

  std::string json;
  for (const auto& pattern : all) quicsync::append_json(json, pattern);
  const auto sent = must(runner->state()).stats.bytes_sent;  // all UDP payload, the handshake included
  std::cout << "on the wire they took " << (2 * sent < json.size() ? "less" : "more") << " than half of their JSON\n";
}
