// How fast patterns may flow in one direction of one connection: a bucket for patterns and one for bytes. What is over
// it waits; nothing is dropped. Owned by the session; time is an argument.
#pragma once
#include <algorithm>
#include <chrono>
#include <cstdint>

#include <quicsync/actors/config.hpp>
#include <quicsync/transport/endpoint.hpp>

namespace quicsync {

class rate_limit {
 public:
  /// The buckets hold what flows in `burst`, and begin full.
  static constexpr std::chrono::milliseconds burst{50};
  /// Whoever waits is woken when this much time's worth may flow, not for each single pattern.
  static constexpr std::chrono::milliseconds quantum{10};

  explicit rate_limit(const flow_limit& limit) noexcept
      : patterns_(limit.patterns_per_second), bytes_(limit.bytes_per_second) {}

  bool unlimited() const noexcept { return patterns_.rate == 0 && bytes_.rate == 0; }

  /// When some may flow: `now`, or later.
  time_point ready_at(time_point now) noexcept { return std::max(patterns_.ready_at(now), bytes_.ready_at(now)); }

  /// What may flow at once, at least one of each; precondition: ready_at(now) is now.
  std::size_t patterns(time_point now, std::size_t most) noexcept { return patterns_.room(now, most); }
  std::size_t bytes(time_point now, std::size_t most) noexcept { return bytes_.room(now, most); }

  /// So much has flowed. It may have been more than there was room for: the wait that follows is longer then.
  void take(std::size_t patterns, std::size_t bytes, time_point now) noexcept {
    patterns_.take(patterns, now);
    bytes_.take(bytes, now);
  }

 private:
  struct bucket {
    double rate = 0;  ///< a second; 0: no limit
    double level = 0;
    time_point filled{};
    bool begun = false;

    explicit bucket(std::uint64_t per_second) noexcept : rate(static_cast<double>(per_second)) {}

    static double seconds(std::chrono::nanoseconds time) noexcept {
      return std::chrono::duration<double>(time).count();
    }
    double worth(std::chrono::milliseconds time) const noexcept { return std::max(1.0, rate * seconds(time)); }

    void fill(time_point now) noexcept {
      if (!begun) level = worth(burst);
      if (begun && now > filled) level = std::min(worth(burst), level + rate * seconds(now - filled));
      filled = begun ? std::max(now, filled) : now;
      begun = true;
    }
    time_point ready_at(time_point now) noexcept {
      if (rate == 0) return now;
      fill(now);
      const double missing = worth(quantum) - level;
      // A little more than exact, so that rounding does not wake it for nothing.
      return missing <= 0 ? now
                          : now + std::chrono::nanoseconds(1000 + static_cast<std::int64_t>(missing / rate * 1e9));
    }
    std::size_t room(time_point now, std::size_t most) noexcept {
      if (rate == 0) return most;
      fill(now);
      return std::clamp<std::size_t>(level < 1 ? 1 : static_cast<std::size_t>(level), 1, most);
    }
    void take(std::size_t amount, time_point now) noexcept {
      if (rate == 0) return;
      fill(now);
      level -= static_cast<double>(amount);
    }
  };
  bucket patterns_, bytes_;
};

}  // namespace quicsync
