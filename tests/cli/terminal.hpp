// A terminal emulator (tmux) of a given size in which the program runs: what a person would see, and keys as one would
// press them. Every wait ends with what it waits for, or fails the test after half a minute.
#pragma once
#include <string>
#include <vector>

namespace quicsync::test {

class terminal {
 public:
  /// `quicsync ARGUMENTS`; `environment`: "NAME=VALUE …" for it.
  terminal(int columns, int lines, const std::vector<std::string>& arguments, const std::string& environment = {});
  ~terminal();
  terminal(const terminal&) = delete;
  terminal& operator=(const terminal&) = delete;

  /// The screen, a line each, without spaces at the ends.
  std::vector<std::string> lines() const;
  /// Waits until a line holds the text; that line.
  std::string await(const std::string& text) const;
  /// Waits until the line of this number, from 0, begins so.
  void await_line(std::size_t number, const std::string& beginning) const;
  void await_gone(const std::string& text) const;

  /// One after the other, by tmux's names: "q", "Down", "Enter", "NPage".
  void press(const std::vector<std::string>& keys) const;
  void type(const std::string& text) const;
  void resize(int columns, int lines) const;
  /// To the program.
  void signal(int number) const;

  /// The alternate screen is up, or no cursor is to be seen: somebody draws pictures.
  bool taken() const;
  /// The screen with its escape sequences.
  std::string raw() const;

 private:
  std::string ask(const std::vector<std::string>& arguments) const;

  std::string id_file() const;

  std::string server_;
};

}  // namespace quicsync::test
