// The live picture of `quicsync demo` on a terminal: how far each agent of the fleet is, drawn over itself.
#pragma once
#include <span>

#include "demo_fleet.hpp"
#include "output.hpp"

namespace quicsync::cli {

class demo_picture {
 public:
  /// On stdout. Where that is no terminal whose cursor can be moved, nothing is drawn.
  explicit demo_picture(bool wanted);

  bool live() const noexcept { return live_; }
  /// `heard`: patterns that each node has, its own included.
  void draw(const fleet& all, std::span<const std::size_t> heard);

 private:
  bool live_;
  palette colours_;
  std::size_t lines_ = 0;  ///< drawn the last time
};

}  // namespace quicsync::cli
