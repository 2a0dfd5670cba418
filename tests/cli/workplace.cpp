#include "workplace.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <random>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <signal.h>

namespace quicsync::test {
namespace fs = std::filesystem;

workplace::workplace(bool with_ca) {
  auto made = (fs::temp_directory_path() / "quicsync-test-XXXXXX").string();
  REQUIRE(::mkdtemp(made.data()) != nullptr);
  directory_ = made;
  // Nodes keep their patterns there, as they do by themselves.
  ::setenv("XDG_STATE_HOME", path("state").c_str(), 1);
  if (with_ca) REQUIRE(run({"cert", "ca", path("ca")}).code == 0);
}

workplace::~workplace() {
  std::error_code ignored;
  fs::remove_all(directory_, ignored);
}

std::string workplace::write(std::string_view name, std::string_view text) const {
  std::ofstream(path(name), std::ios::binary) << text;
  return path(name);
}

std::vector<std::string> workplace::identity(const std::string& name, int days) const {
  if (!fs::exists(path("ca/" + name + ".pem"))) {
    const auto made =
        run({"cert", "node", name, "--ca", path("ca"), "--out", path("ca"), "--days", std::to_string(days)});
    INFO(made.errors);
    REQUIRE(made.code == 0);
  }
  return {"--cert", path("ca/" + name + ".pem"), "--key", path("ca/" + name + ".key"), "--ca", path("ca/ca.pem")};
}

std::vector<std::string> workplace::foreign_identity(const std::string& name) const {
  if (!fs::exists(path("other"))) REQUIRE(run({"cert", "ca", path("other")}).code == 0);
  REQUIRE(run({"cert", "node", name, "--ca", path("other"), "--out", path("other")}).code == 0);
  return {"--cert", path("other/" + name + ".pem"), "--key", path("other/" + name + ".key"), "--ca", path("ca/ca.pem")};
}

namespace {

std::vector<std::string> node_arguments(const workplace& place, const std::string& name,
                                        std::vector<std::string> more) {
  std::vector<std::string> arguments{"node"};
  if (std::find(more.begin(), more.end(), "--listen") == more.end())
    arguments.insert(arguments.end(), {"--listen", "127.0.0.1:0"});
  const auto identity = place.identity(name);
  arguments.insert(arguments.end(), identity.begin(), identity.end());
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

}  // namespace

running_node::running_node(const workplace& place, const std::string& name, std::vector<std::string> more)
    : program_(node_arguments(place, name, std::move(more))),
      port_(static_cast<std::uint16_t>(number_in(program_.await_output("server:started"), "port"))) {
  REQUIRE(port_ != 0);
}

int running_node::stop() {
  program_.signal(SIGTERM);
  return program_.wait();
}

std::vector<std::string> command(const std::string& name, const running_node& node,
                                 const std::vector<std::string>& identity, const std::vector<std::string>& more) {
  std::vector<std::string> arguments{name, "--peer", node.address()};
  arguments.insert(arguments.end(), identity.begin(), identity.end());
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

namespace {

class sample_maker {
 public:
  explicit sample_maker(std::uint64_t seed) : random_(seed) {}

  sample make(std::size_t index) {
    sample s;
    s.id = one_in(4) ? fmt::format("{:016x}-{}", random_(), index) : fmt::format("sample_{}", index);
    s.data = one_in(10) ? value(0) : object(0);
    static const char* const types[] = {"test_execution", "coverage_gap", "quality_metrics", "security_finding"};
    s.line = fmt::format(R"({{"id":"{}","agentId":"{}","type":"{}","data":{},"metadata":{{"source":"{}","tags":[{}])",
                         s.id, pick(words_), types[below(std::size(types))], s.data, pick(words_), tags());
    if (!one_in(3)) s.line += fmt::format(R"(,"priority":{})", 1 + below(10));
    if (one_in(5)) s.line += fmt::format(R"(,"traceId":"{:032x}")", random_());
    s.line += fmt::format(R"(}},"timestamp":{},"version":{})", 1760000000000 + below(1000000), 1 + below(9));
    if (one_in(7)) s.line += fmt::format(R"(,"note":{})", value(2));
    s.line += '}';
    return s;
  }

 private:
  std::uint64_t below(std::uint64_t end) { return random_() % end; }
  bool one_in(std::uint64_t n) { return below(n) == 0; }
  const std::string& pick(const std::vector<std::string>& from) { return from[below(from.size())]; }

  std::string tags() {
    std::string out;
    for (std::uint64_t left = below(4); left > 0; --left)
      out += fmt::format("{}\"{}\"", out.empty() ? "" : ",", pick(words_));
    return out;
  }

  std::string object(int depth) {
    std::string out = "{";
    for (std::uint64_t left = 1 + below(5), i = 0; i < left; ++i)
      out += fmt::format("{}\"{}{}\":{}", i == 0 ? "" : ",", pick(words_), i, value(depth + 1));
    return out + "}";
  }

  std::string value(int depth) {
    static const std::vector<std::string> odd{"0.10", "1e5",   "-0",   "12345678901234567890", "1.50E-3",
                                              "true", "false", "null", "\"\\u00e9\\n\\\"\"",   "\"é 日本 🙂\"",
                                              "\"\"", "[]",    "{}"};
    switch (below(depth > 3 ? 5 : 7)) {
      case 0:
        return std::to_string(below(100000));
      case 1:
        return fmt::format("{}.{:03}", below(100), below(1000));
      case 2:
        return "\"" + pick(words_) + "\"";
      case 3:
        return fmt::format("\"{:08x}-{:04x}\"", below(1ull << 32), below(1u << 16));
      case 4:
        return pick(odd);
      case 5:
        return fmt::format("[{},{},{}]", value(depth + 1), value(depth + 1), below(50));
      default:
        return object(depth);
    }
  }

  std::mt19937_64 random_;
  const std::vector<std::string> words_{"login",   "checkout", "auth", "api",  "cart", "refund",
                                        "session", "unit",     "slow", "edge", "a b",  "größe"};
};

}  // namespace

std::vector<sample> make_samples(std::size_t count, std::uint64_t seed) {
  sample_maker maker(seed);
  std::vector<sample> samples;
  samples.reserve(count);
  for (std::size_t i = 0; i < count; ++i) samples.push_back(maker.make(i));
  return samples;
}

std::string lines_of(const std::vector<sample>& samples) {
  std::string text;
  for (const auto& s : samples) text += s.line + "\n";
  return text;
}

void require_same(const std::vector<std::string>& printed, const std::vector<sample>& expected) {
  REQUIRE(printed.size() == expected.size());
  std::map<std::string, const sample*> missing;
  for (const auto& s : expected) missing.emplace(s.id, &s);
  for (const auto& line : printed) {
    const auto value = nlohmann::json::parse(line);
    const auto found = missing.find(value.at("id").get<std::string>());
    if (found == missing.end()) FAIL("not expected, or twice: " << line);
    const auto& s = *found->second;
    if (value != nlohmann::json::parse(s.line)) FAIL("shared: " << s.line << "\nprinted: " << line);
    if (line.find(fmt::format("\"data\":{},\"metadata\":", s.data)) == std::string::npos)
      FAIL("data is not the same bytes; shared: " << s.line << "\nprinted: " << line);
    missing.erase(found);
  }
  REQUIRE(missing.empty());
}

double number_in(std::string_view json, std::string_view name) {
  const auto key = fmt::format("\"{}\":", name);
  const auto at = json.find(key);
  INFO(json);
  REQUIRE(at != std::string_view::npos);
  return std::strtod(std::string(json.substr(at + key.size(), 32)).c_str(), nullptr);
}

}  // namespace quicsync::test
