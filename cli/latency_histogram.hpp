// How long things took, for quantiles: bounded memory however many there are, within 2 % of the true value.
#pragma once
#include <array>
#include <bit>
#include <chrono>
#include <cstdint>

namespace quicsync::cli {

class latency_histogram {
 public:
  void add(std::chrono::microseconds took, std::uint64_t times = 1) noexcept {
    counts_[index_of(static_cast<std::uint64_t>(took.count() < 0 ? 0 : took.count()))] += times;
    total_ += times;
  }

  /// What the fraction (0 to 1) of them did not exceed, in milliseconds; 0 where there are none.
  double quantile_ms(double fraction) const noexcept {
    if (total_ == 0) return 0;
    const auto wanted = static_cast<std::uint64_t>(fraction * static_cast<double>(total_ - 1)) + 1;
    std::uint64_t seen = 0;
    std::size_t i = 0;
    while (i + 1 < counts_.size() && (seen += counts_[i]) < wanted) ++i;
    return middle_of(i) / 1000.0;
  }

 private:
  // Up to 63 µs one bucket each, then 32 buckets to each doubling.
  static constexpr std::size_t fine = 64, steps = 32;

  static std::size_t index_of(std::uint64_t us) noexcept {
    if (us < fine) return us;
    const auto shift = static_cast<std::size_t>(std::bit_width(us)) - 6;
    const auto index = fine + (shift - 1) * steps + (us >> shift) - steps;
    return index < bucket_count ? index : bucket_count - 1;
  }
  static double middle_of(std::size_t index) noexcept {
    if (index < fine) return static_cast<double>(index);
    const auto shift = (index - fine) / steps + 1;
    const auto lowest = ((index - fine) % steps + steps) << shift;
    return static_cast<double>(lowest) + static_cast<double>((std::uint64_t{1} << shift) - 1) / 2;
  }

  static constexpr std::size_t bucket_count = fine + 40 * steps;  // to beyond a year
  std::array<std::uint64_t, bucket_count> counts_{};
  std::uint64_t total_ = 0;
};

}  // namespace quicsync::cli
