// A rate as a bucket of tokens that fills with time: so many a second, and no more at once than it holds. A value; time
// is an argument.
#pragma once
#include <algorithm>
#include <chrono>
#include <optional>

namespace quicsync {

class token_bucket {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  /// Holds what a second brings.
  explicit token_bucket(double per_second) : token_bucket(per_second, per_second) {}
  token_bucket(double per_second, double capacity) : per_second_(per_second), capacity_(capacity), tokens_(capacity) {}

  /// False, and nothing is taken, where it holds fewer than `count`.
  bool take(time_point now, double count = 1) {
    fill(now);
    if (tokens_ < count) return false;
    tokens_ -= count;
    return true;
  }
  /// How full it is, from 0 to 1.
  double level(time_point now) {
    fill(now);
    return capacity_ > 0 ? tokens_ / capacity_ : 0;
  }

 private:
  void fill(time_point now) {
    if (filled_ && now > *filled_) {
      const std::chrono::duration<double> passed = now - *filled_;
      tokens_ = std::min(capacity_, tokens_ + passed.count() * per_second_);
    }
    filled_ = filled_ ? std::max(*filled_, now) : now;
  }

  double per_second_;
  double capacity_;
  double tokens_;
  std::optional<time_point> filled_;
};

}  // namespace quicsync
