#include <atomic>
#include <cerrno>
#include <cstring>
#include <future>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include <quicsync/codec/filter.hpp>

#include "client.hpp"
#include "commands.hpp"
#include "errors.hpp"
#include "losses.hpp"
#include "output.hpp"
#include "pattern_printer.hpp"
#include "wait_point.hpp"

namespace quicsync::cli {
namespace {

using namespace std::chrono_literals;

// A lost connection's last patterns are still on their way through this process: it is through when it was idle for so
// long.
constexpr auto drained_after = 200ms;
// How often it is looked whether a node was away for too long.
constexpr auto looked_after = 100ms;

struct watch_options {
  client_options client;
  std::string filter;
  std::string since = "now";
  std::uint64_t count = 0;  ///< 0: no end
  std::uint64_t patience_s = 30;
  bool json = false;
};

/// Prints what arrives, on a thread of the node.
class arrivals {
 public:
  arrivals(std::uint64_t count, bool as_table, wait_point& waits) : count_(count), printer_(as_table), waits_(waits) {}

  void take(std::span<const record_view> records) {
    if (over_) return;
    busy_ = true;
    text_.clear();
    auto printed = printed_.load();
    for (const auto& record : records) {
      if (count_ != 0 && printed == count_) break;
      if (auto done = printer_.append(text_, record); !done) {
        end_with(fmt::format("a pattern that cannot be printed: {}", to_string(done.error())));
        break;
      }
      ++printed;
    }
    if (!write_all(STDOUT_FILENO, text_)) {
      // A reader that has gone has had enough.
      end_with(errno == EPIPE ? "" : fmt::format("cannot write to stdout: {}", std::strerror(errno)));
    } else {
      printed_ = printed;
      if (count_reached()) end_with("");
    }
    ++deliveries_;
    busy_ = false;
  }

  /// Nothing more will be printed: the count is reached, or stdout cannot be written to.
  bool over() const noexcept { return over_; }
  bool count_reached() const noexcept { return count_ != 0 && printed_ == count_; }
  std::uint64_t printed() const noexcept { return printed_; }
  /// Of a delivery begun; changes while there is something to print.
  std::uint64_t progress() const noexcept { return deliveries_ * 2 + busy_; }
  bool busy() const noexcept { return busy_; }
  /// Why it ended; empty for an end that is no failure. Only once it is over.
  const std::string& failure() const noexcept { return failure_; }

 private:
  void end_with(std::string failure) {
    if (over_) return;
    failure_ = std::move(failure);
    over_ = true;
    waits_.wake();
  }

  const std::uint64_t count_;
  pattern_printer printer_;
  wait_point& waits_;
  std::string text_;
  std::string failure_;
  std::atomic<std::uint64_t> printed_{0}, deliveries_{0};
  std::atomic<bool> busy_{false}, over_{false};
};

/// Until each peer has answered a question that followed the subscription on its lane, so that it has taken that up.
void await_subscribed(server& node, const std::vector<std::string>& peers, wait_point& waits) {
  auto answers = std::make_shared<std::atomic<std::size_t>>(0);
  for (const auto& peer : peers)
    node.ask_peer(
        query_frame::kind::get, "",
        [answers, &waits](const server::answer& page) {
          if (!page.last) return;
          ++*answers;
          waits.wake();
        },
        peer);
  while (*answers != peers.size() && !waits.interrupted()) waits.wait();
}

void await_drained(const arrivals& shown, wait_point& waits) {
  for (auto before = shown.progress(); !shown.over() && !waits.interrupted();) {
    waits.wait(-1, drained_after);
    const auto now = shown.progress();
    if (now == before && !shown.busy()) return;
    before = now;
  }
}

int verdict(const arrivals& shown, const watch_options& options, const std::optional<losses::loss>& lost,
            bool interrupted) {
  if (shown.count_reached()) return exit_done;
  const auto so_far = options.count == 0
                          ? fmt::format("{} patterns were printed", shown.printed())
                          : fmt::format("{} of {} patterns were printed", shown.printed(), options.count);
  if (shown.over()) {
    if (!shown.failure().empty()) print_error(fmt::format("{}; {}", shown.failure(), so_far));
    return shown.failure().empty() && options.count == 0 ? exit_done : exit_failed;
  }
  if (interrupted) {
    if (options.count == 0) return exit_done;
    print_error(fmt::format("interrupted; {}", so_far));
    return exit_failed;
  }
  if (lost) print_error(fmt::format("{}; {}", lost->to_string(), so_far));
  return exit_failed;
}

int watch(const watch_options& options) {
  auto wanted = filter::parse(options.filter);
  if (!wanted) return report(wanted.error());
  wait_point waits;
  losses lost([&waits] { waits.wake(); });
  arrivals shown(options.count, wants_table(options.json), waits);
  auto node = start_client(options.client);
  if (!node) return report(node.error());
  lost.follow(**node);
  (*node)->subscribe({}, subscribe_frame::start::beginning,
                     [&shown](std::span<const record_view> records) { shown.take(records); });
  peer_wish wish;
  wish.filter = wanted->to_string();
  wish.keep = true;
  wish.from = options.since == "now" ? subscribe_frame::start::now : subscribe_frame::start::beginning;
  auto names = connect_all(**node, options.client, wish, waits);
  if (!names) return report(names.error());
  await_subscribed(**node, *names, waits);
  write_all(STDERR_FILENO, "watching\n");

  // A node that was lost is dialled again, and goes on where it was.
  const std::chrono::seconds patience(options.patience_s);
  std::optional<losses::loss> gone;
  while (!shown.over() && !gone && !waits.interrupted()) {
    waits.wait(-1, lost.first() ? std::optional(looked_after) : std::nullopt);
    gone = lost.lasting(patience);
    if (!gone)
      for (const auto& news : lost.take_news()) write_all(STDERR_FILENO, news + "\n");
  }
  if (gone) await_drained(shown, waits);
  const int code = verdict(shown, options, gone, waits.interrupted());
  node->reset();  // before `shown`, which its deliveries go to
  return code;
}

}  // namespace

action add_watch(CLI::App& app) {
  auto options = std::make_shared<watch_options>();
  add_client_options(app, options->client);
  app.add_option("--filter", options->filter,
                 "Only patterns that match, e.g. 'type=test_* tag=auth !agent=x priority>=5'")
      ->type_name("EXPR");
  app.add_option("--count", options->count, "End after so many patterns")
      ->type_name("N")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 53));
  app.add_option("--since", options->since, "now: only what is new; start: first what the node holds")
      ->check(CLI::IsMember({"now", "start"}))
      ->capture_default_str();
  app.add_option("--patience", options->patience_s, "How long a node that was lost is dialled again before it ends")
      ->type_name("SECONDS")
      ->check(CLI::Range(std::uint64_t{0}, std::uint64_t{1} << 31))
      ->capture_default_str();
  app.add_flag("--json", options->json, "Print JSON on a terminal, too");
  app.footer(
      "Says \"watching\" on stderr once it is subscribed. Runs until a signal, or until --count is reached. A node "
      "that is\n"
      "lost and comes back goes on where it was, without a gap and without repeats.\n\n"
      "Example:\n"
      "  quicsync watch --peer 192.0.2.7:4433 --cert me.pem --key me.key --ca ca.pem --filter 'type=coverage_gap'");
  return [options] { return watch(*options); };
}

}  // namespace quicsync::cli
