#include <nlohmann/json.hpp>

#include <quicsync/actors/event.hpp>
#include <quicsync/actors/state_json.hpp>
#include <quicsync/codec/json.hpp>

namespace quicsync {

std::string to_json(const event& what) {
  // Ordered, so that "event" stands first, where people look.
  nlohmann::ordered_json j{{"event", what.name}};
  if (!what.peer_id.empty()) j["peerId"] = what.peer_id;
  if (!what.address.empty()) j["address"] = what.address;
  if (what.port != 0) j["port"] = what.port;
  if (!what.pattern_id.empty()) j["patternId"] = what.pattern_id;
  if (!what.source_id.empty()) j["sourceId"] = what.source_id;
  if (what.name == "sync:completed") {
    j["patternCount"] = what.pattern_count;
    j["latency"] = what.latency_ms;
  }
  if (what.failure.code != errc::none) {
    j["error"] = to_string(what.failure);
    j["code"] = to_string(what.failure.code);
  }
  if (!what.message.empty()) j["message"] = what.message;
  auto line = j.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  // What is JSON already goes in as it is: `data` keeps its bytes.
  auto append = [&line](std::string_view key, std::string_view json) {
    line.pop_back();
    line.append(",\"").append(key).append("\":").append(json).append("}");
  };
  if (what.state) append("state", to_json(*what.state));
  if (what.received) {
    std::string text;
    append_json(text, *what.received);
    append("pattern", text);
  }
  return line;
}

}  // namespace quicsync
