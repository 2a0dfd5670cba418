#include "terminal_screen.hpp"

#include <array>
#include <string_view>
#include <utility>

#include <signal.h>
#include <termios.h>
#include <unistd.h>

#include "output.hpp"
#include "wait_point.hpp"

namespace quicsync::cli {
namespace {

// The alternate screen, no cursor, and lines that do not wrap: one that was drawn for a terminal which has become
// narrower meanwhile would push the others away.
constexpr std::string_view enter = "\x1b[?1049h\x1b[?7l\x1b[?25l";
constexpr std::string_view leave = "\x1b[0m\x1b[?25h\x1b[?7h\x1b[?1049l";  // and back
constexpr std::array deadly{SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGHUP, SIGQUIT};

termios before{};  // for a signal handler, which sees only what is global

void restore() noexcept {
  ::tcsetattr(STDIN_FILENO, TCSANOW, &before);
  [[maybe_unused]] const auto written = ::write(STDOUT_FILENO, leave.data(), leave.size());
}

/// Both calls are safe in a handler, signal-safety(7). The signal's own action follows.
void restore_and_end(int number) {
  restore();
  ::signal(number, SIG_DFL);
  ::raise(number);
}

/// What follows ESC, and the key that it is.
constexpr std::pair<std::string_view, std::string_view> sequences[] = {
    {"[A", "up"},    {"[B", "down"}, {"[C", "right"},   {"[D", "left"},      {"OA", "up"},   {"OB", "down"},
    {"OC", "right"}, {"OD", "left"}, {"[5~", "pageup"}, {"[6~", "pagedown"}, {"[H", "home"}, {"[F", "end"},
    {"[1~", "home"}, {"[4~", "end"}, {"OH", "home"},    {"OF", "end"},
};

/// The sequence of a key that `text` begins with: "ESC [" or "ESC O", parameters, a final byte (ECMA-48, 5.4).
std::size_t sequence_bytes(std::string_view text) {
  if (text.size() < 2 || (text[1] != '[' && text[1] != 'O')) return 1;
  std::size_t end = 2;
  while (end < text.size() && (text[end] < '@' || text[end] > '~')) ++end;
  return end < text.size() ? end + 1 : end;
}

}  // namespace

terminal_screen::terminal_screen() {
  ::tcgetattr(STDIN_FILENO, &before);
  auto raw = before;
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  raw.c_iflag &= ~static_cast<tcflag_t>(IXON);
  raw.c_cc[VMIN] = 0;
  raw.c_cc[VTIME] = 0;
  raw.c_cc[VSUSP] = _POSIX_VDISABLE;  // stopped, it would leave the terminal as it is
  ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw);
  write_all(STDOUT_FILENO, enter);
  for (const int number : deadly) ::signal(number, restore_and_end);
}

terminal_screen::~terminal_screen() {
  for (const int number : deadly) ::signal(number, SIG_DFL);
  restore();
}

void terminal_screen::draw(const std::vector<std::string>& lines) {
  std::string out = "\x1b[H";
  // Erased before it is written: after a full line the cursor is still on its last character.
  for (std::size_t i = 0; i < lines.size(); ++i)
    out.append(i == 0 ? "" : "\r\n").append(i + 1 < lines.size() ? "\x1b[K" : "\x1b[J").append(lines[i]);
  if (lines.empty()) out += "\x1b[J";
  write_all(STDOUT_FILENO, out);
}

std::vector<std::string> terminal_screen::keys() {
  std::string bytes(256, '\0');
  if (!wait_point::readable(STDIN_FILENO)) return {};
  const auto count = ::read(STDIN_FILENO, bytes.data(), bytes.size());
  gone_ = count == 0;
  bytes.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  std::vector<std::string> keys;
  for (std::string_view rest = bytes; !rest.empty();) {
    if (rest[0] == '\x1b') {
      const auto length = sequence_bytes(rest);
      if (length == 1) keys.emplace_back("escape");
      for (const auto& [sequence, key] : sequences)
        if (length > 1 && rest.substr(1, length - 1) == sequence) keys.emplace_back(key);
      rest.remove_prefix(length);
      continue;
    }
    const char c = rest[0];
    if (c == '\r' || c == '\n')
      keys.emplace_back("enter");
    else if (c == '\x7f' || c == '\b')
      keys.emplace_back("backspace");
    else if (c == '\t')
      keys.emplace_back("tab");
    else if (static_cast<unsigned char>(c) >= 0x20)
      keys.emplace_back(1, c);
    rest.remove_prefix(1);
  }
  return keys;
}

}  // namespace quicsync::cli
