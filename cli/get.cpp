#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "commands.hpp"
#include "errors.hpp"
#include "query.hpp"

namespace quicsync::cli {

action add_get(CLI::App& app) {
  auto options = std::make_shared<query_options>();
  app.add_option("id", options->argument, "The pattern's id")->type_name("ID")->required();
  add_single_client_options(app, options->client);
  app.add_flag("--json", options->json, "Print JSON on a terminal, too");
  app.footer(
      "Example:\n"
      "  quicsync get --peer 192.0.2.7:4433 --cert me.pem --key me.key --ca ca.pem pattern_17");
  return [options] {
    auto answered = run_query(query_frame::kind::get, *options);
    if (answered) return exit_done;
    if (answered.error().code == errc::not_found)
      return report(
          {errc::not_found, fmt::format("{} has no pattern '{}'", options->client.peers.front(), options->argument)});
    return report(answered.error());
  };
}

}  // namespace quicsync::cli
