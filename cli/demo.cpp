#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include <quicsync/actors/agent/agent_roster.hpp>
#include <quicsync/transport/certificates.hpp>

#include "commands.hpp"
#include "demo_picture.hpp"
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
constexpr auto picture_lasting = 3s;  ///< what a person wants to see happen
constexpr auto picture_interval = 50ms;

/// One node of the demo and what it has heard.
struct member {
  std::unique_ptr<server> node;
  std::shared_ptr<std::atomic<std::size_t>> heard = std::make_shared<std::atomic<std::size_t>>(0);
};

result<std::vector<member>> start_nodes(const std::filesystem::path& directory, wait_point& waits) {
  if (auto made = make_ca(directory); !made) return fail(std::move(made.error()));
  std::vector<member> members;
  for (const auto* name : fleet::names) {
    auto files = make_node_certificate(name, directory, directory, 1);
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
          members[from].node->connect_to_peer(fmt::format("127.0.0.1:{}", members[to].node->port()), fleet::names[to]));
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

/// The exception that ended an agent, if one did.
std::optional<error> failure_of(const std::vector<member>& members) {
  for (const auto& m : members)
    for (const auto& agent : m.node->agent_states())
      if (agent.what == agent_status::state::failed)
        return error{errc::internal, fmt::format("'{}' failed: {}", agent.name, agent.last_error)};
  return std::nullopt;
}

/// Until every agent has shared all of its patterns, and every node has heard of and acknowledged every pattern.
result<void> run_fleet(std::vector<member>& members, fleet& all, wait_point& waits, demo_picture& picture) {
  std::vector<std::size_t> heard(members.size());
  const auto count = [&] {
    for (std::size_t i = 0; i < members.size(); ++i) heard[i] = *members[i].heard;
  };
  const auto everything = all.tests * members.size();
  const auto complete = [&] {
    return all.done() && std::all_of(heard.begin(), heard.end(), [&](std::size_t n) { return n >= everything; });
  };
  for (std::size_t i = members.size(); i-- > 0;)  // who answers before who begins
    if (auto started = start_agent(*members[i].node, all, i); !started) return started;
  const auto give_up = clock::now() + all.lasting + converge_deadline;
  auto drawn = clock::now();
  for (count(); !complete(); count()) {
    if (waits.interrupted()) return fail(errc::cancelled, "interrupted");
    if (auto failure = failure_of(members)) return fail(std::move(*failure));
    if (clock::now() > give_up) return fail(errc::timed_out, "the nodes did not all receive everything in time");
    if (clock::now() >= drawn) {
      picture.draw(all, heard);
      drawn = clock::now() + picture_interval;
    }
    waits.wait(-1, 20ms);
  }
  picture.draw(all, heard);
  return {};
}

/// What a node holds is what all wrote, `data` byte for byte.
result<void> check_equal(const std::vector<member>& members, const fleet& all) {
  std::map<std::string_view, const pattern*> expected;
  for (const auto& work : all.works)
    for (const auto& p : work.written) expected.emplace(p.id, &p);
  for (const auto& m : members) {
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

result<void> print_summary(std::vector<member>& members, const fleet& all, double seconds, bool as_table) {
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
  for (std::size_t i = 0; i < members.size(); ++i) {
    auto& node = *members[i].node;
    auto state = node.state();
    if (!state) return fail(std::move(state.error()));
    const auto shared = all.works[i].written.size();
    total += shared;
    const auto received = state->patterns - shared;
    const auto& stats = state->stats;
    if (as_table)
      rows.add({node.name(), fmt::to_string(node.port()), fmt::to_string(state->connections), fmt::to_string(shared),
                fmt::to_string(received), fmt::to_string(state->patterns), fmt::to_string(stats.bytes_sent),
                fmt::format("{:.2f}", stats.compression_ratio), fmt::format("{:.2f}", stats.average_latency_ms)});
    else
      print_line(fmt::format(R"({{"node":{},"port":{},"peers":{},"shared":{},"received":{},"held":{},"bytesSent":{},)"
                             R"("compressionRatio":{:.4f},"latencyMs":{:.3f}}})",
                             json_quoted(node.name()), node.port(), state->connections, shared, received,
                             state->patterns, stats.bytes_sent, stats.compression_ratio, stats.average_latency_ms));
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
  print_line(fmt::format("{}quality gate: {}{}, {} % coverage, {} of {} tests failed",
                         all.passed() ? colours.good : colours.bad, all.passed() ? "passed" : "failed", colours.plain,
                         all.coverage(), all.failed_tests.load(), all.tests));
  return {};
}

result<void> demo(std::size_t patterns, bool as_table) {
  wait_point waits;
  auto directory = temporary_directory::make("demo");
  if (!directory) return fail(std::move(directory.error()));
  demo_picture picture(as_table);
  fleet all;  // before the nodes, whose agents write into it
  all.tests = patterns;
  if (picture.live()) all.lasting = picture_lasting;
  all.on_progress = [&waits] { waits.wake(); };
  auto members = start_nodes((*directory)->path(), waits);
  if (!members) return fail(std::move(members.error()));
  if (as_table)
    print_line(
        fmt::format("{} nodes with certificates of one CA, each connected to each over QUIC, and an agent on each: "
                    "tests are made,\n"
                    "run, looked at for coverage and judged, {} of them",
                    members->size(), patterns));
  if (auto done = connect(*members, waits); !done) return done;
  const auto begun = clock::now();
  if (auto done = run_fleet(*members, all, waits, picture); !done) return done;
  const double seconds = std::chrono::duration<double>(clock::now() - begun).count();
  if (auto done = check_equal(*members, all); !done) return done;
  return print_summary(*members, all, seconds, as_table);
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
