// When to dial again: exponential backoff with full jitter.
#pragma once
#include <chrono>
#include <cstdint>
#include <random>

namespace quicsync {

/// `quic.retry` of the configuration.
struct retry_policy {
  std::uint32_t max_attempts = 3;  ///< after so many the one who asked for the connection is told
  std::chrono::milliseconds base_delay{1000};
  std::chrono::milliseconds max_delay{10000};
  double multiplier = 2;
};

class backoff {
 public:
  backoff(retry_policy policy, std::uint64_t seed) : policy_(policy), random_(seed) {}

  /// Counts a failed attempt and draws the wait before the next one: uniform in
  /// [0, min(base_delay * multiplier^(attempts-1), max_delay)].
  std::chrono::milliseconds next();
  void reset() noexcept { attempts_ = 0; }
  std::uint32_t attempts() const noexcept { return attempts_; }
  bool exhausted() const noexcept { return attempts_ >= policy_.max_attempts; }

 private:
  retry_policy policy_;
  std::mt19937_64 random_;
  std::uint32_t attempts_ = 0;
};

}  // namespace quicsync
