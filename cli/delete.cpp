#include <algorithm>
#include <chrono>
#include <future>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "client.hpp"
#include "commands.hpp"
#include "errors.hpp"
#include "output.hpp"

namespace quicsync::cli {
namespace {

using namespace std::chrono_literals;

struct delete_options {
  client_options client;
  std::string agent;
  std::vector<std::string> ids;
};

/// What the node holds of the id.
result<pattern> held_at(server& node, const std::string& id, wait_point& waits) {
  struct answer {
    std::promise<result<pattern>> done;
    result<pattern> found;
  };
  auto shared = std::make_shared<answer>();
  shared->found = fail(errc::not_found, fmt::format("no pattern '{}'", id));
  auto ready = shared->done.get_future();
  node.ask_peer(query_frame::kind::get, id, [shared](const server::answer& page) {
    for (const auto& record : page.records) shared->found = record.to_pattern();
    if (page.failure) shared->found = fail(*page.failure);
    if (page.last) shared->done.set_value(std::move(shared->found));
  });
  while (ready.wait_for(50ms) != std::future_status::ready)
    if (waits.interrupted()) return fail(errc::cancelled, "interrupted before the answer came");
  auto held = ready.get();
  if (held && held->deleted) return fail(errc::not_found, fmt::format("pattern '{}' was deleted already", id));
  if (!held && held.error().code == errc::not_found) return fail(errc::not_found, fmt::format("no pattern '{}'", id));
  return held;
}

result<void> delete_one(server& node, const delete_options& options, const delivery_wish& wish, const std::string& id,
                        wait_point& waits) {
  auto held = held_at(node, id, waits);
  if (!held) return fail(std::move(held.error()));
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto now_ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  auto slab = node.new_slab();
  auto added = slab.add_tombstone(id, options.agent.empty() ? held->agent_id : options.agent,
                                  std::max<std::int64_t>(now_ms, held->timestamp), held->version + 1);
  if (!added) return added;
  auto done = std::make_shared<std::promise<sync_report>>();
  auto reported = done->get_future();
  node.share(slab.finish(), wish, [done](const sync_report& report) { done->set_value(report); });
  while (reported.wait_for(50ms) != std::future_status::ready)
    if (waits.interrupted()) return fail(errc::cancelled, "interrupted before the deletion was acknowledged");
  const auto report = reported.get();
  if (report.failure.code != errc::none) return fail(report.failure);
  for (const auto& peer : report.peers) {
    if (peer.failure.code != errc::none) return fail(peer.failure);
    for (const auto& [index, reason] : peer.refused) return fail(reason);
  }
  return {};
}

int run_delete(const delete_options& options) {
  wait_point waits;
  auto node = start_client(options.client);
  if (!node) return report(node.error());
  peer_wish nothing;
  nothing.subscribe = false;
  auto names = connect_all(**node, options.client, nothing, waits);
  if (!names) return report(names.error());
  delivery_wish wish;
  wish.wait_for = std::move(*names);
  std::size_t deleted = 0;
  for (const auto& id : options.ids) {
    if (auto done = delete_one(**node, options, wish, id, waits); done)
      ++deleted;
    else
      report(done.error());
    if (waits.interrupted()) break;
  }
  print_line(fmt::format(R"({{"deleted":{},"failed":{}}})", deleted, options.ids.size() - deleted));
  return deleted == options.ids.size() ? exit_done : exit_failed;
}

}  // namespace

action add_delete(CLI::App& app) {
  auto options = std::make_shared<delete_options>();
  app.add_option("id", options->ids, "The patterns' ids")->type_name("ID")->required();
  add_single_client_options(app, options->client);
  app.add_option("--agent", options->agent, "Who deletes; otherwise who wrote the pattern")->type_name("NAME");
  app.footer(
      "A deletion is the next version of the pattern, without its data, and travels as a pattern does.\n\n"
      "Example:\n"
      "  quicsync delete --peer 192.0.2.7:4433 --cert me.pem --key me.key --ca ca.pem gap-17");
  return [options] { return run_delete(*options); };
}

}  // namespace quicsync::cli
