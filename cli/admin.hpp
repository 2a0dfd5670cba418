// `--admin PATH`: the same on every command that asks a running node about itself.
#pragma once
#include <string>

#include <quicsync/actors/inspect/admin_client.hpp>

namespace CLI {
class App;
}

namespace quicsync::cli {

struct admin_options {
  std::string socket;
};

void add_admin_option(CLI::App& app, admin_options& to);

/// Asks, prints the answer as a line of JSON, and gives the exit code.
int print_answer(const admin_options& options, admin_method how, const std::string& target,
                 const std::string& body = {});

}  // namespace quicsync::cli
