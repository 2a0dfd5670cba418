#include "admin.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "errors.hpp"
#include "output.hpp"

namespace quicsync::cli {

namespace {

admin_place place_of(const admin_options& options) { return {options.where, options.token_file}; }

}  // namespace

void add_admin_option(CLI::App& app, admin_options& to) {
  app.add_option("--admin", to.where,
                 "The node's admin socket; $XDG_RUNTIME_DIR/quicsync/ID.sock unless the node was given another; or its "
                 "admin port")
      ->type_name("PATH|HOST:PORT")
      ->required();
  app.add_option("--admin-token", to.token_file, "The file of the secret that opens the admin port")->type_name("FILE");
}

result<std::string> ask(const admin_options& options, const std::string& target, std::chrono::seconds timeout) {
  return ask_admin(place_of(options), admin_method::get, target, {}, timeout);
}

std::string url_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '_' || c == '.' || c == '~';
    if (plain)
      out += c;
    else
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

int print_answer(const admin_options& options, admin_method how, const std::string& target, const std::string& body) {
  auto answer = ask_admin(place_of(options), how, target, body);
  if (!answer) return report(answer.error());
  while (!answer->empty() && answer->back() == '\n') answer->pop_back();
  print_line(std::move(*answer));
  return exit_done;
}

}  // namespace quicsync::cli
