// Places in the cache's log. Every accepted record gets the next position; each lane's records stand in the log in that
// order. A reader (a peer, a subscriber, a query) remembers one position per lane: what it has been given so far.
#pragma once
#include <array>
#include <cstdint>

#include <quicsync/transport/lane.hpp>

namespace quicsync {

/// Counts the records a cache has accepted since its incarnation began; the first one is 1.
using log_position_number = std::uint64_t;

/// The last position given, by lane; all zeros: nothing yet. The control lane carries no records.
struct log_cursor {
  std::array<log_position_number, lane_count> last{};

  static log_cursor at(log_position_number position) noexcept {
    log_cursor c;
    c.last.fill(position);
    return c;
  }
  log_position_number& operator[](lane l) noexcept { return last[index_of(l)]; }
  log_position_number operator[](lane l) const noexcept { return last[index_of(l)]; }
  bool operator==(const log_cursor&) const = default;
};

/// A set of lanes.
class lane_set {
 public:
  constexpr lane_set() = default;
  static constexpr lane_set all_patterns() noexcept {
    return lane_set{}.with(lane::high).with(lane::normal).with(lane::low);
  }
  constexpr lane_set with(lane l) const noexcept {
    lane_set s = *this;
    s.bits_ = static_cast<std::uint8_t>(s.bits_ | (1u << index_of(l)));
    return s;
  }
  constexpr bool has(lane l) const noexcept { return (bits_ >> index_of(l)) & 1u; }
  constexpr bool empty() const noexcept { return bits_ == 0; }
  constexpr bool operator==(const lane_set&) const = default;

 private:
  std::uint8_t bits_ = 0;
};

/// Where a record's priority puts it: 8-10 high, 4-7 normal, 1-3 low, none normal.
constexpr lane lane_of_priority(int priority) noexcept {
  if (priority >= 8) return lane::high;
  if (priority >= 1 && priority <= 3) return lane::low;
  return lane::normal;
}

}  // namespace quicsync
