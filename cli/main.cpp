#include <algorithm>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <quicsync/actors/nearest.hpp>

#include "commands.hpp"
#include "errors.hpp"
#include "output.hpp"

namespace quicsync::cli {
namespace {

struct command {
  const char* name;
  const char* description;
  action (*add)(CLI::App&);
};

constexpr command commands[] = {
    {"demo", "Several nodes in one process that share with each other; needs nothing", add_demo},
    {"cert", "Make and show certificates", add_cert},
    {"node", "Run a node", add_node},
    {"share", "Share patterns with nodes", add_share},
    {"watch", "Print patterns as they arrive at a node", add_watch},
    {"list", "Print what a node holds", add_list},
    {"get", "Print one pattern of a node", add_get},
    {"bench", "Throughput and latency between processes on this machine", add_bench},
    {"delete", "Delete patterns at a node and at all its peers", add_delete},
    {"state", "Print a node's state and statistics", add_state},
    {"inspect", "Look into a node: actors, peers, streams, configuration, why a pattern won", add_inspect},
    {"top", "The same, live, on a terminal", add_top},
    {"peer", "Add, remove and list a node's peers", add_peer},
    {"cache", "Clear what a node holds", add_cache},
    {"store", "Check, export, import, back up and rekey what a node keeps on disk", add_store},
};

std::vector<std::string> names_of_subcommands(const CLI::App& app) {
  std::vector<std::string> names;
  for (const auto* sub : app.get_subcommands([](const CLI::App*) { return true; })) names.push_back(sub->get_name());
  return names;
}

std::vector<std::string> names_of_options(const CLI::App& app) {
  std::vector<std::string> names;
  for (const auto* option : app.get_options())
    for (const auto& name : option->get_lnames()) names.push_back("--" + name);
  return names;
}

/// The command that the arguments reached: the innermost one.
const CLI::App& reached(const CLI::App& app) {
  const auto below = app.get_subcommands();
  return below.empty() ? app : reached(*below.back());
}

std::string full_name(const CLI::App& app) {
  const auto* parent = app.get_parent();
  return parent == nullptr ? app.get_name() : full_name(*parent) + " " + app.get_name();
}

/// The word of the command line that no command or option took, said with the nearest one that would have been.
std::string describe_extra(const CLI::App& app, const std::string& word) {
  const bool is_option = word.size() > 1 && word.front() == '-';
  if (is_option) {
    const auto name = word.substr(0, word.find('='));
    return fmt::format("unknown option '{}'; did you mean '{}'?", name, nearest(name, names_of_options(app)));
  }
  const auto names = names_of_subcommands(app);
  if (names.empty()) return fmt::format("one argument too many: '{}'", word);
  return fmt::format("unknown command '{}'; did you mean '{}'?", word, nearest(word, names));
}

int report_misuse(const CLI::App& app, const CLI::ParseError& problem) {
  const auto& at = reached(app);
  const auto extras = app.remaining(true);
  std::string what = problem.what();
  if (!extras.empty())
    what = describe_extra(at, extras.front());
  else if (dynamic_cast<const CLI::RequiredError*>(&problem) != nullptr && !names_of_subcommands(at).empty())
    what = fmt::format("no command; there are {}", fmt::join(names_of_subcommands(at), ", "));
  print_error(fmt::format("{} (`{} --help` explains)", what, full_name(at)));
  return exit_usage;
}

int run(int count, const char* const* arguments) {
  CLI::App app("Shares patterns (small versioned JSON records) between agents in real time, over QUIC.", "quicsync");
  app.set_version_flag("--version", "quicsync " QUICSYNC_VERSION, "Print the version");
  app.set_help_flag("-h,--help", "Print this text; each command has its own");
  app.require_subcommand(1);
  app.failure_message([](const CLI::App*, const CLI::Error&) { return std::string(); });
  app.footer(
      "Data goes to stdout: tables on a terminal, JSON lines otherwise or with --json. All else goes to stderr.\n"
      "Exit codes: 0 done, 1 it did not succeed, 2 bad usage or configuration.\n\n"
      "Example:\n"
      "  quicsync demo");
  std::vector<std::pair<CLI::App*, action>> actions;
  for (const auto& c : commands) {
    auto* sub = app.add_subcommand(c.name, c.description);
    actions.emplace_back(sub, c.add(*sub));
  }
  try {
    app.parse(count, arguments);
  } catch (const CLI::Success& asked) {  // --help or --version
    return app.exit(asked);
  } catch (const CLI::ParseError& problem) {
    return report_misuse(app, problem);
  }
  const auto chosen = std::find_if(actions.begin(), actions.end(), [](const auto& a) { return a.first->parsed(); });
  return chosen->second();
}

}  // namespace
}  // namespace quicsync::cli

int main(int count, char** arguments) {
  try {
    return quicsync::cli::run(count, arguments);
  } catch (const std::exception& problem) {
    quicsync::cli::print_error(problem.what());
    return quicsync::cli::exit_failed;
  }
}
