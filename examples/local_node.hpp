// What the examples share: nodes on this machine with certificates of a CA made on the fly. A real program is given its
// files.
#pragma once
#include <cstdlib>
#include <filesystem>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>

#include <quicsync/actors/server.hpp>
#include <quicsync/transport/certificates.hpp>

class local_trust {
 public:
  local_trust() {
    auto made = (std::filesystem::temp_directory_path() / "quicsync-XXXXXX").string();
    if (mkdtemp(made.data()) == nullptr) throw std::runtime_error("cannot make a temporary directory");
    folder_ = made;
    check(quicsync::make_ca(folder_));
  }
  ~local_trust() { std::filesystem::remove_all(folder_); }
  local_trust(const local_trust&) = delete;
  local_trust& operator=(const local_trust&) = delete;

  /// A node that listens on a free port.
  std::unique_ptr<quicsync::server> start_node(const std::string& name) {
    auto files = check(quicsync::make_node_certificate(name, folder_, folder_));
    quicsync::node_config config;
    config.host = "127.0.0.1";
    config.port = 0;
    config.cert = files.certificate;
    config.key = files.key;
    config.ca = folder_ / "ca.pem";
    auto node = check(quicsync::server::make(config));
    check(node->start());
    return node;
  }

 private:
  template <class T>
  static T check(quicsync::result<T> got) {
    if (!got) throw std::runtime_error(quicsync::to_string(got.error()));
    if constexpr (!std::is_void_v<T>) return std::move(*got);
  }
  std::filesystem::path folder_;
};

inline std::string address_of(const quicsync::server& node) { return "127.0.0.1:" + std::to_string(node.port()); }
