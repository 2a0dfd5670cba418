// Certificates for tests: one directory with two CAs and nodes of both, made once a process and removed at its end.
#pragma once
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>

#include <stdlib.h>

#include <quicsync/transport/certificates.hpp>

namespace quicsync::tests {

/// A new directory that goes away with this object.
class temporary_directory {
 public:
  temporary_directory() {
    auto pattern = (std::filesystem::temp_directory_path() / "quicsync-test-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make a temporary directory");
    path_ = pattern;
  }
  ~temporary_directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  temporary_directory(const temporary_directory&) = delete;
  temporary_directory& operator=(const temporary_directory&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

template <class T>
T must(result<T> made) {
  if (!made) throw std::runtime_error(made.error().context);
  if constexpr (!std::is_void_v<T>) return std::move(*made);
}

/// The identity of a node under the CA named `ca` ("good" or "other"); made where it is not there yet. `days` 0:
/// expired.
inline std::shared_ptr<const credentials> identity_of(const std::string& name, const std::string& ca = "good",
                                                      int days = 365) {
  static temporary_directory directory;
  const auto ca_directory = directory.path() / ca;
  if (!std::filesystem::exists(ca_directory)) must(make_ca(ca_directory));
  const auto nodes = ca_directory / ("days-" + std::to_string(days));
  certificate_files files{nodes / (name + ".pem"), nodes / (name + ".key")};
  if (!std::filesystem::exists(files.certificate)) files = must(make_node_certificate(name, ca_directory, nodes, days));
  return must(credentials::load({files.certificate, files.key, ca_directory / "ca.pem"}, true));
}

}  // namespace quicsync::tests
