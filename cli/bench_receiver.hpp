// The receiving side of `bench`: a node in a process of its own that counts what reaches its subscriber and how long
// that took. Made before this process has any other thread.
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include <sys/types.h>

#include <quicsync/codec/error.hpp>

namespace quicsync::cli {

/// A bench pattern's timestamp: when it was shared, in nanoseconds of the monotonic clock, which all processes of a
/// machine read alike.
std::int64_t bench_clock_ns() noexcept;

class bench_receiver {
 public:
  /// What it has seen since its start or the last restart().
  struct reading {
    std::uint64_t patterns = 0;
    double cpu_seconds = 0;  ///< of its process, since its start
    double p50_us = 0, p99_us = 0;
  };

  /// Starts a node with the certificate NAME in `directory` on a free port. Errors: io_failed, and what the node's
  /// start gives.
  static result<std::unique_ptr<bench_receiver>> start(const std::filesystem::path& directory, const std::string& name);
  /// Ends the process.
  ~bench_receiver();

  const std::string& name() const noexcept { return name_; }
  std::uint16_t port() const noexcept { return port_; }
  /// Errors: io_failed when the process has died.
  result<reading> read() { return ask('r'); }
  /// The same, and its counts begin anew.
  result<reading> restart() { return ask('b'); }

 private:
  result<reading> ask(char question);
  bench_receiver(pid_t process, int asking, int answering, std::string name)
      : process_(process), asking_(asking), answering_(answering), name_(std::move(name)) {}

  pid_t process_;
  int asking_, answering_;  ///< our ends of the pipes to and from it
  std::string name_;
  std::uint16_t port_ = 0;
};

}  // namespace quicsync::cli
