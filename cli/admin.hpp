// `--admin PATH|HOST:PORT`: the same on every command that asks a running node about itself.
#pragma once
#include <chrono>
#include <string>
#include <string_view>

#include <quicsync/actors/inspect/admin_client.hpp>

namespace CLI {
class App;
}

namespace quicsync::cli {

struct admin_options {
  std::string where;       ///< a socket's path, or HOST:PORT
  std::string token_file;  ///< of a port
};

void add_admin_option(CLI::App& app, admin_options& to);

/// What the node answers to a GET. Errors: those of ask_admin.
result<std::string> ask(const admin_options& options, const std::string& target,
                        std::chrono::seconds timeout = admin_answer_timeout);
/// Text as a part of a path or a query, RFC 3986 section 2.1.
std::string url_encoded(std::string_view text);

/// Asks, prints the answer as a line of JSON, and gives the exit code.
int print_answer(const admin_options& options, admin_method how, const std::string& target,
                 const std::string& body = {});

}  // namespace quicsync::cli
