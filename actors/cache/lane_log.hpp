// The log of one lane: which entries were accepted, in order of their positions. In pieces, so that what was superseded
// is swept out a piece at a time. Owned by the pattern table.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <vector>

#include <quicsync/actors/log_cursor.hpp>

namespace quicsync {

class lane_log {
 public:
  /// `entry` was accepted at `position`; it stands there until leave() is called for it.
  struct standing {
    log_position_number position = 0;
    std::uint32_t entry = 0;
  };

  /// Positions ascend. `stands(standing)`: whether something stands at a place that was pushed before.
  template <class Stands>
  void push(log_position_number position, std::uint32_t entry, Stands&& stands) {
    constexpr auto furthest = std::numeric_limits<std::uint32_t>::max();
    if (pieces_.empty() || pieces_.back().places.size() == piece_places || position - pieces_.back().first > furthest) {
      const bool first = pieces_.empty();
      if (!first && is_sparse(pieces_.back())) sweep(pieces_.end() - 1, stands);
      pieces_.push_back({position, {}, 0});
      if (!first) pieces_.back().places.reserve(piece_places);
    }
    auto& last = pieces_.back();
    last.places.push_back({static_cast<std::uint32_t>(position - last.first), entry});
    last_ = position;
    ++size_;
  }

  /// The highest position so far, whether anything stands there or not; 0: none.
  log_position_number last() const noexcept { return last_; }
  /// Places, those included that were left and not swept out yet: at most twice what stands, and a piece.
  std::size_t size() const noexcept { return size_; }

  /// Nothing stands at `position` any more. `stands` as in push().
  template <class Stands>
  void leave(log_position_number position, Stands&& stands) {
    if (pieces_.empty()) return;
    auto at = piece_of(position);
    ++at->left;
    if (is_sparse(*at) && at + 1 != pieces_.end()) sweep(at, stands);
  }

  /// Calls `visit(standing)` for each place after `position`, left ones included, until it returns false. True: there
  /// is no more.
  template <class Visit>
  bool visit_after(log_position_number position, Visit&& visit) const {
    if (position >= last_) return true;
    auto at = std::upper_bound(pieces_.begin(), pieces_.end(), position,
                               [](log_position_number p, const piece& x) { return p < x.first; });
    if (at != pieces_.begin()) --at;
    for (; at != pieces_.end(); ++at) {
      auto place = at->places.begin();
      if (at->first <= position)
        place = std::upper_bound(place, at->places.end(), position - at->first,
                                 [](log_position_number p, const placed& x) { return p < x.offset; });
      for (; place != at->places.end(); ++place)
        if (!visit(standing{at->first + place->offset, place->entry})) return false;
    }
    return true;
  }

  /// How many places are after `position`, left ones included.
  std::size_t places_after(log_position_number position) const {
    std::size_t count = 0;
    for (auto at = pieces_.rbegin(); at != pieces_.rend(); ++at) {
      if (at->first > position) {
        count += at->places.size();
        continue;
      }
      const auto from = std::upper_bound(at->places.begin(), at->places.end(), position - at->first,
                                         [](log_position_number p, const placed& x) { return p < x.offset; });
      return count + static_cast<std::size_t>(at->places.end() - from);
    }
    return count;
  }

  void clear() { *this = {}; }

 private:
  static constexpr std::size_t piece_places = 512;
  struct placed {
    std::uint32_t offset = 0;  ///< from the piece's first position
    std::uint32_t entry = 0;
  };
  struct piece {
    log_position_number first = 0;
    std::vector<placed> places;
    std::size_t left = 0;
  };
  using piece_iterator = std::deque<piece>::iterator;

  static bool is_sparse(const piece& of) noexcept { return of.left * 2 > of.places.size(); }

  piece_iterator piece_of(log_position_number position) {
    auto next = std::upper_bound(pieces_.begin(), pieces_.end(), position,
                                 [](log_position_number p, const piece& x) { return p < x.first; });
    return next == pieces_.begin() ? next : next - 1;
  }

  // A piece that is still written to is left alone. Small ones are put together, so that few places never take many.
  template <class Stands>
  void sweep(piece_iterator at, Stands&& stands) {
    const auto before = at->places.size();
    std::erase_if(at->places, [&](const placed& x) { return !stands(standing{at->first + x.offset, x.entry}); });
    at->left = 0;
    size_ -= before - at->places.size();
    if (at->places.empty()) {
      pieces_.erase(at);
      return;
    }
    if (pieces_.end() - at > 2 && join(at, at + 1)) return;
    if (at != pieces_.begin() && join(at - 1, at)) return;
    at->places.shrink_to_fit();
  }

  bool join(piece_iterator into, piece_iterator next) {
    const auto distance = next->first - into->first;
    if (into->places.size() + next->places.size() > piece_places / 2) return false;
    if (distance + next->places.back().offset > std::numeric_limits<std::uint32_t>::max()) return false;
    for (const placed& x : next->places)
      into->places.push_back({static_cast<std::uint32_t>(distance + x.offset), x.entry});
    into->left += next->left;
    pieces_.erase(next);
    return true;
  }

  std::deque<piece> pieces_;
  log_position_number last_ = 0;
  std::size_t size_ = 0;
};

}  // namespace quicsync
