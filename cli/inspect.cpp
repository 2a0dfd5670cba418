#include <memory>
#include <set>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include <quicsync/actors/inspect/admin_view.hpp>

#include "admin.hpp"
#include "commands.hpp"
#include "errors.hpp"
#include "figures.hpp"
#include "output.hpp"
#include "troubles.hpp"

namespace quicsync::cli {
namespace {

constexpr std::size_t page_rows = 1000;  ///< as many as the endpoint gives at once
constexpr std::size_t name_columns_max = 40;
using side = table::side;

struct inspect_options {
  admin_options admin;
  bool json = false;
  std::string kind, name, state, id, sort = "busy";
};

std::string shown_name(std::string_view name) {
  auto text = printable(name);
  return columns_of(text) > name_columns_max ? fitted(text, name_columns_max) : text;
}

/// A mark where somebody has to look, so that it stands out without colours, too.
std::string marked(bool troubled, std::string_view name) { return (troubled ? "! " : "  ") + shown_name(name); }

/// The line below a table: who is in trouble, or that nobody is.
void print_verdict(std::string_view what, const std::string& names, std::string_view otherwise) {
  const auto colours = colours_of(STDOUT_FILENO);
  if (names.empty())
    print_line(fmt::format("{}{}{}", colours.good, otherwise, colours.plain));
  else
    print_line(fmt::format("{}{}{}{}", colours.bad, what, names, colours.plain));
}

/// All pages. An actor that ends meanwhile moves the others up, so one could be told twice: it is not.
result<actors_view> all_actors(const inspect_options& options) {
  actors_view all;
  std::set<std::uint64_t> seen;
  for (std::size_t offset = 0;; offset += page_rows) {
    auto query = fmt::format("/actors?sort={}&limit={}&offset={}", options.sort, page_rows, offset);
    for (const auto& [key, value] :
         {std::pair{"kind", &options.kind}, std::pair{"name", &options.name}, std::pair{"state", &options.state}})
      if (!value->empty()) query += fmt::format("&{}={}", key, url_encoded(*value));
    auto page = ask(options.admin, query).and_then(read_actors);
    if (!page) return page;
    const auto count = page->actors.size();
    auto rows = std::move(all.actors);
    all = std::move(*page);
    for (auto& actor : all.actors)
      if (seen.insert(actor.id).second) rows.push_back(std::move(actor));
    all.actors = std::move(rows);
    if (count < page_rows) return all;
  }
}

int inspect_actors(const inspect_options& options) {
  auto all = all_actors(options);
  if (!all) return report(all.error());
  troubled_first(all->actors);
  if (!wants_table(options.json)) {
    for (auto& actor : all->actors) print_line(std::move(actor.json));
    return exit_done;
  }
  table rows({{"  NAME"},
              {"KIND"},
              {"WAITING", side::right},
              {"MSG/S", side::right},
              {"MESSAGES", side::right},
              {"BUSY", side::right},
              {"LONGEST", side::right},
              {"AGE", side::right},
              {"RESTARTS", side::right},
              {"STATE"}});
  for (const auto& a : all->actors)
    rows.add({marked(a.troubled(), a.name), a.kind, std::to_string(a.depth), short_rate(a.rate),
              std::to_string(a.messages), short_share(a.busy_share), short_duration(a.longest_ms),
              short_duration(a.age_ms), std::to_string(a.restarts), described(a)});
  write_all(STDOUT_FILENO, rows.to_string(colours_of(STDOUT_FILENO)));
  print_line(fmt::format("{} of {} actors, {} messages handled, {} waiting", all->actors.size(), all->total,
                         all->messages, all->depth));
  print_verdict("stuck or failed: ", names_of_troubled(all->actors, 0), "no actor is stuck or has failed");
  return exit_done;
}

int inspect_peers(const inspect_options& options) {
  auto peers = ask(options.admin, "/peers").and_then(read_peers);
  if (!peers) return report(peers.error());
  troubled_first(*peers);
  if (!wants_table(options.json)) {
    for (auto& peer : *peers) print_line(std::move(peer.json));
    return exit_done;
  }
  table rows({{"  PEER"},
              {"ADDRESS"},
              {"RTT", side::right},
              {"LAG", side::right},
              {"LAG BYTES", side::right},
              {"SENT", side::right},
              {"RECEIVED", side::right},
              {"LOST", side::right},
              {"STATE"}});
  for (const auto& p : *peers)
    rows.add({marked(p.troubled(), p.name), p.address, p.connected ? short_duration(p.rtt_ms) : "–",
              std::to_string(p.lag_records), short_bytes(static_cast<double>(p.lag_bytes)),
              std::to_string(p.patterns_sent), std::to_string(p.patterns_received), std::to_string(p.packets_lost),
              described(p)});
  write_all(STDOUT_FILENO, rows.to_string(colours_of(STDOUT_FILENO)));
  print_verdict("slow or not well: ", names_of_troubled(*peers), "no peer is slow");
  return exit_done;
}

int inspect_streams(const inspect_options& options) {
  auto streams = ask(options.admin, "/streams").and_then(read_streams);
  if (!streams) return report(streams.error());
  if (!wants_table(options.json)) {
    for (auto& stream : *streams) print_line(std::move(stream.json));
    return exit_done;
  }
  table rows({{"PEER"},
              {"CONNECTION"},
              {"LANE"},
              {"WAY"},
              {"BYTES", side::right},
              {"UNACKED", side::right},
              {"WINDOW", side::right}});
  const auto size = [](std::uint64_t n) { return short_bytes(static_cast<double>(n)); };
  for (const auto& s : *streams)
    rows.add({shown_name(s.peer), s.connection, s.lane, s.direction, size(s.bytes), size(s.unacked_bytes),
              size(s.window_bytes)});
  write_all(STDOUT_FILENO, rows.to_string(colours_of(STDOUT_FILENO)));
  return exit_done;
}

int inspect_config(const inspect_options& options) {
  if (!wants_table(options.json)) return print_answer(options.admin, admin_method::get, "/config");
  auto text = ask(options.admin, "/config").and_then(laid_out_json);
  if (!text) return report(text.error());
  print_line(std::move(*text));
  return exit_done;
}

std::string named(const std::string& from) { return from.empty() ? "this node" : printable(from); }

/// In a sentence or two, for people.
std::string sentence_of(const why_view& why) {
  auto text =
      fmt::format("{} version {}{} is held since {}, brought by {}: {}.", printable(why.id), why.version,
                  why.deleted ? " (a deletion)" : "", instant(why.arrived_ms), named(why.from), printable(why.text));
  if (why.over)
    text += fmt::format(" What it replaced, version {}, had come from {}.", why.over->version, named(why.over->from));
  return text;
}

int inspect_why(const inspect_options& options) {
  const auto target = "/patterns/" + url_encoded(options.id);
  if (!wants_table(options.json)) return print_answer(options.admin, admin_method::get, target);
  auto why = ask(options.admin, target).and_then(read_why);
  if (!why) return report(why.error());
  print_line(sentence_of(*why));
  return exit_done;
}

}  // namespace

action add_inspect(CLI::App& app) {
  auto options = std::make_shared<inspect_options>();
  app.require_subcommand(0, 1);
  add_admin_option(app, options->admin);
  app.add_flag("--json", options->json, "Print JSON on a terminal, too");
  auto command = [&](const char* name, const char* description, const char* arguments = "") {
    auto* sub = app.add_subcommand(name, description);
    sub->fallthrough();  // --admin and --json stand before or behind the word
    sub->footer(
        fmt::format("Example:\n  quicsync inspect {}{} --admin /run/user/1000/quicsync/alpha.sock", name, arguments));
    return sub;
  };
  auto* actors = command("actors", "Every actor of a node, those that are stuck or have failed first");
  actors->add_option("--kind", options->kind, "Only of this kind: agent, peer, cache, …");
  actors->add_option("--name", options->name, "Only with this in their name");
  actors->add_option("--state", options->state, "Only in this state: stuck, failed, waiting, …");
  actors->add_option("--sort", options->sort, "By what")
      ->check(CLI::IsMember({"name", "depth", "messages", "rate", "busy", "longest", "age", "restarts"}))
      ->capture_default_str();
  auto* peers = command("peers", "A node's connections, those that are slow first");
  auto* streams = command("streams", "Each lane of each connection, both ways");
  auto* config = command("config", "The configuration in force, secrets masked");
  auto* why = command("why", "Why the version of a pattern that a node holds won", " gap-17");
  why->add_option("id", options->id, "The pattern")->required()->type_name("ID");
  app.footer(
      "Without a word: actors. --admin and --json stand before or behind it. JSON lines where stdout is no "
      "terminal.\n\n"
      "Example:\n"
      "  quicsync inspect peers --admin /run/user/1000/quicsync/alpha.sock");
  return [=] {
    if (peers->parsed()) return inspect_peers(*options);
    if (streams->parsed()) return inspect_streams(*options);
    if (config->parsed()) return inspect_config(*options);
    if (why->parsed()) return inspect_why(*options);
    return inspect_actors(*options);
  };
}

}  // namespace quicsync::cli
