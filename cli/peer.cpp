#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "admin.hpp"
#include "client.hpp"
#include "commands.hpp"
#include "errors.hpp"
#include "output.hpp"

namespace quicsync::cli {
namespace {

struct peer_options {
  admin_options admin;
  std::string who;
};

int add(const peer_options& options) {
  if (auto target = parse_peer(options.who); !target) return report(target.error());
  return print_answer(options.admin, admin_method::post, "/peers/add",
                      fmt::format("{{\"peer\":{}}}", json_quoted(options.who)));
}

int remove(const peer_options& options) {
  return print_answer(options.admin, admin_method::post, "/peers/remove",
                      fmt::format("{{\"id\":{}}}", json_quoted(options.who)));
}

}  // namespace

action add_peer(CLI::App& app) {
  auto options = std::make_shared<peer_options>();
  app.require_subcommand(1);
  auto command = [&](const char* name, const char* description, const char* argument) {
    auto* sub = app.add_subcommand(name, description);
    add_admin_option(*sub, options->admin);
    if (*argument != '\0') sub->add_option("peer", options->who)->type_name(argument)->required();
    sub->footer(fmt::format("Example:\n  quicsync peer {}{} --admin /run/user/1000/quicsync/alpha.sock", name,
                            std::string_view(name) == "add"      ? " beta@192.0.2.8:4433"
                            : std::string_view(name) == "remove" ? " beta"
                                                                 : ""));
    return sub;
  };
  auto* adding = command("add", "Let a node keep a connection to another, until it ends", "[ID@]HOST:PORT");
  auto* removing = command("remove", "Let a node say goodbye to a peer and forget it", "ID");
  command("list", "Print a node's connections", "");
  app.footer("Example:\n  quicsync peer list --admin /run/user/1000/quicsync/alpha.sock");
  return [options, adding, removing] {
    if (adding->parsed()) return add(*options);
    if (removing->parsed()) return remove(*options);
    return print_answer(options->admin, admin_method::get, "/peers");
  };
}

}  // namespace quicsync::cli
