#include <algorithm>
#include <cmath>

#include <quicsync/actors/peer/backoff.hpp>

namespace quicsync {

std::chrono::milliseconds backoff::next() {
  ++attempts_;
  double grown = static_cast<double>(policy_.base_delay.count()) * std::pow(policy_.multiplier, attempts_ - 1);
  double bound = std::min(grown, static_cast<double>(policy_.max_delay.count()));
  std::uniform_int_distribution<std::int64_t> draw(0, static_cast<std::int64_t>(bound));
  return std::chrono::milliseconds(draw(random_));
}

}  // namespace quicsync
