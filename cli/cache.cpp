#include <memory>

#include <CLI/CLI.hpp>

#include "admin.hpp"
#include "commands.hpp"

namespace quicsync::cli {

action add_cache(CLI::App& app) {
  auto options = std::make_shared<admin_options>();
  app.require_subcommand(1);
  auto* clear = app.add_subcommand("clear", "Forget all patterns at a node; its peers keep theirs");
  add_admin_option(*clear, *options);
  clear->footer("Example:\n  quicsync cache clear --admin /run/user/1000/quicsync/alpha.sock");
  app.footer("Example:\n  quicsync cache clear --admin /run/user/1000/quicsync/alpha.sock");
  return [options] { return print_answer(*options, admin_method::post, "/cache/clear"); };
}

}  // namespace quicsync::cli
