#include "demo_picture.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <unistd.h>

namespace quicsync::cli {
namespace {

constexpr std::size_t name_columns = 18;
constexpr std::size_t figure_columns = 38;  ///< what stands behind a bar, at most
constexpr std::size_t bar_columns_max = 40;

bool has_room() {
  return moves_cursor(STDOUT_FILENO) && terminal_columns(STDOUT_FILENO) > name_columns + figure_columns;
}

std::string bar_of(std::size_t part, std::size_t whole, std::size_t columns, const palette& colours) {
  const auto full = whole == 0 ? 0 : std::min(columns, part * columns / whole);
  std::string bar(colours.good);
  for (std::size_t i = 0; i < full; ++i) bar += "━";
  bar.append(colours.plain).append(colours.faint);
  for (std::size_t i = full; i < columns; ++i) bar += "─";
  return bar.append(colours.plain);
}

}  // namespace

demo_picture::demo_picture(bool wanted) : live_(wanted && has_room()), colours_(colours_of(STDOUT_FILENO)) {}

void demo_picture::draw(const fleet& all, std::span<const std::size_t> heard) {
  if (!live_) return;
  const auto columns = terminal_columns(STDOUT_FILENO);
  const auto taken = name_columns + figure_columns;
  const auto bar_columns = std::min(bar_columns_max, columns > taken + 2 ? columns - taken - 2 : 0);
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < fleet::names.size(); ++i) {
    const std::size_t shared = all.works[i].shared;
    const auto others = heard[i] > shared ? heard[i] - shared : 0;
    lines.push_back(fmt::format("{} {} {}", fitted(fleet::names[i], name_columns),
                                bar_of(shared, all.tests, bar_columns, colours_),
                                fmt::format("{:>6} shared {:>7} heard", shared, others)));
  }
  const std::size_t judged = all.judged;
  lines.push_back(judged == 0 ? std::string("waiting for the first result")
                              : fmt::format("{} judged: {} % coverage, {} tests failed", judged, all.coverage(),
                                            all.failed_tests.load()));
  std::string out = lines_ == 0 ? "" : fmt::format("\x1b[{}A", lines_);
  for (const auto& line : lines) out.append("\r\x1b[2K").append(line).append("\n");
  lines_ = lines.size();
  write_all(STDOUT_FILENO, out);
}

}  // namespace quicsync::cli
