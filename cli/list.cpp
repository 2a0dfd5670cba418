#include <CLI/CLI.hpp>

#include <quicsync/codec/filter.hpp>

#include "commands.hpp"
#include "errors.hpp"
#include "query.hpp"

namespace quicsync::cli {

action add_list(CLI::App& app) {
  auto options = std::make_shared<query_options>();
  add_single_client_options(app, options->client);
  app.add_option("--filter", options->argument,
                 "Only patterns that match, e.g. 'type=test_* tag=auth !agent=x priority>=5'")
      ->type_name("EXPR");
  app.add_flag("--json", options->json, "Print JSON on a terminal, too");
  app.footer(
      "Example:\n"
      "  quicsync list --peer 192.0.2.7:4433 --cert me.pem --key me.key --ca ca.pem --filter tag=auth");
  return [options] {
    auto wanted = filter::parse(options->argument);
    if (!wanted) return report(wanted.error());
    options->argument = wanted->to_string();
    auto answered = run_query(query_frame::kind::list, *options);
    return answered ? exit_done : report(answered.error());
  };
}

}  // namespace quicsync::cli
