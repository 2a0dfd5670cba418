// How often each thing was refused since the start. A value: the endpoint counts, its statistics hand out copies.
#pragma once
#include <array>
#include <cstdint>

#include <quicsync/transport/refusal_reason.hpp>

namespace quicsync {

class refusal_counters {
 public:
  void add(refusal_reason why) noexcept { ++counts_[static_cast<std::size_t>(why)]; }
  std::uint64_t operator[](refusal_reason why) const noexcept { return counts_[static_cast<std::size_t>(why)]; }
  /// Calls `each(reason, count)` in the order of the enumeration, zeros included.
  template <class F>
  void for_each(F&& each) const {
    for (std::size_t i = 0; i < refusal_count; ++i) each(static_cast<refusal_reason>(i), counts_[i]);
  }

 private:
  std::array<std::uint64_t, refusal_count> counts_{};
};

}  // namespace quicsync
