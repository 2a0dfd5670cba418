// Where the program's output goes: JSON lines for programs, tables and colours for people on a terminal.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace quicsync::cli {

/// Writes all of it, waiting where the reader is slow. False: the reader is gone or the disk is full; errno says which.
bool write_all(int descriptor, std::string_view text) noexcept;

/// A line to stdout, at once; a reader that has gone is no concern of ours.
void print_line(std::string line);

bool is_terminal(int descriptor) noexcept;
/// Columns of the terminal behind the descriptor; 80 where it does not say.
std::size_t terminal_columns(int descriptor) noexcept;
/// Lines of it; 24 where it does not say.
std::size_t terminal_lines(int descriptor) noexcept;
/// A terminal, and one whose cursor can be moved.
bool moves_cursor(int descriptor) noexcept;

/// Tables or JSON lines on stdout: tables only on a terminal, and not when `--json` asks for JSON.
bool wants_table(bool json_asked) noexcept;

/// Terminal colours; empty text unless the descriptor is a terminal that shows them and NO_COLOR is not set.
struct palette {
  std::string_view strong, faint, good, warn, bad, reverse, plain;
};
palette colours_of(int descriptor) noexcept;

/// The text with every control character replaced by '?': safe to show on a terminal.
std::string printable(std::string_view text);

/// The text in quotes, escaped as RFC 8259 section 7 wants it.
std::string json_quoted(std::string_view text);

/// How many columns UTF-8 text takes, one for each code point.
std::size_t columns_of(std::string_view text) noexcept;
/// Cut to so many columns, with '…' where something is missing, or filled up with spaces.
std::string fitted(std::string_view text, std::size_t columns);

/// Rows under a heading, columns as wide as their widest cell.
class table {
 public:
  enum class side : std::uint8_t { left, right };
  struct column {
    std::string heading;
    side align = side::left;
  };
  explicit table(std::vector<column> columns) : columns_(std::move(columns)) {}
  /// As many cells as there are columns.
  void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  std::string to_string(const palette& colours) const;

 private:
  std::vector<column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace quicsync::cli
