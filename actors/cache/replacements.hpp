// What lately replaced what, and how much two such versions have in common: from this a peer that holds the one before
// can be sent what changed. By the log's positions, in pieces; a piece goes when every peer has passed it, or when
// there are too many. Owned by the pattern table.
#pragma once
#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>

#include <quicsync/actors/log_cursor.hpp>
#include <quicsync/codec/delta.hpp>
#include <quicsync/codec/delta_limits.hpp>

namespace quicsync {

class replacements {
 public:
  /// A record replaced another.
  struct step {
    log_position_number over = 0;  ///< where the one stood that went; 0: nothing is known
    common_ends kept;
    std::uint32_t source = 0;  ///< the peer_number of who had brought that
    lane on = lane::normal;    ///< where it stood
  };

  /// Positions ascend. `passed`: up to there every peer has acknowledged everything.
  template <class Passed>
  void note(log_position_number position, const step& what, Passed&& passed) {
    const auto number = position / piece_positions;
    if (pieces_.empty() || number - first_ > pieces_max) {
      pieces_.clear();
      first_ = number;
    }
    if (number - first_ >= pieces_.size()) {
      while (number - first_ >= pieces_.size()) pieces_.emplace_back();
      const log_position_number needed_from = passed();
      while (pieces_.size() > 1 && (pieces_.size() > pieces_max || (first_ + 1) * piece_positions <= needed_from)) {
        pieces_.pop_front();
        ++first_;
      }
    }
    auto& at = pieces_[number - first_];
    if (!at) at = std::make_unique<piece>();
    (*at)[position % piece_positions] = what;
  }

  /// What the record at `position` has in common with the latest of those before it of which `holds(step)` is true:
  /// that the one that went is held. Nullopt: with none, or it is not known any more.
  template <class Holds>
  std::optional<common_ends> since(log_position_number position, Holds&& holds) const {
    std::optional<common_ends> kept;
    for (unsigned i = 0; i < limits::delta_steps; ++i) {
      const step* const what = find(position);
      if (what == nullptr) return std::nullopt;
      kept = kept ? joined(what->kept, *kept) : what->kept;
      if (holds(*what)) return kept;
      position = what->over;
    }
    return std::nullopt;
  }

  bool empty() const noexcept { return pieces_.empty(); }
  void clear() { pieces_.clear(); }
  std::size_t bytes() const noexcept {
    std::size_t sum = 0;
    for (const auto& at : pieces_) sum += at ? sizeof(piece) : 0;
    return sum;
  }

 private:
  static constexpr std::size_t piece_positions = 1024;
  static constexpr std::size_t pieces_max = limits::replacements_kept / piece_positions;
  using piece = std::array<step, piece_positions>;

  const step* find(log_position_number position) const noexcept {
    const auto number = position / piece_positions;
    if (number < first_ || number - first_ >= pieces_.size() || !pieces_[number - first_]) return nullptr;
    const step& what = (*pieces_[number - first_])[position % piece_positions];
    return what.over == 0 ? nullptr : &what;
  }

  std::deque<std::unique_ptr<piece>> pieces_;  ///< null: nothing was replaced there
  std::uint64_t first_ = 0;                    ///< number of the first piece
};

}  // namespace quicsync
