#include <charconv>
#include <map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <quicsync/actors/agent/agent.hpp>
#include <quicsync/actors/inspect/pattern_search.hpp>
#include <quicsync/codec/json.hpp>

namespace quicsync {
namespace {

using json = nlohmann::ordered_json;

constexpr std::chrono::seconds patience{30};

std::string one_line(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

/// A question to the node's cache from outside of any actor.
template <class Answer, class Question>
result<Answer> ask_cache(server& node, Question question) {
  const auto running = node.agents();
  if (!running || !running->cache) return fail(errc::not_running, "the node is not running");
  caf::scoped_actor self{*running->system};
  result<Answer> out = fail(errc::not_running, "the node stopped");
  if constexpr (std::is_same_v<Question, messages::pull>) {
    question.reader = caf::actor_cast<caf::actor>(self);
    self->send(running->cache, std::move(question));
    self->receive([&](Answer& answer) { out = std::move(answer); },
                  caf::after(patience) >> [&] { out = fail(errc::timed_out, "the cache does not answer"); });
  } else {
    self->request(running->cache, patience, std::move(question))
        .receive([&](Answer& answer) { out = std::move(answer); },
                 [&](caf::error& e) { out = fail(errc::not_running, running->system->render(e)); });
  }
  return out;
}

/// Names of who brought patterns, each asked for once.
class source_names {
 public:
  explicit source_names(server& node) : node_(node) {}
  const std::string& of(peer_number number) {
    auto it = known_.find(number);
    if (it == known_.end()) it = known_.emplace(number, node_.peer_name(number)).first;
    return it->second;
  }

 private:
  server& node_;
  std::map<peer_number, std::string> known_;
};

json value_of(const record_view& record, lane on, const std::string& source) {
  auto tags = json::array();
  if (const auto whole = record.to_pattern())
    for (const auto& tag : whole->metadata.tags) tags.push_back(tag);
  json out{{"id", record.id()},
           {"type", record.type()},
           {"agentId", record.agent_id()},
           {"version", record.version()},
           {"timestamp", record.timestamp()}};
  if (record.priority()) out["priority"] = *record.priority();
  out["tags"] = std::move(tags);
  out["lane"] = to_string(on);
  out["bytes"] = record.bytes().size();
  out["source"] = source;
  out["deleted"] = record.deleted();
  return out;
}

const char* name_of(order_part rule) {
  switch (rule) {
    case order_part::version:
      return "version";
    case order_part::timestamp:
      return "timestamp";
    case order_part::agent_id:
      return "agentId";
    case order_part::deleted:
      return "deleted";
    case order_part::content:
      return "content";
    case order_part::tie:
      return "tie";
    case order_part::none:
      break;
  }
  return "first";
}

std::string words_of(const pattern_reason& why, std::uint64_t version) {
  if (!why.over_version) return fmt::format("version {} is the first of this id that is known here", version);
  if (why.decided == order_part::version)
    return fmt::format("version {} replaced version {}: the greater version wins", version, *why.over_version);
  if (why.decided == order_part::tie)
    return fmt::format("it replaced another content of version {}, before the node was started again", version);
  const auto* what = why.decided == order_part::timestamp  ? "the later timestamp"
                     : why.decided == order_part::agent_id ? "the greater agentId"
                     : why.decided == order_part::deleted  ? "a deletion"
                                                           : "the greater content hash";
  return fmt::format("it replaced another content of version {}: all before it being equal, {} wins", version, what);
}

}  // namespace

std::string to_string(const log_cursor& cursor) {
  return fmt::format("{}.{}.{}.{}", cursor.last[0], cursor.last[1], cursor.last[2], cursor.last[3]);
}

result<log_cursor> parse_log_cursor(std::string_view text) {
  log_cursor out;
  const auto* at = text.data();
  const auto* const end = at + text.size();
  for (std::size_t i = 0; i < lane_count; ++i) {
    if (i != 0 && (at == end || *at++ != '.')) return fail(errc::usage, "after: four numbers with dots between them");
    const auto [next, code] = std::from_chars(at, end, out.last[i]);
    if (code != std::errc{}) return fail(errc::usage, "after: four numbers with dots between them");
    at = next;
  }
  if (at != end) return fail(errc::usage, "after: four numbers with dots between them");
  return out;
}

result<messages::page> read_log(server& node, const log_cursor& after, std::size_t records_max) {
  messages::pull question;
  question.after = after;
  question.wait = false;
  question.records_max = records_max;
  return ask_cache<messages::page>(node, std::move(question));
}

result<log_position_number> log_end_of(server& node) {
  return ask_cache<messages::log_end>(node, messages::ask_log_end{}).map([](const messages::log_end& end) {
    return end.position;
  });
}

result<std::string> search_patterns(server& node, const pattern_query& query) {
  auto wanted = filter::parse(query.filter);
  if (!wanted) return fail(std::move(wanted.error()));
  if (query.limit > limits::listed_at_once || query.limit == 0)
    return fail(errc::usage, fmt::format("a page has 1 to {} entries", limits::listed_at_once));
  log_cursor at;
  if (!query.after.empty()) {
    auto read = parse_log_cursor(query.after);
    if (!read) return fail(std::move(read.error()));
    at = *read;
  }
  source_names names(node);
  auto found = json::array();
  std::size_t scanned = 0;
  bool at_end = false;
  while (!at_end && found.size() < query.limit && scanned < limits::scanned_at_once) {
    auto page = read_log(node, at, limits::turn_records);
    if (!page) return fail(std::move(page.error()));
    bool whole = true;
    for (const auto& set : page->sets)
      for (const change& c : set->changes) {
        if (!(whole = whole && found.size() < query.limit)) break;
        ++scanned;
        at[c.on] = c.position;
        const auto record = set->records->record(c.index);
        if (wanted->matches(record)) found.push_back(value_of(record, c.on, names.of(set->source)));
      }
    if (!whole) break;
    at = page->next;
    at_end = page->at_end;
  }
  json out{{"patterns", std::move(found)}, {"scanned", scanned}};
  if (at_end)
    out["next"] = nullptr;
  else
    out["next"] = to_string(at);
  return one_line(out);
}

result<std::string> pattern_with_reason(server& node, const std::string& id) {
  auto held = ask_cache<messages::found>(node, messages::find{0, id});
  if (!held) return fail(std::move(held.error()));
  if (!held->records) return fail(errc::not_found, fmt::format("no pattern '{}'", id));
  auto why = node.why(id);
  if (!why) return fail(std::move(why.error()));
  const auto record = held->records->record(held->index);
  std::string text;
  if (record.deleted())
    text = one_line({{"id", record.id()},
                     {"deleted", true},
                     {"version", record.version()},
                     {"agentId", record.agent_id()},
                     {"timestamp", record.timestamp()}});
  else if (auto written = append_json(text, record); !written)
    return fail(std::move(written.error()));
  json over = nullptr;
  if (why->over_version) over = {{"version", *why->over_version}, {"from", why->over_from}};
  auto rest = one_line({{"lane", to_string(why->on)},
                        {"bytes", record.bytes().size()},
                        {"source", node.peer_name(held->source)},
                        {"why",
                         {{"rule", name_of(why->decided)},
                          {"text", words_of(*why, record.version())},
                          {"from", why->from},
                          {"arrived", why->arrived_ms},
                          {"over", std::move(over)}}}});
  // What is JSON already goes in as it is: `data` keeps its bytes.
  return fmt::format("{{\"pattern\":{},{}", text, rest.substr(1));
}

}  // namespace quicsync
