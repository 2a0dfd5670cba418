#include "terminal.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <thread>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

namespace quicsync::test {
namespace {

using clock = std::chrono::steady_clock;
constexpr auto hang_limit = std::chrono::seconds(30);
constexpr auto looks = std::chrono::milliseconds(20);

std::string shell_quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

}  // namespace

terminal::terminal(int columns, int lines, const std::vector<std::string>& arguments, const std::string& environment) {
  static std::atomic<int> count{0};
  server_ = fmt::format("quicsync-test-{}-{}", ::getpid(), ++count);
  std::string command = fmt::format("sh -c 'echo $$ >\"$0\"; exec env \"$@\"' {} {} {}", shell_quoted(id_file()),
                                    environment, shell_quoted(QUICSYNC_PROGRAM));
  for (const auto& argument : arguments) command += " " + shell_quoted(argument);
  // The pane stays when the program has ended, and shows what it left; an interrupt is for the program alone.
  command = fmt::format("trap : INT; echo before; {}; echo \"ended with $?\"; cat >/dev/null", command);
  ask({"new-session", "-d", "-x", std::to_string(columns), "-y", std::to_string(lines), "sh", "-c", command});
}

terminal::~terminal() {
  ask({"kill-server"});
  std::error_code ignored;
  std::filesystem::remove(id_file(), ignored);
}

std::string terminal::id_file() const { return (std::filesystem::temp_directory_path() / server_).string(); }

std::string terminal::ask(const std::vector<std::string>& arguments) const {
  auto command = fmt::format("LC_ALL=C.UTF-8 tmux -u -f /dev/null -L {}", shell_quoted(server_));
  for (const auto& argument : arguments) command += " " + shell_quoted(argument);
  auto* pipe = ::popen((command + " 2>&1").c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string said;
  std::array<char, 4096> buffer;
  for (std::size_t got; (got = ::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) said.append(buffer.data(), got);
  ::pclose(pipe);
  return said;
}

std::vector<std::string> terminal::lines() const {
  const auto screen = ask({"capture-pane", "-p"});
  std::vector<std::string> lines;
  for (std::size_t begin = 0, end; (end = screen.find('\n', begin)) != std::string::npos; begin = end + 1)
    lines.push_back(screen.substr(begin, end - begin));
  return lines;
}

std::string terminal::await(const std::string& text) const {
  for (const auto give_up = clock::now() + hang_limit;;) {
    const auto all = lines();
    for (const auto& line : all)
      if (line.find(text) != std::string::npos) return line;
    if (clock::now() > give_up) FAIL("no '" << text << "' on the screen:\n" << fmt::format("{}", fmt::join(all, "\n")));
    std::this_thread::sleep_for(looks);
  }
}

void terminal::await_line(std::size_t number, const std::string& beginning) const {
  for (const auto give_up = clock::now() + hang_limit;;) {
    const auto all = lines();
    if (number < all.size() && all[number].rfind(beginning, 0) == 0) return;
    if (clock::now() > give_up)
      FAIL("line " << number << " is not '" << beginning << "':\n" << fmt::format("{}", fmt::join(all, "\n")));
    std::this_thread::sleep_for(looks);
  }
}

void terminal::await_gone(const std::string& text) const {
  for (const auto give_up = clock::now() + hang_limit;;) {
    const auto screen = fmt::format("{}", fmt::join(lines(), "\n"));
    if (screen.find(text) == std::string::npos) return;
    if (clock::now() > give_up) FAIL("still '" << text << "' on the screen:\n" << screen);
    std::this_thread::sleep_for(looks);
  }
}

void terminal::press(const std::vector<std::string>& keys) const {
  for (const auto& key : keys) ask({"send-keys", key});
}
void terminal::type(const std::string& text) const { ask({"send-keys", "-l", text}); }
void terminal::resize(int columns, int lines) const {
  ask({"resize-window", "-x", std::to_string(columns), "-y", std::to_string(lines)});
}

void terminal::signal(int number) const {
  pid_t id = 0;
  std::ifstream(id_file()) >> id;
  REQUIRE(id > 1);
  REQUIRE(::kill(id, number) == 0);
}

bool terminal::taken() const { return ask({"display-message", "-p", "#{alternate_on}#{cursor_flag}"}) != "01\n"; }
std::string terminal::raw() const { return ask({"capture-pane", "-p", "-e"}); }

}  // namespace quicsync::test
