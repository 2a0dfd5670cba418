#include <algorithm>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <quicsync/actors/config_file.hpp>
#include <quicsync/actors/inspect/admin_endpoint.hpp>
#include <quicsync/actors/inspect/node_log.hpp>
#include <quicsync/actors/server.hpp>
#include <quicsync/actors/store/store_file.hpp>
#include <quicsync/transport/address.hpp>
#include <quicsync/transport/certificates.hpp>

#include "client.hpp"
#include "commands.hpp"
#include "errors.hpp"
#include "freed_memory.hpp"
#include "output.hpp"
#include "tls_options.hpp"
#include "wait_point.hpp"

namespace quicsync::cli {
namespace {

struct node_options {
  std::string config;
  std::string id;
  std::string listen;
  std::vector<std::string> peers;
  std::string store, store_key;
  std::string admin, admin_token;
  std::string trace;
  tls_options tls;
  bool events = false;
  bool check = false;
};

/// A peer that the file names too takes the place of that one.
void add_peer(node_config& config, peer_target target) {
  auto same = [&](const peer_config& p) {
    return target.id.empty() ? p.address == target.host && p.port == target.port : p.id == target.id;
  };
  auto place = std::find_if(config.peers.begin(), config.peers.end(), same);
  if (place == config.peers.end()) place = config.peers.insert(place, peer_config{});
  if (!target.id.empty()) place->id = std::move(target.id);
  place->address = std::move(target.host);
  place->port = target.port;
}

/// A word that is no path, such as `nune`, must not become a socket. Errors: usage.
result<void> check_admin(std::string& where) {
  const std::string_view ending = ".sock";
  const bool is_path = where.find('/') != std::string::npos;
  if (where.empty() || where == "none" || is_path) return {};
  if (where.size() > ending.size() && where.ends_with(ending)) {
    where.insert(0, "./");
    return {};
  }
  const auto port = parse_host_port(where);
  if (!port)
    return fail(errc::usage, fmt::format("--admin {}: wants the path of a socket, which has a '/' in it or ends in {}, "
                                         "HOST:PORT, or none",
                                         where, ending));
  // A name is looked up when the node starts.
  if (const auto numeric = address::parse(where); numeric && !is_loopback(*numeric))
    return fail(errc::usage, fmt::format("--admin {}: wants a port of this machine: 127.0.0.1 or [::1]", where));
  return {};
}

/// The file's, and over it what the flags say.
result<node_config> config_of(const node_options& options) {
  node_config config;
  if (!options.config.empty()) {
    auto read = read_config_file(options.config);
    if (!read) return read;
    config = std::move(*read);
  }
  if (!options.id.empty()) config.id = options.id;
  if (!options.store.empty()) config.store = options.store;
  if (!options.store_key.empty()) config.store_key = options.store_key;
  if (!options.admin.empty()) config.admin = options.admin;
  if (auto done = check_admin(config.admin); !done) return fail(std::move(done.error()));
  if (!options.listen.empty()) {
    auto listen = parse_host_port(options.listen);
    if (!listen) return fail(errc::usage, fmt::format("--listen: {}", to_string(listen.error())));
    config.host = std::move(listen->host);
    config.port = listen->port;
  }
  for (const auto& text : options.peers) {
    auto target = parse_peer(text);
    if (!target) return fail(std::move(target.error()));
    add_peer(config, std::move(*target));
  }
  if (auto done = apply(options.tls, config); !done) return fail(std::move(done.error()));
  if (!config.enabled && !options.check)
    return fail(errc::bad_config, fmt::format("{}: quic.enabled is false: there is nothing to run", options.config));
  return config;
}

/// To stderr, one line an event: when, how bad, what.
std::shared_ptr<spdlog::logger> make_log() {
  auto log = spdlog::stderr_color_mt(
      "node", colours_of(STDERR_FILENO).plain.empty() ? spdlog::color_mode::never : spdlog::color_mode::automatic);
  log->set_pattern("time=%Y-%m-%dT%H:%M:%S.%e%z level=%^%l%$ %v");
  log->flush_on(spdlog::level::info);
  return log;
}

/// Where the configuration names no file, a node keeps its patterns among its user's state. One that has no name of its
/// own has nothing that would be found again.
result<void> choose_store(node_config& config) {
  if (!config.store.empty()) return {};
  auto name = config.id;
  if (name.empty() && !config.cert.empty()) {
    auto identity = credentials::load({config.cert, config.key, config.ca});
    if (!identity) return {};  // server::make() says it
    name = (*identity)->name();
  }
  if (name.empty()) {
    config.store = "none";
    return {};
  }
  auto file = default_store_file(name);
  if (!file) return fail(std::move(file.error()));
  config.store = file->string();
  return {};
}

/// Everything that can be known without listening: the configuration and the certificates.
int check_node(const node_options& options) {
  auto config = config_of(options);
  auto node = std::move(config).and_then([](node_config&& c) { return server::make(std::move(c)); });
  if (node) {
    print_line("ok");
    return exit_done;
  }
  report(node.error());
  return exit_usage;
}

/// Null where there is to be none. A place of the program's own choice that is not there or taken is no failure.
result<std::unique_ptr<admin_endpoint>> open_admin(server& node, const std::string& wanted, admin_setup setup,
                                                   node_log& log) {
  if (wanted == "none") return nullptr;
  setup.where = wanted;
  result<void> placed;
  if (wanted.empty())
    placed = default_admin_socket(node.name()).map([&](const auto& path) { setup.where = path.string(); });
  else if (setup.token_file.empty() && wanted.find('/') == std::string::npos)
    placed = default_admin_token(node.name()).map([&](const auto& path) { setup.token_file = path; });
  auto opened = placed.and_then([&] { return admin_endpoint::open(node, std::move(setup)); });
  if (opened)
    log.info(fmt::format("event=admin:listening message=\"the admin endpoint is ready\" where={}",
                         logged_text((*opened)->where())));
  if (opened || !wanted.empty()) return opened;
  log.info(fmt::format("event=admin:none error={}", logged_text(to_string(opened.error()))));
  return nullptr;
}

result<void> reload(server& node, const node_options& options, node_log& log) {
  auto done = config_of(options).and_then(
      [&](node_config&& next) { return choose_store(next).and_then([&] { return node.reload(std::move(next)); }); });
  if (done)
    log.info("event=config:reloaded message=\"the configuration was read again\"");
  else
    log.error(fmt::format("event=config:refused message=\"the configuration stays as it was\" error={}",
                          logged_text(to_string(done.error()))));
  return done;
}

int run_node(const node_options& options) {
  if (options.check) return check_node(options);
  keep_freed_memory();
  wait_point waits(true);
  auto config = config_of(options);
  if (!config) return report(config.error());
  if (auto chosen = choose_store(*config); !chosen) return report(chosen.error());
  warn_of_missing_checks(*config);
  const auto admin_wanted = config->admin;
  auto node = server::make(std::move(*config));
  if (!node) return report(node.error());
  auto log = std::make_shared<node_log>(make_log());
  (*node)->on("", [log, all = options.events](const event& e) {
    if (all || e.name == "server:started") print_line(to_json(e));
    log->write(e);
  });
  if (options.events) (*node)->on(std::string(pattern_received), [](const event& e) { print_line(to_json(e)); });
  if (auto traced = (*node)->trace(options.trace); !traced) return report(traced.error());
  if (auto started = (*node)->start(); !started) return report(started.error());
  admin_setup admin_may;
  admin_may.token_file = options.admin_token;
  admin_may.trace_folder = options.trace;
  admin_may.reload = [&] { return reload(**node, options, *log); };
  admin_may.set_log_level = [log](const std::string& level) { return log->set_level(level); };
  auto admin = open_admin(**node, admin_wanted, std::move(admin_may), *log);
  if (!admin) return report(admin.error());
  while (!waits.interrupted()) {
    if (waits.hung_up()) (void)reload(**node, options, *log);  // the log says what came of it
    waits.wait();
  }
  admin->reset();
  (*node)->drain();
  return exit_done;
}

}  // namespace

action add_node(CLI::App& app) {
  auto options = std::make_shared<node_options>();
  app.add_option("--config", options->config, "The configuration, JSON; the flags here win over it")->type_name("FILE");
  app.add_flag("--check", options->check, "Only look whether all is right: print ok, or what is wrong");
  app.add_option("--id", options->id,
                 "The node's name; must agree with its certificate, which it is taken from otherwise")
      ->type_name("ID");
  app.add_option("--listen", options->listen,
                 "Where to listen, UDP; port 0: any free one, the first line says which [0.0.0.0:4433]")
      ->type_name("HOST:PORT");
  app.add_option("--peer", options->peers,
                 "A node to keep a connection to; with ID@ it must be the one of that name; may be repeated")
      ->type_name("[ID@]HOST:PORT")
      ->allow_extra_args(false);
  app.add_option("--store", options->store,
                 "Where patterns are kept: a file, or none (in memory only) [$XDG_STATE_HOME/quicsync/ID.db]")
      ->type_name("FILE|none");
  app.add_option("--store-key", options->store_key, "Encrypts what is kept: a file of 32 bytes, mode 0600")
      ->type_name("FILE");
  app.add_option("--admin", options->admin,
                 "Where the node answers about itself: a Unix socket, a port of this machine, or none "
                 "[$XDG_RUNTIME_DIR/quicsync/ID.sock]")
      ->type_name("PATH|HOST:PORT|none");
  app.add_option("--admin-token", options->admin_token,
                 "The file of the secret that opens the admin port; made if it is not there "
                 "[$XDG_RUNTIME_DIR/quicsync/ID.token]")
      ->type_name("FILE");
  add_tls_options(app, options->tls);
  app.add_option("--trace", options->trace,
                 "Write down what happens on each connection, a file of JSON lines each in this folder (docs/TRACE.md)")
      ->type_name("DIR");
  app.add_flag("--events", options->events, "Print every event as a line of JSON");
  app.footer(
      "Runs until SIGINT or SIGTERM; SIGHUP reads the configuration again. The first line of stdout is "
      "{\"event\":\"server:started\",\"port\":N}.\n\n"
      "Example:\n"
      "  quicsync node --listen 0.0.0.0:4433 --peer beta@192.0.2.8:4433 --cert alpha.pem --key alpha.key --ca ca.pem");
  return [options] { return run_node(*options); };
}

}  // namespace quicsync::cli
