#include <algorithm>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fmt/format.h>
#include <signal.h>

#include "canned_node.hpp"
#include "terminal.hpp"
#include "workplace.hpp"

using namespace quicsync::test;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;

namespace {

std::size_t columns_of(const std::string& line) {
  return static_cast<std::size_t>(std::count_if(line.begin(), line.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

}  // namespace

TEST_CASE("top: at 80 by 24 it names at once who is stuck and who is slow, and fits", "[cli][net]") {
  const workplace place(false);
  const canned_node node(place.path("a.sock"));
  const terminal screen(80, 24, {"top", "--admin", node.socket()});
  CHECK_THAT(screen.await("quicsync top"), ContainsSubstring("alpha") && ContainsSubstring("up 3 h 0 min"));
  CHECK_THAT(screen.await("stuck:"), StartsWith("! stuck: worker-42   slow: theta"));
  screen.await("1001 agents");
  const auto first = screen.await("! worker-42");
  CHECK_THAT(first, ContainsSubstring("stuck") && ContainsSubstring("311") && ContainsSubstring("12 s"));
  screen.await_line(23, "q quit");
  const auto lines = screen.lines();
  REQUIRE(lines.size() == 24);
  CHECK(lines[5] == first);  // the first row
  CHECK_THAT(lines[23], StartsWith("q quit"));
  for (const auto& line : lines) {
    INFO(line);
    CHECK(columns_of(line) <= 80);
    CHECK_FALSE(line.empty());
  }
  screen.press({"2"});
  CHECK_THAT(screen.await("! theta"),
             ContainsSubstring("41876") && ContainsSubstring("8.5 s") && ContainsSubstring("slow"));
  screen.await(" 1000 ");  // patterns a second, of two rounds
  screen.press({"3"});
  screen.await("control");
}

TEST_CASE("top: sorts, filters, scrolls and pauses", "[cli][net]") {
  const workplace place(false);
  const canned_node node(place.path("a.sock"));
  const terminal screen(80, 24, {"top", "--admin", node.socket(), "--interval", "0.2"});
  screen.await("sort: busy");
  screen.press({"s"});
  screen.await("sort: rate");
  CHECK_THAT(screen.await("MSG/S"), ContainsSubstring("MSG/S▾"));
  screen.press({"S", "S"});
  screen.await("sort: name");
  CHECK_THAT(screen.await("KIND"), StartsWith("  NAME▾"));
  screen.await("  bell?]0;x?");  // no control character reaches the terminal
  CHECK(node.was_asked("sort=name"));

  screen.press({"NPage"});
  screen.await("18-34 of 1006");
  screen.press({"Home"});
  screen.await("1-17 of 1006");

  screen.press({"/"});
  screen.type("er-99 ");
  screen.await("filter: er-99 _");
  screen.press({"BSpace", "Enter"});
  screen.await("  worker-998");
  screen.await_gone("transport");
  CHECK(node.was_asked("name=er-99"));
  screen.press({"Escape"});
  screen.await("transport");

  screen.press({"p"});
  const auto title = screen.await("PAUSED");
  screen.press({"?"});
  screen.await("Any key goes back");
  screen.press({"x"});
  CHECK(screen.await("PAUSED") == title);
  screen.press({"p"});
  screen.await_gone("PAUSED");
}

TEST_CASE("top: follows its terminal's size and gives the terminal back, however it ends", "[cli][net]") {
  const workplace place(false);
  canned_node node(place.path("a.sock"));
  const auto ends = [&](auto&& how, const std::string& said) {
    const terminal screen(80, 24, {"top", "--admin", node.socket()});
    screen.await("q quit");
    CHECK(screen.taken());
    how(screen);
    screen.await(said);
    CHECK_FALSE(screen.taken());
    CHECK_THAT(screen.lines()[0], StartsWith("before"));
  };
  ends(
      [](const terminal& screen) {
        screen.resize(120, 40);
        screen.await("MESSAGES");
        screen.await_line(39, "q quit");
        screen.resize(60, 12);
        screen.await_line(11, "q quit");
        for (const auto& line : screen.lines()) CHECK(columns_of(line) <= 60);
        screen.press({"q"});
      },
      "ended with 0");
  ends([](const terminal& screen) { screen.press({"C-c"}); }, "ended with 0");
  ends([](const terminal& screen) { screen.signal(SIGTERM); }, "ended with 0");
  ends([](const terminal& screen) { screen.signal(SIGABRT); }, "ended with 134");
}

TEST_CASE("top: a node that answers no more is told, and what was known stays", "[cli][net]") {
  const workplace place(false);
  canned_node node(place.path("a.sock"));
  const terminal screen(80, 24, {"top", "--admin", node.socket(), "--interval", "0.2"});
  screen.await("! worker-42");
  node.stop();
  screen.await("! no node answers");
  screen.await("! worker-42");
  screen.press({"q"});
  screen.await("ended with 0");
}

TEST_CASE("top: without colours where NO_COLOR says so, and not at all without a terminal", "[cli][net]") {
  const workplace place(false);
  canned_node node(place.path("a.sock"));
  const terminal coloured(80, 24, {"top", "--admin", node.socket()});
  coloured.await("! worker-42");
  CHECK_THAT(coloured.raw(), ContainsSubstring("\x1b[31m"));
  const terminal plain(80, 24, {"top", "--admin", node.socket()}, "NO_COLOR=1");
  plain.await("! worker-42");
  CHECK(plain.raw().find("\x1b[") == std::string::npos);

  const auto said = run({"top", "--admin", node.socket()});
  CHECK(said.code == 2);
  CHECK_THAT(said.errors, ContainsSubstring("quicsync inspect"));
  const terminal nobody(80, 24, {"top", "--admin", place.path("gone.sock")});
  nobody.await("no node answers");
  nobody.await("ended with 1");
}
