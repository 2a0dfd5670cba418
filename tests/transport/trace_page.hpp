// docs/TRACE.md as a test reads it: which events there are, with which fields, and an example line of each; and whether
// a line that was really written is as the page says.
#pragma once
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

namespace quicsync::tests {

class trace_page {
 public:
  using json = nlohmann::ordered_json;

  explicit trace_page(const std::string& folder) {
    std::ifstream page(folder + "/TRACE.md");
    REQUIRE(page);
    static const std::regex name(R"(`([a-z]+:[a-z_]+)`)"), field(R"(`([A-Za-z]+)`(\??))");
    for (std::string line; std::getline(page, line);) {
      if (line.rfind("{\"us\":", 0) == 0) {
        auto example = json::parse(line);
        const auto event = example.at("event").get<std::string>();
        INFO(line);
        CHECK(examples_.emplace(event, std::move(example)).second);
      }
      if (line.rfind("| `", 0) != 0) continue;
      const auto first = line.find('|', 1), second = line.find('|', first + 1);
      const auto names = line.substr(0, first), fields = line.substr(first, second - first);
      for (std::sregex_iterator at(names.begin(), names.end(), name), end; at != end; ++at)
        for (std::sregex_iterator f(fields.begin(), fields.end(), field);; ++f) {
          auto& known = fields_[(*at)[1]];
          if (f == end) break;
          known.emplace_back((*f)[1], (*f)[2].length() != 0);
        }
    }
  }

  std::set<std::string> events() const {
    std::set<std::string> out;
    for (const auto& [event, fields] : fields_) out.insert(event);
    return out;
  }
  std::set<std::string> events_with_example() const {
    std::set<std::string> out;
    for (const auto& [event, line] : examples_) out.insert(event);
    return out;
  }

  /// The line has the fields that the table gives its event, in that order, and values of the example's kinds.
  void check(const json& line) const {
    INFO(line.dump());
    const auto event = line.at("event").get<std::string>();
    REQUIRE(fields_.count(event) == 1);
    REQUIRE(examples_.count(event) == 1);
    auto at = line.begin();
    if (at.key() == "connection") ++at;
    REQUIRE(at.key() == "us");
    ++at;
    REQUIRE(at.key() == "event");
    ++at;
    for (const auto& [name, optional] : fields_.at(event)) {
      if (optional && (at == line.end() || at.key() != name)) continue;
      REQUIRE(at != line.end());
      CHECK(at.key() == name);
      const auto& example = examples_.at(event);
      if (example.contains(name)) CHECK(at.value().is_number() == example.at(name).is_number());
      ++at;
    }
    CHECK(at == line.end());
  }
  void check_examples() const {
    for (const auto& [event, line] : examples_) check(line);
  }

  // Which test sees an event really written: the union is the whole page.
  /// tests/transport/trace_test.cpp
  static std::set<std::string> of_endpoints() {
    return {"quic:dialled",      "quic:arrived",     "quic:tls",     "quic:keys", "quic:retry",
            "quic:confirmed",    "quic:stream",      "quic:blocked", "quic:lost", "quic:congestion",
            "quic:keys_changed", "quic:path_proven", "quic:window",  "trace:full"};
  }
  /// tests/actors/trace_test.cpp, a frame each
  static std::set<std::string> of_frames() {
    return {"sync:hello",   "sync:subscribe",       "sync:neighbours", "sync:digest",  "sync:sketch",
            "sync:request", "sync:offer",           "sync:mark",       "sync:refusal", "sync:query",
            "sync:reply",   "sync:acknowledgement", "sync:ping",       "sync:pong",    "sync:unknown_base",
            "sync:again",   "sync:goodbye",         "sync:unknown",    "sync:error"};
  }
  /// tests/actors/trace_test.cpp, two nodes
  static std::set<std::string> of_nodes() {
    return {"quic:dialled",         "quic:arrived",      "quic:tls",        "quic:keys",         "quic:opened",
            "quic:confirmed",       "quic:stream",       "quic:sent",       "quic:acknowledged", "quic:received",
            "quic:credit",          "quic:congestion",   "quic:path",       "quic:closing",      "quic:ended",
            "sync:hello",           "sync:subscribe",    "sync:neighbours", "sync:digest",       "sync:sketch",
            "sync:request",         "sync:mark",         "sync:refusal",    "sync:query",        "sync:reply",
            "sync:goodbye",         "sync:established",  "sync:page",       "sync:sent",         "sync:records_in",
            "sync:applied",         "sync:acknowledged", "sync:refused",    "sync:passed_over",  "sync:rate_wait",
            "sync:acknowledgement", "trace:joined"};
  }

 private:
  std::map<std::string, std::vector<std::pair<std::string, bool>>> fields_;  ///< name, and whether it may be absent
  std::map<std::string, json> examples_;
};

}  // namespace quicsync::tests
