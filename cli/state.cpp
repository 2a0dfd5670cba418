#include <memory>

#include <CLI/CLI.hpp>

#include "admin.hpp"
#include "commands.hpp"

namespace quicsync::cli {

action add_state(CLI::App& app) {
  auto options = std::make_shared<admin_options>();
  add_admin_option(app, *options);
  app.footer(
      "One line of JSON: name, uptimeMs, running, port, connections, patterns, store, peers, stats and more.\n\n"
      "Example:\n"
      "  quicsync state --admin /run/user/1000/quicsync/alpha.sock");
  return [options] { return print_answer(*options, admin_method::get, "/state"); };
}

}  // namespace quicsync::cli
