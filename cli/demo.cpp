#include <atomic>
#include <filesystem>
#include <map>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include <quicsync/actors/server.hpp>
#include <quicsync/transport/certificates.hpp>

#include "commands.hpp"
#include "errors.hpp"
#include "output.hpp"
#include "temporary_directory.hpp"
#include "wait_point.hpp"

namespace quicsync::cli {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

constexpr auto connect_deadline = 10s;
constexpr auto converge_deadline = 20s;

/// What each node of the demo is and writes.
struct part {
  const char* name;
  const char* type;
  const char* finding;
};
constexpr part parts[] = {
    {"test-generator", "test_generation",
     R"({{"target":"src/cart/total_{}.cpp","strategy":"boundary-value","generated":{}}})"},
    {"test-executor", "test_execution", R"({{"testCase":"checkout_{}","result":"passed","duration":{}}})"},
    {"coverage-analyzer", "coverage_gap", R"({{"file":"src/payment/refund_{}.cpp","uncoveredLines":[12,{}]}})"},
    {"quality-gate", "quality_metrics", R"({{"module":"inventory_{}","complexity":{}.5,"maintainability":81.25}})"},
};
constexpr std::size_t node_count = std::size(parts);

std::vector<pattern> patterns_of(const part& author, std::size_t count) {
  const auto now =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch());
  std::vector<pattern> written(count);
  for (std::size_t i = 0; i < count; ++i) {
    auto& p = written[i];
    p.id = fmt::format("{}-{}", author.name, i);
    p.agent_id = author.name;
    p.type = author.type;
    p.data = fmt::format(fmt::runtime(author.finding), i, i % 97);
    p.metadata.source = author.name;
    p.metadata.tags = {"demo"};
    p.timestamp = now.count();
    p.version = 1;
  }
  return written;
}

/// One node of the demo and what it has heard.
struct member {
  std::unique_ptr<server> node;
  std::vector<pattern> written;
  std::shared_ptr<std::atomic<std::size_t>> heard = std::make_shared<std::atomic<std::size_t>>(0);
};

result<std::vector<member>> start_nodes(const std::filesystem::path& directory, std::size_t patterns,
                                        wait_point& waits) {
  if (auto made = make_ca(directory); !made) return fail(std::move(made.error()));
  std::vector<member> members;
  for (const auto& p : parts) {
    auto files = make_node_certificate(p.name, directory, directory, 1);
    if (!files) return fail(std::move(files.error()));
    node_config config;
    config.host = "127.0.0.1";
    config.port = 0;
    config.cert = files->certificate;
    config.key = files->key;
    config.ca = directory / "ca.pem";
    auto node = server::make(std::move(config));
    if (!node) return fail(std::move(node.error()));
    if (auto started = (*node)->start(); !started) return fail(std::move(started.error()));
    member& added = members.emplace_back();
    added.written = patterns_of(p, patterns);
    added.node = std::move(*node);
    added.node->subscribe({}, subscribe_frame::start::beginning,
                          [heard = added.heard, &waits](std::span<const record_view> records) {
                            *heard += records.size();
                            waits.wake();
                          });
  }
  return members;
}

/// Each with each.
result<void> connect(std::vector<member>& members, wait_point& waits) {
  std::vector<std::future<result<std::string>>> dialled;
  for (std::size_t from = 1; from < members.size(); ++from)
    for (std::size_t to = 0; to < from; ++to)
      dialled.push_back(
          members[from].node->connect_to_peer(fmt::format("127.0.0.1:{}", members[to].node->port()), parts[to].name));
  const auto give_up = clock::now() + connect_deadline;
  for (auto& one : dialled) {
    while (one.wait_for(20ms) != std::future_status::ready) {
      if (waits.interrupted()) return fail(errc::cancelled, "interrupted");
      if (clock::now() > give_up) return fail(errc::timed_out, "the nodes did not connect in time");
    }
    if (auto name = one.get(); !name) return fail(std::move(name.error()));
  }
  return {};
}

/// Until every node has heard of every pattern and every share is acknowledged.
result<void> share_everything(std::vector<member>& members, wait_point& waits) {
  std::size_t total = 0;
  std::vector<std::future<sync_report>> reports;
  for (auto& m : members) {
    total += m.written.size();
    reports.push_back(m.node->sync_patterns(m.written));
  }
  auto all_heard = [&] {
    return std::all_of(members.begin(), members.end(), [&](auto& m) { return *m.heard >= total; });
  };
  auto all_reported = [&] {
    return std::all_of(reports.begin(), reports.end(),
                       [](auto& r) { return r.wait_for(0s) == std::future_status::ready; });
  };
  const auto give_up = clock::now() + converge_deadline;
  while (!all_heard() || !all_reported()) {
    if (waits.interrupted()) return fail(errc::cancelled, "interrupted");
    if (clock::now() > give_up) return fail(errc::timed_out, "the nodes did not all receive everything in time");
    waits.wait(-1, 20ms);
  }
  for (auto& r : reports)
    if (!r.get().complete()) return fail(errc::internal, "a pattern was not acknowledged by every node");
  return {};
}

/// What a node holds is what all wrote, `data` byte for byte.
result<void> check_equal(std::vector<member>& members) {
  std::map<std::string_view, const pattern*> expected;
  for (const auto& m : members)
    for (const auto& p : m.written) expected.emplace(p.id, &p);
  for (auto& m : members) {
    auto held = m.node->cached_patterns();
    if (!held) return fail(std::move(held.error()));
    bool equal = held->size() == expected.size();
    for (const auto& p : *held) {
      auto it = expected.find(p.id);
      equal = equal && it != expected.end() && *it->second == p;
    }
    if (!equal) return fail(errc::internal, fmt::format("'{}' holds other patterns than were shared", m.node->name()));
  }
  return {};
}

result<void> print_summary(std::vector<member>& members, double seconds, bool as_table) {
  using side = table::side;
  table rows({{"NODE"},
              {"PORT", side::right},
              {"PEERS", side::right},
              {"SHARED", side::right},
              {"RECEIVED", side::right},
              {"HELD", side::right},
              {"BYTES SENT", side::right},
              {"RATIO", side::right},
              {"LATENCY MS", side::right}});
  std::size_t total = 0;
  for (auto& m : members) {
    auto state = m.node->state();
    if (!state) return fail(std::move(state.error()));
    total += m.written.size();
    const auto received = state->patterns - m.written.size();
    const auto& stats = state->stats;
    if (as_table)
      rows.add({m.node->name(), fmt::to_string(m.node->port()), fmt::to_string(state->connections),
                fmt::to_string(m.written.size()), fmt::to_string(received), fmt::to_string(state->patterns),
                fmt::to_string(stats.bytes_sent), fmt::format("{:.2f}", stats.compression_ratio),
                fmt::format("{:.2f}", stats.average_latency_ms)});
    else
      print_line(fmt::format(R"({{"node":{},"port":{},"peers":{},"shared":{},"received":{},"held":{},"bytesSent":{},)"
                             R"("compressionRatio":{:.4f},"latencyMs":{:.3f}}})",
                             json_quoted(m.node->name()), m.node->port(), state->connections, m.written.size(),
                             received, state->patterns, stats.bytes_sent, stats.compression_ratio,
                             stats.average_latency_ms));
  }
  if (!as_table) {
    print_line(fmt::format(R"({{"nodes":{},"patterns":{},"complete":true,"seconds":{:.3f}}})", members.size(), total,
                           seconds));
    return {};
  }
  const auto colours = colours_of(STDOUT_FILENO);
  write_all(STDOUT_FILENO, rows.to_string(colours));
  print_line(fmt::format("{}every node holds all {} patterns{}, byte for byte, {:.3f} s after the first was shared",
                         colours.good, total, colours.plain, seconds));
  return {};
}

result<void> demo(std::size_t patterns, bool as_table) {
  wait_point waits;
  auto directory = temporary_directory::make("demo");
  if (!directory) return fail(std::move(directory.error()));
  auto members = start_nodes((*directory)->path(), patterns, waits);
  if (!members) return fail(std::move(members.error()));
  if (as_table)
    print_line(
        fmt::format("{} nodes with certificates of one CA, each connected to each over QUIC; each shares {} patterns",
                    node_count, patterns));
  if (auto done = connect(*members, waits); !done) return done;
  const auto begun = clock::now();
  if (auto done = share_everything(*members, waits); !done) return done;
  const double seconds = std::chrono::duration<double>(clock::now() - begun).count();
  if (auto done = check_equal(*members); !done) return done;
  return print_summary(*members, seconds, as_table);
}

}  // namespace

action add_demo(CLI::App& app) {
  auto patterns = std::make_shared<std::size_t>(500);
  auto json = std::make_shared<bool>(false);
  app.add_option("--patterns", *patterns, "How many each node shares")
      ->check(CLI::Range(std::size_t{1}, std::size_t{100000}))
      ->capture_default_str();
  app.add_flag("--json", *json, "Print JSON on a terminal, too");
  app.footer("Ends by itself, with 0 when every node has received everything.\n\nExample:\n  quicsync demo");
  return [=] {
    auto done = demo(*patterns, wants_table(*json));
    return done ? exit_done : report(done.error());
  };
}

}  // namespace quicsync::cli
