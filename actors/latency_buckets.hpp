// How often something took how long, in buckets that a metric can show. A plain value; 19 words.
#pragma once
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>

namespace quicsync {

class latency_buckets {
 public:
  /// Seconds; what is longer than the last goes into a bucket of its own.
  static constexpr std::array<double, 16> bounds{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
                                                 0.05,   0.1,     0.25,   0.5,   1,      2.5,   5,    10};

  void add(std::chrono::nanoseconds took) noexcept {
    const auto seconds = std::chrono::duration<double>(took).count();
    const auto at = std::lower_bound(bounds.begin(), bounds.end(), seconds) - bounds.begin();
    ++counts[static_cast<std::size_t>(at)];
    sum_seconds += seconds;
  }
  void add(const latency_buckets& other) noexcept {
    for (std::size_t i = 0; i < counts.size(); ++i) counts[i] += other.counts[i];
    sum_seconds += other.sum_seconds;
  }
  std::uint64_t count() const noexcept {
    std::uint64_t all = 0;
    for (const auto n : counts) all += n;
    return all;
  }

  std::array<std::uint64_t, bounds.size() + 1> counts{};  ///< each of its bucket alone
  double sum_seconds = 0;
};

}  // namespace quicsync
