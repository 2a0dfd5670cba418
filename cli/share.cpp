#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

#include <CLI/CLI.hpp>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <quicsync/codec/limits.hpp>

#include "client.hpp"
#include "commands.hpp"
#include "delivery.hpp"
#include "errors.hpp"
#include "line_reader.hpp"
#include "output.hpp"
#include "wait_point.hpp"

namespace quicsync::cli {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

// A slow peer is waited for; one that is gone is noticed by the connection's idle timeout.
constexpr auto no_deadline = std::chrono::hours(24 * 365);
constexpr auto progress_interval = 200ms;
// After a loss: what the other reports still say comes at once.
constexpr auto last_reports_wait = 500ms;

struct share_options {
  client_options client;
  std::string file = "-";
  std::string level = "applied";
  std::string acknowledged_ids;
  std::vector<std::string> only_to;  ///< names; empty: everybody
  std::size_t batch = 0;             ///< 0: not given
  bool no_compression = false;
  bool json = false;
};

/// A file that is closed at the end; stdin stays open.
class descriptor {
 public:
  explicit descriptor(int number = -1) : number_(number) {}
  descriptor(descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  descriptor& operator=(descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~descriptor() {
    if (number_ > STDERR_FILENO) ::close(number_);
  }
  int get() const noexcept { return number_; }

 private:
  int number_;
};

result<descriptor> open_file(const std::string& path, int flags) {
  const int number = ::open(path.c_str(), flags | O_CLOEXEC, 0666);
  if (number < 0) return fail(errc::no_file, fmt::format("cannot open {}: {}", path, std::strerror(errno)));
  return descriptor(number);
}

result<descriptor> open_input(const std::string& path) {
  if (path == "-") return descriptor(STDIN_FILENO);
  return open_file(path, O_RDONLY);
}

/// Reads patterns and hands them over until the input ends, a peer is lost or a signal comes.
class sharing {
 public:
  sharing(server& node, const share_options& options, delivery& to, const losses& lost, wait_point& waits, int input)
      : to_(to),
        lost_(lost),
        waits_(waits),
        input_(input),
        lines_(input, limits::pattern_bytes),
        name_(options.file == "-" ? "stdin" : options.file),
        slab_(node.new_slab()),
        slab_patterns_(options.batch == 0 ? limits::slab_records : std::min(options.batch, limits::slab_records)),
        shows_progress_(is_terminal(STDERR_FILENO)) {}

  void run() {
    while (!stopped() && !lines_.at_end()) {
      if (auto line = lines_.next()) {
        take(*line);
      } else if (!lines_.ended()) {
        read_more();
      }
    }
    if (!stopped()) hand_over();
    while (!stopped() && !to_.settled()) pause();
    if (lost_.first())
      for (const auto begun = clock::now(); !to_.settled() && clock::now() - begun < last_reports_wait;)
        waits_.wait(-1, last_reports_wait);
    if (shows_progress_) write_all(STDERR_FILENO, "\r\x1b[K");
  }

  bool read_to_end() const { return lines_.at_end() && !failure_; }
  std::uint64_t bad_lines() const { return bad_lines_; }
  std::uint64_t raw_bytes() const { return raw_bytes_; }
  const std::optional<error>& failure() const { return failure_; }

 private:
  bool stopped() { return failure_ || lost_.first() || waits_.interrupted(); }

  void take(const line_reader::line& line) {
    if (line.too_long)
      return refuse(line.number, fmt::format("the line is longer than {} bytes", limits::pattern_bytes));
    if (line.text.find_first_not_of(" \t\r") == line.text.npos) return;
    auto added = slab_.add_json(line.text);
    if (!added) return refuse(line.number, to_string(added.error()));
    raw_bytes_ += line.text.size();
    if (slab_.full() || slab_.size() >= slab_patterns_) hand_over();
  }

  void refuse(std::uint64_t number, std::string_view why) {
    ++bad_lines_;
    print_error(fmt::format("{}:{}: {}", name_, number, why));
  }

  /// What has been read leaves before anybody waits for more.
  void read_more() {
    if (!wait_point::readable(input_)) {
      hand_over();
      if (!pause(input_)) return;
    }
    if (auto done = lines_.fill(); !done)
      failure_ = error{done.error().code, fmt::format("cannot read {}: {}", name_, to_string(done.error()))};
  }

  void hand_over() {
    if (slab_.empty()) return;
    while (!stopped() && !to_.has_room()) pause();
    if (stopped()) return;
    to_.hand_over(slab_.finish());
    show_progress();
  }

  bool pause(int input = -1) {
    show_progress();
    return waits_.wait(input, shows_progress_ ? std::optional(progress_interval) : std::nullopt);
  }

  void show_progress() {
    if (!shows_progress_) return;
    const auto now = clock::now();
    if (now - shown_ < progress_interval) return;
    shown_ = now;
    const auto sums = to_.so_far();
    const double seconds = std::chrono::duration<double>(now - begun_).count();
    write_all(STDERR_FILENO, fmt::format("\r\x1b[K{} shared, {} acknowledged, {} refused, {:.0f} patterns/s",
                                         sums.shared, sums.acknowledged, sums.refused + bad_lines_,
                                         static_cast<double>(sums.acknowledged) / seconds));
  }

  delivery& to_;
  const losses& lost_;
  wait_point& waits_;
  const int input_;
  line_reader lines_;
  const std::string name_;
  slab_builder slab_;
  const std::size_t slab_patterns_;
  const bool shows_progress_;
  const clock::time_point begun_ = clock::now();
  clock::time_point shown_ = begun_;
  std::uint64_t bad_lines_ = 0;
  std::uint64_t raw_bytes_ = 0;
  std::optional<error> failure_;
};

struct summary {
  delivery::totals totals;
  std::uint64_t bad_lines = 0;
  std::uint64_t raw_bytes = 0, lane_bytes = 0, wire_bytes = 0;
  double seconds = 0;
  double p50_ms = 0, p99_ms = 0;
};

void print(const summary& s, bool as_table) {
  const auto refused = s.totals.refused + s.bad_lines;
  if (!as_table)
    return print_line(
        fmt::format(R"({{"shared":{},"acknowledged":{},"refused":{},"bytesRaw":{},"bytesLane":{},"bytesWire":{},)"
                    R"("seconds":{:.6f},"latencyMs":{{"p50":{:.3f},"p99":{:.3f}}}}})",
                    s.totals.shared, s.totals.acknowledged, refused, s.raw_bytes, s.lane_bytes, s.wire_bytes, s.seconds,
                    s.p50_ms, s.p99_ms));
  const auto colours = colours_of(STDOUT_FILENO);
  const double patterns = static_cast<double>(std::max<std::uint64_t>(s.totals.shared, 1));
  const bool all = s.totals.acknowledged == s.totals.shared && refused == 0;
  print_line(fmt::format("{}{} shared, {} acknowledged, {} refused{} in {:.3f} s ({:.0f} patterns/s)",
                         all ? colours.good : colours.bad, s.totals.shared, s.totals.acknowledged, refused,
                         colours.plain, s.seconds, static_cast<double>(s.totals.acknowledged) / s.seconds));
  print_line(fmt::format("bytes a pattern: {:.1f} as JSON, {:.1f} on streams, {:.1f} as UDP payload",
                         static_cast<double>(s.raw_bytes) / patterns, static_cast<double>(s.lane_bytes) / patterns,
                         static_cast<double>(s.wire_bytes) / patterns));
  print_line(fmt::format("time to the acknowledgement: p50 {:.3f} ms, p99 {:.3f} ms", s.p50_ms, s.p99_ms));
}

/// Says what went wrong, if anything did; the exit code.
int verdict(const sharing& run, const delivery& to, const losses& gone, const summary& s) {
  const auto so_far = fmt::format("{} of {} shared patterns were acknowledged", s.totals.acknowledged, s.totals.shared);
  if (auto lost = gone.first()) {
    print_error(fmt::format("{}; {}", lost->to_string(), so_far));
    return exit_failed;
  }
  if (run.failure()) {
    print_error(fmt::format("{}; {}", to_string(*run.failure()), so_far));
    return exit_failed;
  }
  if (!run.read_to_end()) {
    print_error(fmt::format("interrupted before the end of the input; {}", so_far));
    return exit_failed;
  }
  if (auto failed = to.write_failure()) return report(*failed);
  return s.bad_lines == 0 && s.totals.acknowledged == s.totals.shared ? exit_done : exit_failed;
}

/// Of the nodes that are connected, those to hand the patterns to; and who may have them. Where none of the named is
/// connected, the connected ones are the way to them, and have them too.
delivery_wish wish_of(const share_options& options, std::vector<std::string> connected) {
  delivery_wish wish;
  wish.level = options.level == "stored" ? ack_level::stored : ack_level::applied;
  wish.deadline = no_deadline;
  wish.only_to = options.only_to;
  wish.pass_on = true;
  auto not_named = [&](const std::string& name) {
    return std::find(options.only_to.begin(), options.only_to.end(), name) == options.only_to.end();
  };
  const bool some_are_named = !std::all_of(connected.begin(), connected.end(), not_named);
  if (some_are_named)
    std::erase_if(connected, not_named);
  else if (!options.only_to.empty())
    wish.only_to.insert(wish.only_to.end(), connected.begin(), connected.end());
  wish.wait_for = std::move(connected);
  return wish;
}

int share(const share_options& options) {
  wait_point waits;
  losses lost([&waits] { waits.wake(); });
  auto input = open_input(options.file);
  if (!input) return report(input.error());
  descriptor ids;
  if (!options.acknowledged_ids.empty()) {
    auto opened = open_file(options.acknowledged_ids, O_WRONLY | O_CREAT | O_TRUNC);
    if (!opened) return report(opened.error());
    ids = std::move(*opened);
  }

  node_config config;
  config.compression = !options.no_compression;
  if (options.batch != 0) config.batch_size = options.batch;
  auto node = start_client(options.client, std::move(config));
  if (!node) return report(node.error());
  lost.follow(**node);
  peer_wish wish;
  wish.subscribe = false;
  auto names = connect_all(**node, options.client, wish, waits);
  if (!names) return report(names.error());

  delivery to(**node, wish_of(options, std::move(*names)), lost, ids.get(), [&waits] { waits.wake(); });

  const auto begun = clock::now();
  sharing run(**node, options, to, lost, waits, input->get());
  run.run();
  summary s;
  s.seconds = std::chrono::duration<double>(clock::now() - begun).count();
  s.totals = to.so_far();
  s.bad_lines = run.bad_lines();
  s.raw_bytes = run.raw_bytes();
  s.p50_ms = to.latency_quantile_ms(0.5);
  s.p99_ms = to.latency_quantile_ms(0.99);
  if (auto state = (*node)->state()) {
    s.lane_bytes = state->stats.lane_bytes_sent;
    s.wire_bytes = state->stats.bytes_sent;
  }
  const int code = verdict(run, to, lost, s);
  print(s, wants_table(options.json));
  node->reset();  // before `to`, which its reports go to
  return code;
}

}  // namespace

action add_share(CLI::App& app) {
  auto options = std::make_shared<share_options>();
  app.add_option("file", options->file, "Patterns, one JSON object a line; '-' or none: stdin")->type_name("FILE");
  add_client_options(app, options->client);
  app.add_option("--to", options->only_to,
                 "A node that may have them, by name; may be repeated. Nobody else gets them, by no way; without it "
                 "everybody may. If no --peer is one of these, the peers pass them on to these and have them too")
      ->type_name("NODE")
      ->allow_extra_args(false)
      ->check([](const std::string& name) { return name.empty() ? std::string("an empty name") : std::string(); });
  app.add_option("--level", options->level,
                 "How far each pattern must get: applied, or stored where the node has a store")
      ->check(CLI::IsMember({"applied", "stored"}))
      ->capture_default_str();
  app.add_option("--batch", options->batch, "Patterns that travel together at most")
      ->type_name("N")
      ->check(CLI::Range(std::size_t{1}, std::size_t{65536}));
  app.add_flag("--no-compression", options->no_compression, "Send blocks as they are");
  app.add_option("--acked-ids", options->acknowledged_ids,
                 "Write the id of each pattern there as soon as every peer has acknowledged it")
      ->type_name("FILE");
  app.add_flag("--json", options->json, "Print the report as JSON on a terminal, too");
  app.footer(
      "Ends when every peer has acknowledged every pattern. The last line of stdout is the report.\n\n"
      "Example:\n"
      "  quicsync share --peer 192.0.2.7:4433 --cert me.pem --key me.key --ca ca.pem patterns.jsonl");
  return [options] { return share(*options); };
}

}  // namespace quicsync::cli
