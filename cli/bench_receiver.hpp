// The receiving side of `bench`: a node in a process of its own that counts what reaches its subscriber and how long
// that took. Made before this process has any other thread.
#pragma once
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include <quicsync/actors/agent/agent_options.hpp>
#include <quicsync/codec/error.hpp>

#include "child_process.hpp"

namespace quicsync::cli {

/// A bench pattern's timestamp: when it was shared, in nanoseconds of the monotonic clock, which all processes of a
/// machine read alike.
std::int64_t bench_clock_ns() noexcept;

/// The receiving node's; see node_config.
struct bench_receiver_options {
  std::chrono::microseconds busy_poll{0};
  std::uint64_t cache_reserve = 0;
  bool store = false;  ///< it keeps what it gets in NAME.db
};

class bench_receiver {
 public:
  /// What it has seen since its start or the last restart().
  struct reading {
    std::uint64_t patterns = 0;
    double cpu_seconds = 0;  ///< of its process, since its start
    double p50_us = 0, p99_us = 0;
  };

  /// Starts a node with the certificate NAME in `directory` on a free port; what arrives there is counted by a handler
  /// of server::subscribe(). Errors: io_failed, and what the node's start gives.
  static result<std::unique_ptr<bench_receiver>> start(const std::filesystem::path& directory, const std::string& name,
                                                       const bench_receiver_options& options);
  /// Ends the process.
  ~bench_receiver();

  const std::string& name() const noexcept { return name_; }
  std::uint16_t port() const noexcept { return port_; }
  /// Errors: io_failed when the process has died.
  result<reading> read();
  /// From now on an agent that lives there counts, and its counts begin anew.
  result<reading> restart(placement where);

 private:
  result<reading> ask(char question);
  bench_receiver(std::unique_ptr<child_process> process, std::string name)
      : process_(std::move(process)), name_(std::move(name)) {}

  std::unique_ptr<child_process> process_;
  std::string name_;
  std::uint16_t port_ = 0;
};

}  // namespace quicsync::cli
