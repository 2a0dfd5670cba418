#include <algorithm>
#include <atomic>
#include <charconv>
#include <condition_variable>
#include <cstdlib>
#include <functional>
#include <thread>

#include <fmt/format.h>
#include <httplib.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

#include <quicsync/actors/agent/agent.hpp>
#include <quicsync/actors/agent/agent_roster.hpp>
#include <quicsync/actors/inspect/actor_list.hpp>
#include <quicsync/actors/inspect/admin_client.hpp>
#include <quicsync/actors/inspect/admin_endpoint.hpp>
#include <quicsync/actors/state_json.hpp>
#include <quicsync/transport/address.hpp>

namespace quicsync {
namespace {

constexpr std::size_t request_threads = 2;
constexpr std::chrono::seconds sample_every{1};
constexpr std::size_t request_bytes_max = 64u << 10;
constexpr std::size_t agents_shown_max = 1000;
constexpr std::size_t socket_path_bytes_max = 107;  // sockaddr_un, unix(7)

using json = nlohmann::ordered_json;
constexpr auto json_type = "application/json";

int status_of(errc code) {
  switch (code) {
    case errc::unknown_peer:
    case errc::not_found:
      return 404;
    case errc::not_running:
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
  to.set_content(json{{"error", to_string(with.error())}, {"code", to_string(with.error().code)}}.dump() + "\n",
                 json_type);
}

/// The member of the request's body, a text. Errors: usage.
result<std::string> asked(const httplib::Request& request, const char* name) {
  const auto body = json::parse(request.body, nullptr, false);
  if (!body.is_object() || !body.contains(name) || !body[name].is_string())
    return fail(errc::usage, fmt::format("the request wants {{\"{}\": TEXT}}", name));
  return body[name].get<std::string>();
}

/// Those that lag most come first where only slow ones are asked for.
result<std::string> peers_of(server& node, const std::string& id, bool only_slow) {
  return node.state().map([&](node_state&& state) {
    std::erase_if(state.peers, [&](const connection_state& peer) {
      return (!id.empty() && peer.peer_id != id) || (only_slow && !peer.slow());
    });
    if (only_slow)
      std::stable_sort(state.peers.begin(), state.peers.end(),
                       [](const auto& a, const auto& b) { return a.unacknowledged_for > b.unacknowledged_for; });
    std::string list = "[";
    for (const auto& peer : state.peers) list.append(list.size() > 1 ? "," : "").append(to_json(peer));
    return list + "]";
  });
}

constexpr auto not_counted = "the node's actors are not counted: monitoring.enableMetrics is false";

/// A number of the query; absent: as it is. Errors: usage.
result<void> read_number(const httplib::Request& request, const char* name, std::size_t& to) {
  if (!request.has_param(name)) return {};
  const auto text = request.get_param_value(name);
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), to);
  if (code == std::errc{} && end == text.data() + text.size()) return {};
  return fail(errc::usage, fmt::format("{}={}: a number is wanted", name, text));
}

result<std::string> actors_of(server& node, const httplib::Request& request) {
  auto* registry = node.actors();
  if (!registry) return fail(errc::not_found, not_counted);
  actor_query query;
  query.kind = request.get_param_value("kind");
  query.name = request.get_param_value("name");
  query.state = request.get_param_value("state");
  if (request.has_param("sort")) query.sort = request.get_param_value("sort");
  if (auto read = read_number(request, "offset", query.offset); !read) return fail(std::move(read.error()));
  if (auto read = read_number(request, "limit", query.limit); !read) return fail(std::move(read.error()));
  return list_actors(*registry, query);
}

const char* name_of(agent_status::state what) {
  switch (what) {
    case agent_status::state::restarting:
      return "restarting";
    case agent_status::state::failed:
      return "failed";
    default:
      return "running";
  }
}

/// Those that failed come first.
result<std::string> agents_of(server& node) {
  const auto running = node.agents();
  if (!running) return fail(errc::not_running, "the node is not running");
  auto list = json::array();
  for (const auto& agent : running->roster->list(agents_shown_max))
    list.push_back({{"name", agent.name},
                    {"state", name_of(agent.what)},
                    {"restarts", agent.restarts},
                    {"lastError", agent.last_error},
                    {"refusedMessages", agent.refused_messages}});
  return json{{"running", running->roster->size()}, {"agents", std::move(list)}}.dump(-1, ' ', false,
                                                                                      json::error_handler_t::replace);
}

/// "[ID@]HOST:PORT": dialled from now on; that it is connected is an event, not the answer.
result<std::string> add_peer(server& node, const std::string& text) {
  const auto at = text.find('@');
  const auto name = at == text.npos ? std::string() : text.substr(0, at);
  const auto where = at == text.npos ? text : text.substr(at + 1);
  auto target = parse_host_port(where);
  if (!target) return fail(std::move(target.error()));
  if (target->port == 0) return fail(errc::bad_address, fmt::format("nobody can be dialled at port 0 ('{}')", text));
  if (!node.running()) return fail(errc::not_running, "the node is not running");
  node.connect_to_peer(where, name);
  return json{{"added", text}}.dump();
}

/// Once a second: what the actors did since the last time.
class sampler {
 public:
  explicit sampler(server& of) {
    if (auto* registry = of.actors()) thread_ = std::thread([this, registry] { run(*registry); });
  }
  ~sampler() {
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
    }
    ends_.notify_all();
    if (thread_.joinable()) thread_.join();
  }
  sampler(const sampler&) = delete;
  sampler& operator=(const sampler&) = delete;

 private:
  void run(actor_registry& registry) {
    std::unique_lock lock(mutex_);
    do {
      lock.unlock();
      registry.sample(std::chrono::steady_clock::now());
      lock.lock();
    } while (!ends_.wait_for(lock, sample_every, [this] { return over_; }));
  }

  std::mutex mutex_;
  std::condition_variable ends_;
  bool over_ = false;
  std::thread thread_;
};

}  // namespace

struct admin_endpoint::implementation {
  server& node;
  std::filesystem::path socket;
  httplib::Server http;
  std::thread thread;
  sampler samples;
  std::atomic<bool> over{false};  ///< the thread has stopped listening, or never began

  explicit implementation(server& of, std::filesystem::path at) : node(of), socket(std::move(at)), samples(of) {
    http.set_address_family(AF_UNIX);
    http.new_task_queue = [] { return new httplib::ThreadPool(request_threads); };
    http.set_keep_alive_max_count(1);
    http.set_payload_max_length(request_bytes_max);
    http.Get("/state", [this](const auto&, auto& to) {
      answer(to, node.state().map([](const node_state& state) { return to_json(state); }));
    });
    http.Get("/agents", [this](const auto&, auto& to) { answer(to, agents_of(node)); });
    http.Get("/peers", [this](const httplib::Request& request, auto& to) {
      answer(to, peers_of(node, request.get_param_value("id"), request.get_param_value("slow") == "true"));
    });
    http.Get("/streams", [this](const httplib::Request& request, auto& to) {
      answer(to, node.state().map(
                     [&](const node_state& state) { return streams_json(state, request.get_param_value("peer")); }));
    });
    http.Get("/actors", [this](const httplib::Request& request, auto& to) { answer(to, actors_of(node, request)); });
    http.Get("/graph", [this](const auto&, auto& to) {
      auto* registry = node.actors();
      answer(to, registry ? result<std::string>(graph_of_actors(*registry)) : fail(errc::not_found, not_counted));
    });
    http.Post("/peers/add", [this](const httplib::Request& request, auto& to) {
      answer(to, asked(request, "peer").and_then([this](const std::string& peer) { return add_peer(node, peer); }));
    });
    http.Post("/peers/remove", [this](const httplib::Request& request, auto& to) {
      answer(to, asked(request, "id").and_then([this](const std::string& id) {
        return node.remove_peer(id).map([&id] { return json{{"removed", id}}.dump(); });
      }));
    });
    http.Post("/cache/clear", [this](const auto&, auto& to) {
      answer(to, node.clear_cache().map([](std::uint64_t count) { return json{{"cleared", count}}.dump(); }));
    });
  }
};

admin_endpoint::admin_endpoint(std::unique_ptr<implementation> impl) : impl_(std::move(impl)) {}

result<std::unique_ptr<admin_endpoint>> admin_endpoint::open(server& node, const std::filesystem::path& socket) {
  const auto path = socket.string();
  if (path.size() > socket_path_bytes_max)
    return fail(errc::bad_address,
                fmt::format("{}: longer than the {} bytes that a socket's path can have", path, socket_path_bytes_max));
  std::error_code failed;
  if (socket.has_parent_path() && std::filesystem::create_directories(socket.parent_path(), failed))
    std::filesystem::permissions(socket.parent_path(), std::filesystem::perms::owner_all, failed);
  if (std::filesystem::is_socket(socket, failed)) {
    if (auto other = ask_admin(socket, admin_method::get, "/state"); other || other.error().code != errc::not_running)
      return fail(errc::address_in_use, fmt::format("another node answers at {}", path));
    std::filesystem::remove(socket, failed);
  }
  auto impl = std::make_unique<implementation>(node, socket);
  // The library makes the socket with the process's mask, which is what keeps others out from its first moment.
  const auto mask = ::umask(0177);
  const bool bound = impl->http.bind_to_port(path, 80);
  ::umask(mask);
  if (!bound) return fail(errc::io_failed, fmt::format("cannot listen at {}", path));
  impl->thread = std::thread([impl = impl.get()] {
    impl->http.listen_after_bind();
    impl->over = true;
  });
  return std::unique_ptr<admin_endpoint>(new admin_endpoint(std::move(impl)));
}

admin_endpoint::~admin_endpoint() {
  // stop() is without effect before the thread has begun to listen.
  while (!impl_->http.is_running() && !impl_->over) std::this_thread::yield();
  impl_->http.stop();
  impl_->thread.join();
  std::error_code ignored;
  std::filesystem::remove(impl_->socket, ignored);
}

result<std::filesystem::path> default_admin_socket(const std::string& id) {
  const char* folder = std::getenv("XDG_RUNTIME_DIR");
  if (folder == nullptr || *folder == '\0')
    return fail(errc::no_file, "XDG_RUNTIME_DIR is not set, so there is no place for the admin socket");
  return std::filesystem::path(folder) / "quicsync" / (id + ".sock");
}

}  // namespace quicsync
