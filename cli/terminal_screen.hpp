// A terminal as a screen to draw on, and its keys. While it lives, what the terminal showed before is kept aside;
// whatever ends the program, the terminal is as it was. One at a time; the program's main thread.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

namespace quicsync::cli {

class terminal_screen {
 public:
  /// Of stdin and stdout, both of which are terminals.
  terminal_screen();
  ~terminal_screen();
  terminal_screen(const terminal_screen&) = delete;
  terminal_screen& operator=(const terminal_screen&) = delete;

  /// As many lines as the screen has at most, each no wider than it is.
  void draw(const std::vector<std::string>& lines);

  /// Keys that wait, without waiting for one: a character, or "up", "down", "left", "right", "pageup", "pagedown",
  /// "home", "end", "enter", "escape", "backspace", "tab". Others are left out.
  std::vector<std::string> keys();
  /// Nobody is at the keys any more, as keys() has found.
  bool gone() const { return gone_; }

 private:
  bool gone_ = false;
};

}  // namespace quicsync::cli
