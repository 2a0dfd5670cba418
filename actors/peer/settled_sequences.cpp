#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include <quicsync/actors/peer/settled_sequences.hpp>
#include <quicsync/codec/limits.hpp>

namespace quicsync {

result<void> settled_sequences::add(sequence_range range, std::uint64_t sent) {
  if (range.first > range.last || range.last >= sent)
    return fail(errc::bad_frame,
                fmt::format("acknowledges records {} to {}, but {} were sent", range.first, range.last, sent));
  std::uint64_t first = std::max(range.first, settled_before_);
  std::uint64_t end = range.last + 1;
  if (end <= first) return {};

  auto next = islands_.upper_bound(first);
  if (next != islands_.begin() && std::prev(next)->second >= first) {
    --next;
    first = next->first;
  }
  while (next != islands_.end() && next->first <= end) {
    end = std::max(end, next->second);
    next = islands_.erase(next);
  }
  if (first <= settled_before_) {
    settled_before_ = end;
    return {};
  }
  if (islands_.size() >= limits::acknowledgement_islands)
    return fail(errc::flood, fmt::format("acknowledges in more than {} pieces", limits::acknowledgement_islands));
  islands_.emplace(first, end);
  return {};
}

}  // namespace quicsync
