#include "admin.hpp"

#include <CLI/CLI.hpp>

#include "errors.hpp"
#include "output.hpp"

namespace quicsync::cli {

void add_admin_option(CLI::App& app, admin_options& to) {
  app.add_option("--admin", to.socket,
                 "The node's admin socket; $XDG_RUNTIME_DIR/quicsync/ID.sock unless the node was given another")
      ->type_name("PATH")
      ->required();
}

int print_answer(const admin_options& options, admin_method how, const std::string& target, const std::string& body) {
  auto answer = ask_admin(options.socket, how, target, body);
  if (!answer) return report(answer.error());
  while (!answer->empty() && answer->back() == '\n') answer->pop_back();
  print_line(std::move(*answer));
  return exit_done;
}

}  // namespace quicsync::cli
