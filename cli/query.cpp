#include "query.hpp"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <optional>

#include <fmt/format.h>
#include <unistd.h>

#include "output.hpp"
#include "pattern_printer.hpp"

namespace quicsync::cli {
namespace {

/// Prints pages, on a thread of the node; the main thread waits for the end, and looks at the rest once the node is
/// gone.
class answer_printer {
 public:
  answer_printer(bool as_table, wait_point& waits) : printer_(as_table), waits_(waits) {}

  void take(const server::answer& page) {
    if (done_) return;
    print(page);
    if (page.failure && !failure_) failure_ = page.failure;
    if (!page.last && !reader_gone_ && !failure_) return;
    done_ = true;
    waits_.wake();
  }

  bool done() const noexcept { return done_; }
  const std::optional<error>& failure() const noexcept { return failure_; }

 private:
  void print(const server::answer& page) {
    text_.clear();
    for (const auto& record : page.records)
      if (auto printed = printer_.append(text_, record); !printed) failure_ = printed.error();
    if (write_all(STDOUT_FILENO, text_)) return;
    if (errno == EPIPE)
      reader_gone_ = true;
    else
      failure_ = error{errc::io_failed, fmt::format("cannot write to stdout: {}", std::strerror(errno))};
  }

  pattern_printer printer_;
  wait_point& waits_;
  std::string text_;
  std::optional<error> failure_;
  bool reader_gone_ = false;
  std::atomic<bool> done_{false};
};

}  // namespace

result<void> run_query(query_frame::kind what, const query_options& options) {
  wait_point waits;
  answer_printer printer(wants_table(options.json), waits);
  auto node = start_client(options.client);
  if (!node) return fail(std::move(node.error()));
  peer_wish wish;
  wish.subscribe = false;
  auto names = connect_all(**node, options.client, wish, waits);
  if (!names) return fail(std::move(names.error()));
  (*node)->ask_peer(what, options.argument, [&printer](const server::answer& page) { printer.take(page); });
  while (!printer.done() && !waits.interrupted()) waits.wait();
  const bool whole = printer.done();
  node->reset();  // before the printer, which its answers go to
  if (whole && printer.failure()) return fail(*printer.failure());
  if (!whole) return fail(errc::cancelled, "interrupted before the answer was complete");
  return {};
}

}  // namespace quicsync::cli
