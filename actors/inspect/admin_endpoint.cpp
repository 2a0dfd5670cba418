#include <atomic>
#include <chrono>
#include <cstdlib>
#include <mutex>
#include <thread>

#include <fmt/format.h>
#include <httplib.h>
#include <sys/stat.h>

#include <quicsync/actors/inspect/admin_access.hpp>
#include <quicsync/actors/inspect/admin_answers.hpp>
#include <quicsync/actors/inspect/admin_client.hpp>
#include <quicsync/actors/inspect/admin_endpoint.hpp>
#include <quicsync/actors/inspect/admin_token.hpp>
#include <quicsync/actors/inspect/dashboard/dashboard_files.hpp>
#include <quicsync/actors/inspect/event_streams.hpp>
#include <quicsync/actors/inspect/node_watch.hpp>
#include <quicsync/transport/address.hpp>

namespace quicsync {
namespace {

constexpr std::size_t request_threads = 8;
static_assert(limits::event_streams < request_threads, "streams must leave threads for other requests");
constexpr std::size_t request_bytes_max = 64u << 10;
constexpr std::chrono::seconds request_patience{5};
constexpr std::chrono::seconds stream_sign_of_life{10};
constexpr std::size_t socket_path_bytes_max = 107;  // sockaddr_un, unix(7)
constexpr auto json_type = "application/json";

int status_of(errc code) {
  switch (code) {
    case errc::unknown_peer:
    case errc::not_found:
      return 404;
    case errc::not_allowed:
      return 403;
    case errc::not_running:
    case errc::overloaded:
      return 503;
    case errc::timed_out:
      return 504;
    case errc::internal:
      return 500;
    default:
      return 400;
  }
}

void answer(httplib::Response& to, const result<std::string>& with) {
  if (with) return to.set_content(*with + "\n", json_type);
  to.status = status_of(with.error().code);
  to.set_content(admin::error_json(with.error()) + "\n", json_type);
}

std::optional<std::string> header_of(const httplib::Request& request, const char* name) {
  if (!request.has_header(name)) return std::nullopt;
  return request.get_header_value(name);
}

admin_request asked_by(const httplib::Request& request) {
  admin_request asked;
  asked.method = request.method;
  asked.path = request.path;
  asked.host = request.get_header_value("Host");
  asked.origin = header_of(request, "Origin");
  asked.fetch_site = header_of(request, "Sec-Fetch-Site");
  asked.authorization = request.get_header_value("Authorization");
  asked.cookie = request.get_header_value("Cookie");
  asked.content_type = request.get_header_value("Content-Type");
  asked.has_body = request.has_header("Transfer-Encoding") ||
                   (request.has_header("Content-Length") && request.get_header_value("Content-Length") != "0");
  return asked;
}

/// For a browser: nothing of elsewhere is loaded, nobody frames the page, nothing is kept.
void protect(httplib::Response& to) {
  to.set_header("Content-Security-Policy",
                "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
                "base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
  to.set_header("X-Content-Type-Options", "nosniff");
  to.set_header("Referrer-Policy", "no-referrer");
  to.set_header("Cache-Control", "no-store");
}

}  // namespace

// Whoever has the token can change the node, and what goes over the port is not encrypted: only this machine.
bool is_loopback(const address& where) {
  if (where.family() == AF_INET) return where.host().rfind("127.", 0) == 0;
  return where.host() == "::1";
}

struct admin_endpoint::implementation {
  server& node;
  admin_setup setup;
  std::filesystem::path socket;  ///< empty: a port
  int port = 0;
  std::mutex access_mutex;
  admin_access access;
  std::shared_ptr<event_streams> streams = std::make_shared<event_streams>();
  httplib::Server http;
  std::thread thread;
  std::atomic<bool> over{false};  ///< the thread has stopped listening, or never began
  node_watch watch;

  implementation(server& of, admin_setup given) : node(of), setup(std::move(given)), watch(of, *streams) {
    http.new_task_queue = [] { return new httplib::ThreadPool(request_threads); };
    http.set_keep_alive_max_count(1);
    http.set_payload_max_length(request_bytes_max);
    http.set_read_timeout(request_patience);
    http.set_write_timeout(request_patience);
    http.set_pre_routing_handler([this](const auto& request, auto& to) { return judge(request, to); });
    route_reading();
    route_changes();
    route_sessions();
    // The handler stays with the node for good; what it tells to a stream that is gone is heard by nobody.
    node.on("", [streams = streams](const event& what) { streams->tell(what.name, admin::event_json(what)); });
  }

  // -- who may ask

  admin_access::kind kind_of(const std::string& path) const {
    if (path == "/healthz" || path == "/readyz") return admin_access::kind::health;
    if (path == "/login" || path == "/logout") return admin_access::kind::session;
    if (find_dashboard_file(path)) return admin_access::kind::page;
    return admin::changes_something(path) ? admin_access::kind::change : admin_access::kind::reading;
  }

  httplib::Server::HandlerResponse judge(const httplib::Request& request, httplib::Response& to) {
    protect(to);
    const std::lock_guard lock(access_mutex);
    const auto allowed = access.check(asked_by(request), kind_of(request.path), std::chrono::steady_clock::now());
    if (allowed) return httplib::Server::HandlerResponse::Unhandled;
    answer(to, fail(allowed.error()));
    return httplib::Server::HandlerResponse::Handled;
  }

  void route_sessions() {
    http.Post("/login", [this](const httplib::Request& request, httplib::Response& to) {
      const auto token = admin::text_of(request.body, "token");
      if (!token) return answer(to, fail(token.error()));
      const std::lock_guard lock(access_mutex);
      auto cookie = access.log_in(*token, new_secret(), std::chrono::steady_clock::now());
      if (!cookie) return answer(to, fail(std::move(cookie.error())));
      to.status = 204;
      to.set_header("Set-Cookie",
                    fmt::format("{}={}; HttpOnly; SameSite=Strict; Path=/", admin_access::cookie_name, *cookie));
    });
    http.Post("/logout", [this](const httplib::Request& request, httplib::Response& to) {
      const std::lock_guard lock(access_mutex);
      access.log_out(request.get_header_value("Cookie"));
      to.status = 204;
    });
  }

  // -- reading

  void route_reading() {
    auto get = [this](const char* path, auto&& what) {
      http.Get(path, [this, what](const httplib::Request& request, httplib::Response& to) {
        answer(to, what(node, [&request](const char* name) {
                 return request.has_param(name) ? request.get_param_value(name) : std::string();
               }));
      });
    };
    get("/state", admin::state);
    get("/agents", admin::agents);
    get("/actors", admin::actors);
    get("/graph", admin::graph);
    get("/peers", admin::peers);
    get("/streams", admin::streams);
    get("/patterns", admin::patterns);
    get("/config", admin::config);
    http.Get(R"(/patterns/(.+))", [this](const httplib::Request& request, httplib::Response& to) {
      answer(to, admin::pattern(node, request.matches[1]));
    });
    http.Get("/metrics", [this](const httplib::Request&, httplib::Response& to) {
      auto text = admin::metrics(node);
      if (!text) return answer(to, fail(std::move(text.error())));
      to.set_content(*text, "text/plain; version=0.0.4; charset=utf-8");
    });
    http.Get("/healthz", [this](const httplib::Request&, httplib::Response& to) { health(to, true); });
    http.Get("/readyz", [this](const httplib::Request&, httplib::Response& to) { health(to, node.running()); });
    http.Get("/events", [this](const httplib::Request& request, httplib::Response& to) { stream(request, to); });
    http.Get(R"(/.*)", [](const httplib::Request& request, httplib::Response& to) {
      const auto* file = find_dashboard_file(request.path);
      if (!file) return answer(to, fail(errc::not_found, fmt::format("there is no {}", request.path)));
      to.set_content(file->body.data(), file->body.size(), std::string(file->content_type));
    });
  }

  void health(httplib::Response& to, bool ready) {
    const char* why = !watch.answers() ? "the node's loop does not answer" : !ready ? "the node does not run" : nullptr;
    if (why) to.status = 503;
    to.set_content(why ? fmt::format("{{\"status\":\"failed\",\"why\":\"{}\"}}\n", why) : "{\"status\":\"ok\"}\n",
                   json_type);
  }

  void stream(const httplib::Request& request, httplib::Response& to) {
    auto events = streams->open(request.has_param("patterns") && request.get_param_value("patterns") == "true");
    if (!events) {
      to.set_header("Retry-After", "5");
      return answer(to, fail(errc::overloaded, fmt::format("there are {} event streams already, as many as there may "
                                                           "be",
                                                           limits::event_streams)));
    }
    to.set_chunked_content_provider(
        "text/event-stream",
        [events](std::size_t, httplib::DataSink& sink) {
          auto text = events->next(stream_sign_of_life);
          if (events->over()) return false;
          if (text.empty()) text = ": \n\n";  // is it still there?
          return sink.write(text.data(), text.size());
        },
        [all = streams, events](bool) { all->close(events); });
  }

  // -- changing

  void route_changes() {
    auto post = [this](const char* path, auto&& what) {
      http.Post(path, [this, path, what](const httplib::Request& request, httplib::Response& to) {
        std::string about;
        const auto outcome = what(node, request.body, about);
        audit(path, about, outcome ? error{} : outcome.error());
        answer(to, outcome);
      });
    };
    post("/peers/add", admin::add_peer);
    post("/peers/remove", admin::remove_peer);
    post("/cache/clear", admin::clear_cache);
    post("/reload", [this](server&, const std::string&, std::string&) -> result<std::string> {
      if (!setup.reload) return fail(errc::not_found, "this program reads no configuration again");
      return setup.reload().map([] { return std::string(R"({"reloaded":true})"); });
    });
    post("/trace", [this](server&, const std::string& body, std::string& about) -> result<std::string> {
      if (setup.trace_folder.empty()) return fail(errc::bad_config, "the node has no folder for traces (--trace DIR)");
      return admin::yes_or_no_of(body, "on").and_then([&](bool on) {
        about = on ? "on" : "off";
        return node.trace(on ? setup.trace_folder : std::filesystem::path()).map([&] {
          return admin::trace_json(on, setup.trace_folder.string());
        });
      });
    });
    post("/log/level", [this](server&, const std::string& body, std::string& about) -> result<std::string> {
      if (!setup.set_log_level) return fail(errc::not_found, "this program has no log to set");
      return admin::text_of(body, "level").and_then([&](const std::string& level) {
        about = level;
        return setup.set_log_level(level).map([&] { return fmt::format(R"({{"level":"{}"}})", level); });
      });
    });
  }

  void audit(const char* path, const std::string& about, const error& failure) {
    event what;
    what.name = "admin:action";
    what.message = fmt::format("{}{}{} by {}: {}", path + 1, about.empty() ? "" : " ", about, access.who(),
                               failure.code == errc::none ? "done" : "refused");
    what.failure = failure;
    node.tell(std::move(what));
  }

  // -- listening

  result<void> listen_at_socket() {
    const auto path = socket.string();
    if (path.size() > socket_path_bytes_max)
      return fail(errc::bad_address, fmt::format("{}: longer than the {} bytes that a socket's path can have", path,
                                                 socket_path_bytes_max));
    std::error_code failed;
    if (socket.has_parent_path() && std::filesystem::create_directories(socket.parent_path(), failed))
      std::filesystem::permissions(socket.parent_path(), std::filesystem::perms::owner_all, failed);
    if (std::filesystem::is_socket(socket, failed)) {
      if (auto other = ask_admin(socket, admin_method::get, "/state"); other || other.error().code != errc::not_running)
        return fail(errc::address_in_use, fmt::format("another node answers at {}", path));
      std::filesystem::remove(socket, failed);
    }
    http.set_address_family(AF_UNIX);
    // The library makes the socket with the process's mask, which is what keeps others out from its first moment.
    const auto mask = ::umask(0177);
    const bool bound = http.bind_to_port(path, 80);
    ::umask(mask);
    if (!bound) return fail(errc::io_failed, fmt::format("cannot listen at {}", path));
    return {};
  }

  result<void> listen_at_port() {
    auto target = parse_host_port(setup.where);
    if (!target) return fail(std::move(target.error()));
    auto where = resolve(*target);
    if (!where) return fail(std::move(where.error()));
    if (!is_loopback(*where))
      return fail(errc::bad_address,
                  fmt::format("{}: the admin port must be of this machine: 127.0.0.1 or [::1]", setup.where));
    auto token = read_or_make_token(setup.token_file);
    if (!token) return fail(std::move(token.error()));
    const auto host = where->host();
    port = target->port;
    if (port == 0)
      port = http.bind_to_any_port(host);
    else if (!http.bind_to_port(host, port))
      port = -1;
    if (port < 0) return fail(errc::address_in_use, fmt::format("cannot listen at {}", setup.where));
    access = admin_access(static_cast<std::uint16_t>(port), std::move(*token));
    return {};
  }

  void begin() {
    thread = std::thread([this] {
      http.listen_after_bind();
      over = true;
    });
  }
};

admin_endpoint::admin_endpoint(std::unique_ptr<implementation> impl) : impl_(std::move(impl)) {}

result<std::unique_ptr<admin_endpoint>> admin_endpoint::open(server& node, admin_setup setup) {
  auto impl = std::make_unique<implementation>(node, std::move(setup));
  const bool at_socket = impl->setup.where.find('/') != std::string::npos;
  if (at_socket) impl->socket = impl->setup.where;
  if (auto listens = at_socket ? impl->listen_at_socket() : impl->listen_at_port(); !listens)
    return fail(std::move(listens.error()));
  impl->begin();
  return std::unique_ptr<admin_endpoint>(new admin_endpoint(std::move(impl)));
}

admin_endpoint::~admin_endpoint() {
  // stop() is without effect before the thread has begun to listen.
  while (!impl_->http.is_running() && !impl_->over) std::this_thread::yield();
  impl_->streams->end();
  impl_->http.stop();
  impl_->thread.join();
  std::error_code ignored;
  if (!impl_->socket.empty()) std::filesystem::remove(impl_->socket, ignored);
}

std::string admin_endpoint::where() const {
  if (!impl_->socket.empty()) return impl_->socket.string();
  return fmt::format("{}:{}", impl_->setup.where.substr(0, impl_->setup.where.rfind(':')), impl_->port);
}

namespace {

result<std::filesystem::path> runtime_file(const std::string& name) {
  const char* folder = std::getenv("XDG_RUNTIME_DIR");
  if (folder == nullptr || *folder == '\0')
    return fail(errc::no_file, "XDG_RUNTIME_DIR is not set, so there is no place for the admin socket");
  return std::filesystem::path(folder) / "quicsync" / name;
}

}  // namespace

result<std::filesystem::path> default_admin_socket(const std::string& id) { return runtime_file(id + ".sock"); }
result<std::filesystem::path> default_admin_token(const std::string& id) { return runtime_file(id + ".token"); }

}  // namespace quicsync
