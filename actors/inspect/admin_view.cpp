#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <quicsync/actors/inspect/admin_view.hpp>

namespace quicsync {
namespace {

using json = nlohmann::ordered_json;

result<json> parsed(std::string_view answer) {
  auto value = json::parse(answer, nullptr, false);
  if (value.is_discarded()) return fail(errc::bad_json, "the node's answer is no JSON");
  return value;
}

const json& member(const json& of, const char* name) {
  static const json absent;
  const auto found = of.is_object() ? of.find(name) : of.end();
  return found == of.end() ? absent : *found;
}

std::string text(const json& of, const char* name) {
  const auto& value = member(of, name);
  return value.is_string() ? value.get<std::string>() : std::string();
}
double number(const json& of, const char* name) {
  const auto& value = member(of, name);
  return value.is_number() ? value.get<double>() : 0;
}
std::uint64_t count(const json& of, const char* name) {
  const auto& value = member(of, name);
  return value.is_number_unsigned() ? value.get<std::uint64_t>() : 0;
}
bool truth(const json& of, const char* name) { return member(of, name) == true; }

std::string line_of(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

actor_view actor_of(const json& row) {
  actor_view a;
  a.id = count(row, "id");
  a.name = text(row, "name");
  a.kind = text(row, "kind");
  a.where = text(row, "where");
  a.state = text(row, "state");
  a.waits_for = text(row, "waitsFor");
  a.last_error = text(row, "lastError");
  a.depth = count(row, "depth");
  a.messages = count(row, "messages");
  a.restarts = count(row, "restarts");
  a.rate = number(row, "rate");
  a.busy_share = number(row, "busyShare");
  a.busy_ms = number(row, "busyMs");
  a.longest_ms = number(row, "longestMs");
  a.running_ms = number(row, "runningMs");
  a.age_ms = number(row, "ageMs");
  a.json = line_of(row);
  return a;
}

peer_view peer_of(const json& row) {
  peer_view p;
  p.id = text(row, "id");
  p.name = text(row, "peerId");
  const auto host = text(row, "address");
  const bool bare_ipv6 = host.find(':') != host.npos && host.front() != '[';
  if (!host.empty())
    p.address = fmt::format("{}{}{}:{}", bare_ipv6 ? "[" : "", host, bare_ipv6 ? "]" : "", count(row, "port"));
  p.connected = truth(row, "connected");
  p.healthy = truth(row, "healthy");
  p.incoming = truth(row, "incoming");
  p.slow = truth(row, "slow");
  p.errors = count(row, "errorCount");
  p.patterns_sent = count(row, "patternsSent");
  p.patterns_received = count(row, "patternsReceived");
  p.packets_lost = count(row, "packetsLost");
  p.rtt_ms = number(row, "rttMs");
  const auto& lag = member(row, "lag");
  p.lag_records = count(lag, "records");
  p.lag_bytes = count(lag, "bytes");
  p.lag_age_ms = number(lag, "ageMs");
  p.json = line_of(row);
  return p;
}

std::vector<peer_view> peers_of(const json& rows) {
  std::vector<peer_view> peers;
  if (!rows.is_array()) return peers;
  for (const auto& row : rows) peers.push_back(peer_of(row));
  return peers;
}

}  // namespace

result<actors_view> read_actors(std::string_view answer) {
  return parsed(answer).map([](const json& all) {
    actors_view view;
    view.total = count(all, "total");
    view.matched = count(all, "matched");
    view.messages = count(member(all, "sums"), "messages");
    view.depth = count(member(all, "sums"), "depth");
    if (const auto& rows = member(all, "actors"); rows.is_array())
      for (const auto& row : rows) view.actors.push_back(actor_of(row));
    return view;
  });
}

result<std::vector<peer_view>> read_peers(std::string_view answer) { return parsed(answer).map(peers_of); }

result<std::vector<stream_view>> read_streams(std::string_view answer) {
  return parsed(answer).map([](const json& all) {
    std::vector<stream_view> streams;
    const auto& rows = member(all, "streams");
    if (!rows.is_array()) return streams;
    for (const auto& row : rows)
      streams.push_back({text(row, "peerId"), text(row, "connection"), text(row, "lane"), text(row, "direction"),
                         count(row, "bytes"), count(row, "unackedBytes"), count(row, "windowBytes"), line_of(row)});
    return streams;
  });
}

result<node_view> read_node(std::string_view answer) {
  return parsed(answer).map([](const json& all) {
    return node_view{text(all, "name"),    count(all, "patterns"),        count(all, "connections"),
                     count(all, "actors"), count(all, "agents"),          number(all, "uptimeMs"),
                     number(all, "time"),  peers_of(member(all, "peers"))};
  });
}

result<why_view> read_why(std::string_view answer) {
  return parsed(answer).map([](const json& all) {
    const auto& held = member(all, "pattern");
    const auto& why = member(all, "why");
    why_view view;
    view.id = text(held, "id");
    view.agent = text(held, "agentId");
    view.type = text(held, "type");
    view.lane = text(all, "lane");
    view.version = count(held, "version");
    view.deleted = truth(held, "deleted");
    view.text = text(why, "text");
    view.from = text(why, "from");
    view.arrived_ms = number(why, "arrived");
    if (const auto& over = member(why, "over"); over.is_object())
      view.over = why_view::loser{count(over, "version"), text(over, "from")};
    return view;
  });
}

result<std::string> laid_out_json(std::string_view answer) {
  return parsed(answer).map([](const json& all) { return all.dump(2, ' ', false, json::error_handler_t::replace); });
}

}  // namespace quicsync
