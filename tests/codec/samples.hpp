// Patterns for tests: one by hand, and any number from a seed, in the manner of what a test fleet shares.
#pragma once
#include <cstdint>
#include <random>
#include <string>

#include <quicsync/codec/pattern.hpp>

namespace quicsync::samples {

inline pattern simple_pattern() {
  pattern value;
  value.id = "pattern_17";
  value.agent_id = "test-generator-3";
  value.type = "test_execution";
  value.data = R"({"testCase":"login_rejects","duration":120,"coverage":0.9810,"result":"passed"})";
  value.metadata.source = "test-generator";
  value.metadata.tags = {"unit", "auth", "a tag of its own"};
  value.timestamp = 1760000000000;
  value.version = 3;
  return value;
}

/// The seed of this run: from the environment variable QUICSYNC_TEST_SEED, else fixed, so that a run repeats.
inline std::uint64_t seed() {
  const char* given = std::getenv("QUICSYNC_TEST_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : 20240607;
}

class pattern_maker {
 public:
  explicit pattern_maker(std::uint64_t from) : random_(from) {}

  std::uint64_t below(std::uint64_t end) { return random_() % end; }
  bool one_in(std::uint64_t n) { return below(n) == 0; }

  std::string word() {
    static const char* const words[] = {"login", "checkout", "passed", "failed", "auth",
                                        "unit",  "api",      "cart",   "queue",  "x"};
    return words[below(std::size(words))] + (one_in(3) ? std::to_string(below(1000)) : std::string());
  }

  std::string json(int depth = 0) {
    switch (below(depth > 4 ? 8 : 10)) {
      case 0:
        return one_in(2) ? "true" : "null";
      case 1:
        return std::to_string(below(100000));
      case 2:
        return "-" + std::to_string(below(1000));
      case 3:
        return std::to_string(below(100)) + "." + std::to_string(below(10000));
      case 4:
        return one_in(2) ? "1e999" : "12345678901234567890123";
      case 5:
        return "\"" + word() + (one_in(4) ? "\\n\\u00e9 \xc3\xa9" : "") + "\"";
      case 6:
        return "\"" + uuid() + "\"";
      case 7: {
        std::string text = "[";
        const auto count = below(6);
        for (std::uint64_t i = 0; i < count; ++i) text += (i == 0 ? "" : ",") + std::to_string(below(500));
        return text + "]";
      }
      case 8: {
        std::string text = "[";
        const auto count = below(4);
        for (std::uint64_t i = 0; i < count; ++i) text += (i == 0 ? "" : ",") + json(depth + 1);
        return text + "]";
      }
      default: {
        const std::string space = one_in(8) ? " " : "";
        std::string text = "{" + space;
        const auto count = below(5);
        for (std::uint64_t i = 0; i < count; ++i)
          text += (i == 0 ? "\"" : ",\"") + word() + "\":" + space + json(depth + 1);
        return text + "}";
      }
    }
  }

  std::string uuid() {
    static const char digits[] = "0123456789abcdef";
    std::string text = "xxxxxxxx-xxxx-4xxx-xxxx-xxxxxxxxxxxx";
    for (char& c : text) {
      if (c == 'x') c = digits[below(16)];
    }
    return text;
  }

  pattern make() {
    pattern value;
    value.id = one_in(4)   ? uuid()
               : one_in(5) ? word() + "/" + std::to_string(below(100))
                           : "pattern_" + std::to_string(next_++);
    value.agent_id = word() + (one_in(2) ? "-" + std::to_string(below(10)) : "");
    value.type = word();
    value.data = json();
    value.metadata.source = one_in(2) ? value.agent_id : word();
    for (auto tags = below(4); tags > 0; --tags) value.metadata.tags.push_back(word());
    if (one_in(2)) value.metadata.priority = static_cast<int>(1 + below(10));
    if (one_in(3)) value.metadata.expires_at = static_cast<std::int64_t>(1760000000000 + below(100000000));
    if (one_in(5)) value.metadata.checksum = "crc32c:0011aaff";
    if (one_in(4)) value.metadata.extra = "\"traceId\":\"" + uuid() + "\"";
    if (one_in(4)) value.extra = "\"more\":" + json();
    value.timestamp = static_cast<std::int64_t>(1760000000000 + below(1000000));
    value.version = 1 + below(5);
    return value;
  }

 private:
  std::mt19937_64 random_;
  std::uint64_t next_ = 0;
};

}  // namespace quicsync::samples
