// What the examples share: nodes on this machine with certificates of a CA made on the fly. A real program is given its
// files.
#pragma once
#include <cstdlib>
#include <filesystem>
#include <future>
#include <memory>
#include <string>

#include <quicsync/actors/agent/must.hpp>
#include <quicsync/actors/server.hpp>
#include <quicsync/transport/certificates.hpp>

class local_trust {
 public:
  local_trust() {
    auto made = (std::filesystem::temp_directory_path() / "quicsync-XXXXXX").string();
    if (mkdtemp(made.data()) == nullptr) throw std::runtime_error("cannot make a temporary directory");
    folder_ = made;
    must(quicsync::make_ca(folder_));
  }
  ~local_trust() { std::filesystem::remove_all(folder_); }
  local_trust(const local_trust&) = delete;
  local_trust& operator=(const local_trust&) = delete;

  /// A node that listens on a free port.
  std::unique_ptr<quicsync::server> start_node(const std::string& name) {
    auto files = must(quicsync::make_node_certificate(name, folder_, folder_));
    quicsync::node_config config;
    config.host = "127.0.0.1";
    config.port = 0;
    config.cert = files.certificate;
    config.key = files.key;
    config.ca = folder_ / "ca.pem";
    auto node = must(quicsync::server::make(config));
    must(node->start());
    return node;
  }

 private:
  std::filesystem::path folder_;
};

inline std::string address_of(const quicsync::server& node) { return "127.0.0.1:" + std::to_string(node.port()); }
