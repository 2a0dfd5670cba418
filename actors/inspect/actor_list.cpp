#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include <cxxabi.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <quicsync/actors/inspect/actor_list.hpp>
#include <quicsync/codec/limits.hpp>

namespace quicsync {
namespace {

using json = nlohmann::ordered_json;
using std::chrono::nanoseconds;

std::int64_t unix_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

double in_ms(nanoseconds time) {
  // Microseconds are enough.
  return static_cast<double>(time.count() / 1000) / 1000.0;
}
double rounded(double value) { return static_cast<double>(static_cast<std::int64_t>(value * 1000)) / 1000.0; }

std::string one_line(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

std::string text_of(const wait_label* label) {
  if (!label) return {};
  if (!label->type) return label->what;
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> plain(abi::__cxa_demangle(label->type, nullptr, nullptr, &status),
                                                     std::free);
  return fmt::format("{} of type {}", label->what, status == 0 ? plain.get() : label->type);
}

/// The largest first; by name the other way round.
enum class actor_order { name, depth, messages, rate, busy, longest, age, restarts };

std::optional<actor_order> order_of(const std::string& name) {
  static const std::map<std::string, actor_order> known{
      {"name", actor_order::name}, {"depth", actor_order::depth},      {"messages", actor_order::messages},
      {"rate", actor_order::rate}, {"busy", actor_order::busy},        {"longest", actor_order::longest},
      {"age", actor_order::age},   {"restarts", actor_order::restarts}};
  const auto it = known.find(name);
  return it == known.end() ? std::nullopt : std::optional(it->second);
}

double key_of(const actor_sight& a, actor_order by) {
  switch (by) {
    case actor_order::depth:
      return static_cast<double>(a.depth);
    case actor_order::messages:
      return static_cast<double>(a.messages);
    case actor_order::rate:
      return a.rate;
    case actor_order::busy:
      return a.busy_share + 1e-18 * static_cast<double>(a.busy.count());  // of a second; of equals, in their lives
    case actor_order::longest:
      return static_cast<double>(std::max(a.longest, a.running).count());
    case actor_order::age:
      return static_cast<double>(a.age.count());
    case actor_order::restarts:
      return a.restarts;
    case actor_order::name:
      break;
  }
  return 0;
}

bool is_state(const std::string& name) {
  for (auto state : {actor_state::idle, actor_state::waiting, actor_state::queued, actor_state::running,
                     actor_state::starved, actor_state::stuck, actor_state::restarting, actor_state::failed})
    if (name == to_string(state)) return true;
  return false;
}

bool matches(const actor_sight& a, const actor_query& query) {
  return (query.kind.empty() || a.kind == query.kind) && (query.state.empty() || query.state == to_string(a.state)) &&
         (query.name.empty() || a.name.find(query.name) != a.name.npos);
}

json value_of(const actor_sight& a) {
  return {{"id", a.id},
          {"name", a.name},
          {"kind", a.kind},
          {"parent", a.parent},
          {"where", a.on_loop ? "loop" : "pool"},
          {"state", to_string(a.state)},
          {"waitsFor", text_of(a.waits_for)},
          {"depth", a.depth},
          {"messages", a.messages},
          {"rate", rounded(a.rate)},
          {"busyMs", in_ms(a.busy)},
          {"busyShare", rounded(a.busy_share)},
          {"longestMs", in_ms(std::max(a.longest, a.running))},
          {"runningMs", in_ms(a.running)},
          {"unchangedMs", in_ms(a.unchanged)},
          {"ageMs", in_ms(a.age)},
          {"restarts", a.restarts},
          {"lastError", a.last_error}};
}

struct totals {
  std::uint64_t count = 0, messages = 0, depth = 0;
  nanoseconds busy{0};
  double rate = 0;
  void add(const actor_sight& a) {
    ++count;
    messages += a.messages;
    depth += a.depth;
    busy += a.busy;
    rate += a.rate;
  }
  json value() const {
    return {
        {"count", count}, {"messages", messages}, {"depth", depth}, {"busyMs", in_ms(busy)}, {"rate", rounded(rate)}};
  }
};

/// An actor's place in the order that was asked for; those that are equal stand by number.
struct place {
  double key = 0;
  std::string name;
  std::uint64_t id = 0;
  bool operator<(const place& other) const {
    if (key != other.key) return key > other.key;
    if (name != other.name) return name < other.name;
    return id < other.id;
  }
};

}  // namespace

// Two walks: the first finds which actors stand on the page, the second takes down what they do, so that what is copied
// of a million of them is little.
result<std::string> list_actors(const actor_registry& of, const actor_query& query) {
  const auto order = order_of(query.sort);
  if (!order)
    return fail(errc::usage, fmt::format("actors are not sorted by '{}': name, depth, messages, rate, busy, longest, "
                                         "age or restarts",
                                         query.sort));
  if (!query.state.empty() && !is_state(query.state))
    return fail(errc::usage, fmt::format("no actor is ever '{}'", query.state));
  if (query.limit > limits::listed_at_once)
    return fail(errc::usage, fmt::format("a page has at most {} entries", limits::listed_at_once));

  std::uint64_t total = 0;
  totals sums;
  std::map<std::string, totals, std::less<>> kinds;
  std::vector<place> places;
  of.each([&](const actor_sight& a) {
    ++total;
    if (!matches(a, query)) return;
    sums.add(a);
    auto kind = kinds.find(a.kind);
    if (kind == kinds.end()) kind = kinds.emplace(std::string(a.kind), totals{}).first;
    kind->second.add(a);
    places.push_back({key_of(a, *order), *order == actor_order::name ? std::string(a.name) : std::string(), a.id});
  });
  const auto begin = std::min(query.offset, places.size());
  const auto end = std::min(begin + query.limit, places.size());
  std::partial_sort(places.begin(), places.begin() + static_cast<std::ptrdiff_t>(end), places.end());

  std::map<std::uint64_t, std::size_t> wanted;
  for (auto i = begin; i < end; ++i) wanted.emplace(places[i].id, i - begin);
  std::vector<json> page(end - begin);
  of.each([&](const actor_sight& a) {
    if (const auto it = wanted.find(a.id); it != wanted.end()) page[it->second] = value_of(a);
  });
  auto actors = json::array();
  for (auto& each : page)
    if (!each.is_null()) actors.push_back(std::move(each));  // the others have ended meanwhile
  auto by_kind = json::object();
  for (const auto& [kind, sum] : kinds) by_kind[kind] = sum.value();
  return one_line({{"time", unix_ms()},
                   {"total", total},
                   {"matched", sums.count},
                   {"offset", query.offset},
                   {"sums", sums.value()},
                   {"kinds", std::move(by_kind)},
                   {"actors", std::move(actors)}});
}

std::string graph_of_actors(const actor_registry& of) {
  // What makes the node comes before what lives in it.
  std::vector<place> places;
  of.each([&](const actor_sight& a) {
    const bool many = a.kind == "agent" || a.kind == "subscriber";
    places.push_back({(many ? 0 : 1e18) + static_cast<double>(a.messages), {}, a.id});
  });
  const auto shown = std::min(places.size(), limits::listed_at_once);
  std::partial_sort(places.begin(), places.begin() + static_cast<std::ptrdiff_t>(shown), places.end());
  std::map<std::uint64_t, double> rates;
  for (std::size_t i = 0; i < shown; ++i) rates.emplace(places[i].id, 0);

  auto nodes = json::array();
  of.each([&](const actor_sight& a) {
    const auto it = rates.find(a.id);
    if (it == rates.end()) return;
    it->second = a.rate;
    nodes.push_back({{"id", a.id},
                     {"name", a.name},
                     {"kind", a.kind},
                     {"state", to_string(a.state)},
                     {"rate", rounded(a.rate)},
                     {"depth", a.depth}});
  });
  auto edges = json::array();
  of.each_neighbourhood([&](std::uint64_t to, const std::vector<actor_neighbour>& senders) {
    const auto it = rates.find(to);
    if (it == rates.end()) return;
    std::uint64_t all = 0;
    for (const auto& sender : senders) all += sender.messages;
    for (const auto& sender : senders) {
      if (sender.from != 0 && rates.count(sender.from) == 0) continue;
      const auto share = all == 0 ? 0.0 : static_cast<double>(sender.messages) / static_cast<double>(all);
      edges.push_back(
          {{"from", sender.from}, {"to", to}, {"messages", sender.messages}, {"rate", rounded(share * it->second)}});
    }
  });
  return one_line({{"time", unix_ms()},
                   {"nodes", std::move(nodes)},
                   {"edges", std::move(edges)},
                   {"nodesLeftOut", places.size() - shown}});
}

}  // namespace quicsync
