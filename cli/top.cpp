#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include "admin.hpp"
#include "commands.hpp"
#include "errors.hpp"
#include "output.hpp"
#include "terminal_screen.hpp"
#include "top_view.hpp"
#include "wait_point.hpp"

namespace quicsync::cli {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::seconds answer_timeout{3};  ///< what a person waits for at most after `q`
constexpr std::size_t troubled_max = 40;
constexpr auto screen_looks = 200ms;  ///< how late a screen of another size is seen
constexpr std::size_t columns_min = 40, lines_min = 8;

/// One round of questions. `rows`: of actors.
result<top_answers> ask_node(const admin_options& admin, const top_view::question& about, std::size_t rows) {
  top_answers answers;
  const auto get = [&](const std::string& target) { return ask(admin, target, answer_timeout); };
  auto node = get("/state").and_then(read_node);
  if (!node) return fail(std::move(node.error()));
  answers.node = std::move(*node);
  if (about.of == top_view::page::streams) {
    auto streams = get("/streams").and_then(read_streams);
    if (!streams) return fail(std::move(streams.error()));
    answers.streams = std::move(*streams);
  }
  for (const char* state : {"stuck", "failed", "starved", "restarting"}) {
    auto some = get(fmt::format("/actors?state={}&limit={}", state, troubled_max)).and_then(read_actors);
    if (!some && some.error().code == errc::not_found) return answers;  // this node does not count its actors
    if (!some) return fail(std::move(some.error()));
    answers.troubled.matched += some->matched;
    for (auto& actor : some->actors) answers.troubled.actors.push_back(std::move(actor));
  }
  if (about.of == top_view::page::actors) {
    auto page = get(fmt::format("/actors?sort={}&offset={}&limit={}{}", about.sort, about.offset, rows,
                                about.filter.empty() ? "" : "&name=" + url_encoded(about.filter)))
                    .and_then(read_actors);
    if (!page) return fail(std::move(page.error()));
    answers.actors = std::move(*page);
  }
  return answers;
}

/// Asks on a thread of its own, so that keys are answered at once, however slow the node is.
class asker {
 public:
  asker(admin_options admin, std::chrono::milliseconds interval, wait_point& waits)
      : admin_(std::move(admin)), interval_(interval), waits_(waits), thread_([this] { run(); }) {}
  ~asker() {
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }
  asker(const asker&) = delete;
  asker& operator=(const asker&) = delete;

  void want(const top_view::question& about, std::size_t rows) {
    {
      const std::lock_guard lock(mutex_);
      if (about == about_ && rows == rows_) return;
      about_ = about;
      rows_ = rows;
      at_once_ = true;
    }
    changed_.notify_one();
  }

  /// What has come since the last call.
  std::optional<result<top_answers>> taken() {
    const std::lock_guard lock(mutex_);
    return std::exchange(come_, std::nullopt);
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    while (!over_) {
      at_once_ = false;
      const auto about = about_;
      const auto rows = rows_;
      lock.unlock();
      auto answers = ask_node(admin_, about, rows);
      lock.lock();
      if (!at_once_) come_ = std::move(answers);  // else it answers a question that is asked no more
      waits_.wake();
      changed_.wait_for(lock, interval_, [this] { return over_ || at_once_; });
    }
  }

  const admin_options admin_;
  const std::chrono::milliseconds interval_;
  wait_point& waits_;
  std::mutex mutex_;
  std::condition_variable changed_;
  top_view::question about_ = top_view().asks();
  std::size_t rows_ = 100;
  bool at_once_ = false, over_ = false;
  std::optional<result<top_answers>> come_;
  std::thread thread_;  ///< last: it uses the others
};

int show(const admin_options& admin, std::chrono::milliseconds interval) {
  wait_point waits;
  top_view view;
  auto first = ask_node(admin, view.asks(), 100);
  if (!first) return report(first.error());
  view.take(std::move(*first));
  asker node(admin, interval, waits);
  terminal_screen screen;
  const auto colours = colours_of(STDOUT_FILENO);
  std::size_t columns = 0, lines = 0;
  bool changed = true;
  while (!waits.interrupted() && !screen.gone()) {
    if (auto answers = node.taken(); answers && !view.paused()) {
      if (*answers)
        view.take(std::move(**answers));
      else
        view.lost(to_string(answers->error()));
      changed = true;
    }
    for (const auto& key : screen.keys()) {
      if (!view.press(key)) return exit_done;
      changed = true;
    }
    const auto now_columns = std::max(columns_min, terminal_columns(STDOUT_FILENO));
    const auto now_lines = std::max(lines_min, terminal_lines(STDOUT_FILENO));
    if (changed || now_columns != columns || now_lines != lines) {
      columns = now_columns;
      lines = now_lines;
      screen.draw(view.picture(columns, lines, colours));
      changed = false;
    }
    if (!view.paused()) node.want(view.asks(), lines);
    waits.wait(STDIN_FILENO, screen_looks);
  }
  return exit_done;
}

}  // namespace

action add_top(CLI::App& app) {
  auto admin = std::make_shared<admin_options>();
  auto interval = std::make_shared<double>(1);
  add_admin_option(app, *admin);
  app.add_option("--interval", *interval, "Seconds from one picture to the next")
      ->check(CLI::Range(0.1, 60.0))
      ->capture_default_str();
  app.footer(
      "Actors, peers and streams, live; those that are stuck or slow come first. The last line names the keys.\n\n"
      "Example:\n"
      "  quicsync top --admin /run/user/1000/quicsync/alpha.sock");
  return [=] {
    if (!moves_cursor(STDOUT_FILENO) || !is_terminal(STDIN_FILENO)) {
      print_error("top wants a terminal; `quicsync inspect` prints the same once, and JSON lines elsewhere");
      return exit_usage;
    }
    return show(*admin, std::chrono::milliseconds(static_cast<long>(*interval * 1000)));
  };
}

}  // namespace quicsync::cli
