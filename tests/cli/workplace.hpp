// What a test of the program needs around it: a directory of its own with a CA and certificates, files, nodes.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "process.hpp"

namespace quicsync::test {

/// A temporary directory, removed at the end; with a CA in it, unless the test makes its own.
class workplace {
 public:
  explicit workplace(bool with_ca = true);
  ~workplace();
  workplace(const workplace&) = delete;
  workplace& operator=(const workplace&) = delete;

  std::string path(std::string_view name) const { return (directory_ / name).string(); }
  /// Writes a file and gives its path.
  std::string write(std::string_view name, std::string_view text) const;

  /// The flags of an identity under the CA (or another directory's CA); its certificate is made if it is not there yet.
  std::vector<std::string> identity(const std::string& name, int days = 365) const;
  /// The same under another CA, which trusts nobody here; `ca` may still be the right one.
  std::vector<std::string> foreign_identity(const std::string& name) const;

 private:
  std::filesystem::path directory_;
};

/// A node that listens on a free port of 127.0.0.1.
class running_node {
 public:
  explicit running_node(const workplace& place, const std::string& name = "alpha", std::vector<std::string> more = {});
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  std::uint16_t port() const { return port_; }
  process& program() { return program_; }
  /// Ends it with SIGTERM; its exit code.
  int stop();

 private:
  process program_;
  std::uint16_t port_ = 0;
};

/// COMMAND --peer ADDRESS IDENTITY MORE.
std::vector<std::string> command(const std::string& name, const running_node& node,
                                 const std::vector<std::string>& identity, const std::vector<std::string>& more = {});

/// One of the patterns that tests share, with what of it must come out byte for byte.
struct sample {
  std::string line;  ///< the whole pattern as JSON
  std::string id;
  std::string data;  ///< its `data`, as it stands in the line
};
/// `count` distinct patterns of every kind of JSON value, the same ones for the same seed.
std::vector<sample> make_samples(std::size_t count, std::uint64_t seed = 1);
/// Their lines, one after the other.
std::string lines_of(const std::vector<sample>& samples);

/// Fails the test unless `printed` are just these patterns, each exactly once: equal as JSON values, `data` byte for
/// byte.
void require_same(const std::vector<std::string>& printed, const std::vector<sample>& expected);

/// A number that stands as "name":NUMBER in a line of JSON.
double number_in(std::string_view json, std::string_view name);

}  // namespace quicsync::test
