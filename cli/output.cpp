#include "output.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace quicsync::cli {
namespace {

bool is_continuation(char c) noexcept { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

/// C0, DEL, and C1 as UTF-8 (C2 80 to C2 9F): what a terminal may take for a command.
std::size_t control_bytes_at(std::string_view text, std::size_t at) noexcept {
  const auto byte = static_cast<unsigned char>(text[at]);
  if (byte < 0x20 || byte == 0x7f) return 1;
  if (byte == 0xc2 && at + 1 < text.size() && static_cast<unsigned char>(text[at + 1]) < 0xa0) return 2;
  return 0;
}

}  // namespace

bool write_all(int descriptor, std::string_view text) noexcept {
  while (!text.empty()) {
    const auto count = ::write(descriptor, text.data(), text.size());
    if (count >= 0) {
      text.remove_prefix(static_cast<std::size_t>(count));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      pollfd writable{descriptor, POLLOUT, 0};
      ::poll(&writable, 1, -1);
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

void print_line(std::string line) {
  line += '\n';
  write_all(STDOUT_FILENO, line);
}

bool is_terminal(int descriptor) noexcept { return ::isatty(descriptor) == 1; }

std::size_t terminal_columns(int descriptor) noexcept {
  winsize size{};
  if (::ioctl(descriptor, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

std::size_t terminal_lines(int descriptor) noexcept {
  winsize size{};
  if (::ioctl(descriptor, TIOCGWINSZ, &size) != 0 || size.ws_row == 0) return 24;
  return size.ws_row;
}

bool moves_cursor(int descriptor) noexcept {
  const char* terminal = std::getenv("TERM");
  return is_terminal(descriptor) && terminal != nullptr && std::string_view(terminal) != "dumb";
}

bool wants_table(bool json_asked) noexcept { return !json_asked && is_terminal(STDOUT_FILENO); }

palette colours_of(int descriptor) noexcept {
  const char* refused = std::getenv("NO_COLOR");  // no-color.org
  const char* terminal = std::getenv("TERM");
  const bool dumb = terminal == nullptr || std::string_view(terminal) == "dumb";
  if (!is_terminal(descriptor) || dumb || (refused != nullptr && *refused != '\0')) return {};
  return {"\x1b[1m", "\x1b[2m", "\x1b[32m", "\x1b[33m", "\x1b[31m", "\x1b[7m", "\x1b[0m"};
}

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const auto control = control_bytes_at(text, at);
    out += control == 0 ? text[at] : '?';
    at += std::max<std::size_t>(control, 1);
  }
  return out;
}

std::string json_quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20)
          out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
        else
          out += c;
    }
  }
  return out += '"';
}

std::size_t columns_of(std::string_view text) noexcept {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return !is_continuation(c); }));
}

std::string fitted(std::string_view text, std::size_t columns) {
  const auto taken = columns_of(text);
  if (taken <= columns) return std::string(text) + std::string(columns - taken, ' ');
  std::size_t end = 0;
  for (std::size_t kept = 0; kept + 1 < columns; ++kept)
    for (++end; end < text.size() && is_continuation(text[end]);) ++end;
  return std::string(text.substr(0, end)) + (columns == 0 ? "" : "…");
}

std::string table::to_string(const palette& colours) const {
  std::vector<std::size_t> widths;
  for (const auto& c : columns_) widths.push_back(columns_of(c.heading));
  for (const auto& row : rows_)
    for (std::size_t i = 0; i < widths.size(); ++i) widths[i] = std::max(widths[i], columns_of(row[i]));

  std::string out;
  auto append_row = [&](auto&& cell_of) {
    std::string line;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const std::string& cell = cell_of(i);
      const std::string fill(widths[i] - columns_of(cell), ' ');
      if (i != 0) line += "  ";
      line += columns_[i].align == side::right ? fill + cell : cell + fill;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    return line;
  };
  out += fmt::format("{}{}{}\n", colours.strong,
                     append_row([&](std::size_t i) -> auto& { return columns_[i].heading; }), colours.plain);
  for (const auto& row : rows_) out += append_row([&](std::size_t i) -> auto& { return row[i]; }) + '\n';
  return out;
}

}  // namespace quicsync::cli
