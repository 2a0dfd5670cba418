// Which of the records sent on a lane are settled (acknowledged or refused): a contiguous beginning, and islands beyond
// it.
#pragma once
#include <cstdint>
#include <map>

#include <quicsync/codec/error.hpp>
#include <quicsync/codec/frame.hpp>

namespace quicsync {

class settled_sequences {
 public:
  /// All sequences below this one are settled.
  std::uint64_t settled_before() const noexcept { return settled_before_; }

  /// Adds a range; what was settled already is passed over. `sent`: how many sequences exist.
  /// Errors: bad_frame (beyond what was sent, or turned round), flood (too many islands).
  result<void> add(sequence_range range, std::uint64_t sent);

 private:
  std::uint64_t settled_before_ = 0;
  std::map<std::uint64_t, std::uint64_t> islands_;  ///< first -> one past the last; neither touching nor overlapping
};

}  // namespace quicsync
