// What `bench` compares with: the same records in the same compressed batches over a plain ngtcp2 loop, without cache,
// actors or acknowledgements but QUIC's. It receives in a process of its own, made before this one has any other
// thread.
#pragma once
#include <filesystem>
#include <memory>
#include <vector>

#include <quicsync/codec/error.hpp>
#include <quicsync/codec/slab.hpp>

#include "child_process.hpp"

namespace quicsync::cli {

class bench_yardstick {
 public:
  struct figures {
    double seconds = 0;      ///< from the first byte to the last, at the receiver
    double cpu_seconds = 0;  ///< of both processes, for this run
  };

  /// Uses the certificate NAME in `directory` for both sides. Errors: io_failed.
  static result<std::unique_ptr<bench_yardstick>> start(const std::filesystem::path& directory,
                                                        const std::string& name);
  /// Ends the process.
  ~bench_yardstick();

  /// Errors: io_failed, quic_failed.
  result<figures> run(const std::vector<slab_ptr>& records, std::size_t batch);

 private:
  explicit bench_yardstick(std::unique_ptr<child_process> process, std::filesystem::path certificate)
      : process_(std::move(process)), certificate_(std::move(certificate)) {}
  std::unique_ptr<child_process> process_;
  std::filesystem::path certificate_;  ///< without its extension
};

}  // namespace quicsync::cli
