// Two nodes in one process: one shares a pattern, the other prints it. Certificates are made on the fly; two processes
// on two machines do the same with files of their own. Prints:
//
//   coverage-analyzer has: "the cart is never emptied in a test"
//   acknowledged by 1 peer
#include <cstdlib>
#include <filesystem>
#include <future>
#include <iostream>
#include <string>

#include <quicsync/actors/server.hpp>
#include <quicsync/transport/certificates.hpp>

namespace fs = std::filesystem;

namespace {

/// The value, or the program ends and says why.
template <class T>
T expect(quicsync::result<T> got) {
  if (got) return std::move(*got);
  std::cerr << "two_nodes: " << quicsync::to_string(got.error()) << '\n';
  std::exit(1);
}
void expect(const quicsync::result<void>& done) {
  if (done) return;
  std::cerr << "two_nodes: " << quicsync::to_string(done.error()) << '\n';
  std::exit(1);
}

/// A node that listens on a free port of this machine, with a certificate that the CA in `trust` signs.
std::unique_ptr<quicsync::server> start_node(const std::string& name, const fs::path& trust) {
  auto files = expect(quicsync::make_node_certificate(name, trust, trust));
  quicsync::node_config config;
  config.host = "127.0.0.1";
  config.port = 0;
  config.cert = files.certificate;
  config.key = files.key;
  config.ca = trust / "ca.pem";
  auto node = expect(quicsync::server::make(config));
  expect(node->start());
  return node;
}

}  // namespace

int main() {
  auto trust = (fs::temp_directory_path() / "two_nodes-XXXXXX").string();
  if (mkdtemp(trust.data()) == nullptr) return 1;
  expect(quicsync::make_ca(trust));
  std::promise<std::string> arrived;  // made before the nodes, one of whose threads sets it
  auto generator = start_node("test-generator", trust);
  auto analyzer = start_node("coverage-analyzer", trust);
  fs::remove_all(trust);  // the nodes have read what they need

  analyzer->subscribe({}, quicsync::subscribe_frame::start::now, [&](std::span<const quicsync::record_view> records) {
    for (const auto& record : records) arrived.set_value(expect(record.to_pattern()).data);
  });
  expect(generator->connect_to_peer("127.0.0.1:" + std::to_string(analyzer->port()), "coverage-analyzer").get());

  quicsync::pattern gap;
  gap.id = "gap-1";
  gap.agent_id = "test-generator";
  gap.type = "coverage_gap";
  gap.data = R"("the cart is never emptied in a test")";
  gap.metadata.source = "test-generator";
  gap.timestamp = 1760000000000;  // Unix ms
  gap.version = 1;
  auto report = generator->sync_pattern(gap).get();

  std::cout << "coverage-analyzer has: " << arrived.get_future().get() << '\n';
  if (!report.complete()) return 1;
  std::cout << "acknowledged by " << report.peers.size() << " peer\n";
}
