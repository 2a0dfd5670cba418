#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <quicsync/actors/agent/agent.hpp>
#include <quicsync/actors/agent/agent_roster.hpp>
#include <quicsync/actors/inspect/actor_list.hpp>
#include <quicsync/actors/inspect/admin_answers.hpp>
#include <quicsync/actors/inspect/config_json.hpp>
#include <quicsync/actors/inspect/node_metrics.hpp>
#include <quicsync/actors/inspect/pattern_search.hpp>
#include <quicsync/actors/state_json.hpp>
#include <quicsync/transport/address.hpp>

namespace quicsync::admin {
namespace {

using json = nlohmann::ordered_json;

constexpr auto not_counted = "the node's actors are not counted: monitoring.enableMetrics is false";

std::string one_line(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

std::int64_t unix_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

/// A number of the query; absent: as it is. Errors: usage.
result<void> read_number(const parameters& given, const char* name, std::size_t& to) {
  const auto text = given(name);
  if (text.empty()) return {};
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), to);
  if (code == std::errc{} && end == text.data() + text.size()) return {};
  return fail(errc::usage, fmt::format("{}: a number is wanted", name));
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

/// `line`, an object, with one more member in front.
std::string with_member(std::string_view name, std::string_view value, std::string_view line) {
  return fmt::format("{{\"{}\":{},{}", name, value, line.substr(1));
}

}  // namespace

// -- reading ------------------------------------------------------------------------------------------------------

result<std::string> state(server& node, const parameters&) {
  return node.state().map([&](const node_state& now) {
    const auto running = node.agents();
    auto line = with_member("agents", std::to_string(running ? running->roster->size() : 0), to_json(now));
    if (const auto* registry = node.actors()) line = with_member("actors", std::to_string(registry->size()), line);
    line = with_member("uptimeMs", std::to_string(node.uptime().count()), line);
    line = with_member("time", std::to_string(unix_ms()), line);
    return with_member("name", json(node.name()).dump(), line);
  });
}

/// Those that failed come first.
result<std::string> agents(server& node, const parameters&) {
  const auto running = node.agents();
  if (!running) return fail(errc::not_running, "the node is not running");
  auto list = json::array();
  for (const auto& agent : running->roster->list(limits::listed_at_once))
    list.push_back({{"name", agent.name},
                    {"state", name_of(agent.what)},
                    {"restarts", agent.restarts},
                    {"lastError", agent.last_error},
                    {"refusedMessages", agent.refused_messages}});
  return one_line({{"running", running->roster->size()}, {"agents", std::move(list)}});
}

result<std::string> actors(server& node, const parameters& given) {
  auto* registry = node.actors();
  if (!registry) return fail(errc::not_found, not_counted);
  actor_query query;
  query.kind = given("kind");
  query.name = given("name");
  query.state = given("state");
  if (auto sort = given("sort"); !sort.empty()) query.sort = std::move(sort);
  if (auto read = read_number(given, "offset", query.offset); !read) return fail(std::move(read.error()));
  if (auto read = read_number(given, "limit", query.limit); !read) return fail(std::move(read.error()));
  return list_actors(*registry, query);
}

result<std::string> graph(server& node, const parameters&) {
  auto* registry = node.actors();
  if (!registry) return fail(errc::not_found, not_counted);
  return graph_of_actors(*registry);
}

/// Those that lag most come first where only slow ones are asked for.
result<std::string> peers(server& node, const parameters& given) {
  return node.state().map([id = given("id"), only_slow = given("slow") == "true"](node_state&& now) {
    std::erase_if(now.peers, [&](const connection_state& peer) {
      return (!id.empty() && peer.peer_id != id) || (only_slow && !peer.slow());
    });
    if (only_slow)
      std::stable_sort(now.peers.begin(), now.peers.end(),
                       [](const auto& a, const auto& b) { return a.unacknowledged_for > b.unacknowledged_for; });
    std::string list = "[";
    for (const auto& peer : now.peers) list.append(list.size() > 1 ? "," : "").append(to_json(peer));
    return list + "]";
  });
}

result<std::string> streams(server& node, const parameters& given) {
  return node.state().map([peer = given("peer")](const node_state& now) { return streams_json(now, peer); });
}

result<std::string> patterns(server& node, const parameters& given) {
  pattern_query query;
  query.filter = given("filter");
  query.after = given("after");
  if (auto read = read_number(given, "limit", query.limit); !read) return fail(std::move(read.error()));
  return search_patterns(node, query);
}

result<std::string> pattern(server& node, const std::string& id) { return pattern_with_reason(node, id); }

result<std::string> config(server& node, const parameters&) {
  return node.configuration().map([](const node_config& now) { return to_json(now); });
}

result<std::string> metrics(server& node) {
  auto* registry = node.actors();
  if (!registry) return fail(errc::not_found, "there are no metrics: monitoring.enableMetrics is false");
  return node.state().map([registry](const node_state& now) { return metrics_text(now, registry); });
}

// -- changing -----------------------------------------------------------------------------------------------------

bool changes_something(std::string_view path) {
  constexpr std::array<std::string_view, 6> changes{"/peers/add", "/peers/remove", "/cache/clear",
                                                    "/reload",    "/log/level",    "/trace"};
  return std::find(changes.begin(), changes.end(), path) != changes.end();
}

result<std::string> text_of(const std::string& body, const char* name) {
  const auto said = json::parse(body, nullptr, false);
  if (!said.is_object() || !said.contains(name) || !said[name].is_string())
    return fail(errc::usage, fmt::format("the request wants {{\"{}\": TEXT}}", name));
  return said[name].get<std::string>();
}

/// "[ID@]HOST:PORT": dialled from now on; that it is connected is an event, not the answer.
result<std::string> add_peer(server& node, const std::string& body, std::string& about) {
  auto text = text_of(body, "peer");
  if (!text) return text;
  about = *text;
  const auto at = text->find('@');
  const auto name = at == text->npos ? std::string() : text->substr(0, at);
  const auto where = at == text->npos ? *text : text->substr(at + 1);
  auto target = parse_host_port(where);
  if (!target) return fail(std::move(target.error()));
  if (target->port == 0) return fail(errc::bad_address, fmt::format("nobody can be dialled at port 0 ('{}')", *text));
  if (!node.running()) return fail(errc::not_running, "the node is not running");
  node.connect_to_peer(where, name);
  return one_line({{"added", *text}});
}

result<std::string> remove_peer(server& node, const std::string& body, std::string& about) {
  auto id = text_of(body, "id");
  if (!id) return id;
  about = *id;
  return node.remove_peer(*id).map([&id] { return one_line({{"removed", *id}}); });
}

result<std::string> clear_cache(server& node, const std::string&, std::string&) {
  return node.clear_cache().map([](std::uint64_t count) { return one_line({{"cleared", count}}); });
}

result<bool> yes_or_no_of(const std::string& body, const char* name) {
  const auto said = json::parse(body, nullptr, false);
  if (!said.is_object() || !said.contains(name) || !said[name].is_boolean())
    return fail(errc::usage, fmt::format("the request wants {{\"{}\": true or false}}", name));
  return said[name].get<bool>();
}

std::string trace_json(bool on, const std::string& folder) { return one_line({{"on", on}, {"folder", folder}}); }

std::string error_json(const error& what) {
  return one_line({{"error", to_string(what)}, {"code", to_string(what.code)}});
}

std::string event_json(const event& what) {
  auto line = to_json(what);
  line.pop_back();
  return fmt::format("{},\"time\":{}}}", line, unix_ms());
}

}  // namespace quicsync::admin
