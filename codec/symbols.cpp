#include <bit>

#include <quicsync/codec/small_copy.hpp>
#include <quicsync/codec/symbols.hpp>

namespace quicsync::detail {
// Order is wire format: append only, and only with a new wire version.
constexpr std::string_view key_words[128] = {"id",
                                             "name",
                                             "type",
                                             "value",
                                             "key",
                                             "kind",
                                             "status",
                                             "state",
                                             "result",
                                             "error",
                                             "message",
                                             "reason",
                                             "code",
                                             "level",
                                             "line",
                                             "lines",
                                             "column",
                                             "file",
                                             "path",
                                             "url",
                                             "endpoint",
                                             "method",
                                             "target",
                                             "source",
                                             "module",
                                             "function",
                                             "class",
                                             "component",
                                             "service",
                                             "package",
                                             "test",
                                             "tests",
                                             "testCase",
                                             "testId",
                                             "testName",
                                             "suite",
                                             "framework",
                                             "template",
                                             "strategy",
                                             "rule",
                                             "severity",
                                             "risk",
                                             "score",
                                             "confidence",
                                             "priority",
                                             "coverage",
                                             "lineCoverage",
                                             "branchCoverage",
                                             "functionCoverage",
                                             "uncoveredLines",
                                             "uncoveredBranches",
                                             "duration",
                                             "latency",
                                             "timeout",
                                             "start",
                                             "end",
                                             "startTime",
                                             "endTime",
                                             "time",
                                             "timestamp",
                                             "createdAt",
                                             "updatedAt",
                                             "version",
                                             "count",
                                             "total",
                                             "passed",
                                             "failed",
                                             "skipped",
                                             "retries",
                                             "attempts",
                                             "generated",
                                             "accepted",
                                             "rejected",
                                             "complexity",
                                             "maintainability",
                                             "duplication",
                                             "debtMinutes",
                                             "passRate",
                                             "failureRate",
                                             "errorRate",
                                             "throughput",
                                             "rps",
                                             "p50",
                                             "p90",
                                             "p95",
                                             "p99",
                                             "min",
                                             "max",
                                             "mean",
                                             "average",
                                             "median",
                                             "samples",
                                             "memory",
                                             "cpu",
                                             "bytes",
                                             "size",
                                             "description",
                                             "title",
                                             "label",
                                             "labels",
                                             "tags",
                                             "category",
                                             "fingerprint",
                                             "hash",
                                             "checksum",
                                             "commit",
                                             "branch",
                                             "author",
                                             "agent",
                                             "agentId",
                                             "traceId",
                                             "spanId",
                                             "parentId",
                                             "sessionId",
                                             "requestId",
                                             "userId",
                                             "data",
                                             "metadata",
                                             "config",
                                             "options",
                                             "input",
                                             "output",
                                             "expected",
                                             "actual",
                                             "enabled",
                                             "items"};

constexpr std::string_view name_words[128] = {
    // types
    "test_execution", "coverage_gap", "test_generation", "quality_metrics", "security_finding", "performance_benchmark",
    "test_result", "task_result", "flaky_test", "quality_gate",
    // agents of a quality-engineering fleet
    "test-generator", "test-executor", "coverage-analyzer", "quality-gate", "quality-analyzer", "performance-tester",
    "security-scanner", "requirements-validator", "production-intelligence", "fleet-commander", "deployment-readiness",
    "regression-risk-analyzer", "test-data-architect", "api-contract-validator", "flaky-test-hunter", "visual-tester",
    "chaos-engineer",
    // tags
    "unit", "integration", "e2e", "api", "auth", "db", "ui", "security", "perf", "performance", "regression", "smoke",
    "slow", "fast", "flaky", "critical", "nightly", "mobile", "web", "a11y", "payments", "backend", "frontend",
    "contract", "load", "chaos", "release", "staging", "production", "development",
    // outcomes and grades
    "passed", "failed", "skipped", "error", "timeout", "pending", "running", "completed", "success", "failure", "ok",
    "warning", "low", "medium", "high", "info", "debug", "open", "closed", "fixed", "new", "unknown", "none", "true",
    "false", "yes", "no",
    // tools and methods
    "jest", "mocha", "vitest", "pytest", "junit", "gtest", "catch2", "cypress", "playwright", "selenium", "eslint",
    "boundary-value", "property-based", "equivalence", "mutation", "pairwise", "state-transition", "ai-guided",
    "javascript", "typescript", "python", "java", "go", "rust", "cpp", "GET", "POST", "PUT", "DELETE", "main", "master",
    "CWE-79", "CWE-89", "CWE-22", "CWE-352", "CWE-287", "CWE-502", "CWE-798", "CWE-611", "CWE-918"};

static_assert(key_words[words_max].empty() && name_words[words_max].empty());

namespace {

constexpr std::size_t slots = 1024;

/// A text of at most 24 bytes as three numbers, zeros behind it: compared without a loop. Words hold no zero byte.
struct padded {
  std::uint64_t parts[3] = {};
  bool operator==(const padded&) const = default;
};

constexpr padded pad(std::string_view text) noexcept {
  padded result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    result.parts[i / 8] |= static_cast<std::uint64_t>(static_cast<unsigned char>(text[i])) << i % 8 * 8;
  }
  return result;
}

constexpr std::size_t slot_of(const padded& text) noexcept {
  const auto mixed = (text.parts[0] * 0x9E3779B97F4A7C15ull) ^ (text.parts[1] * 0xC2B2AE3D27D4EB4Full) ^ text.parts[2];
  return (mixed * 0xD6E8FEB86659FD93ull) >> 54;
}

/// Open addressing, filled to an eighth. What decides is small enough to stay in the nearest cache: a byte a slot, and
/// the words on their own.
struct word_index {
  std::uint8_t places[slots];  ///< a word's place and one; 0: a free slot
  padded words[128];
};

constexpr word_index index_of(const std::string_view (&words)[128]) {
  word_index index{};
  for (std::size_t i = 0; i < 128 && !words[i].empty(); ++i) {
    index.words[i] = pad(words[i]);
    auto slot = slot_of(index.words[i]);
    while (index.places[slot] != 0) slot = (slot + 1) % slots;
    index.places[slot] = static_cast<std::uint8_t>(i + 1);
  }
  return index;
}

constexpr word_index key_index = index_of(key_words);
constexpr word_index name_index = index_of(name_words);

static_assert(std::endian::native == std::endian::little, "load_padded() reads texts as little-endian numbers");

/// The same as pad(). Reads whole words, never beyond the text.
padded load_padded(std::string_view text) noexcept {
  const auto* const from = text.data();
  const auto size = text.size();
  // Up to eight bytes, from two reads that overlap.
  const auto tail = [](const char* at, std::size_t count) -> std::uint64_t {
    if (count >= 8) return load<std::uint64_t>(at);
    if (count >= 4)
      return load<std::uint32_t>(at) | std::uint64_t{load<std::uint32_t>(at + count - 4)} << (count - 4) * 8;
    if (count == 0) return 0;
    const auto byte = [&](std::size_t i) { return std::uint64_t{static_cast<unsigned char>(at[i])} << i * 8; };
    return byte(0) | byte(count / 2) | byte(count - 1);
  };
  padded result;
  if (size <= 8) {
    result.parts[0] = tail(from, size);
    return result;
  }
  result.parts[0] = load<std::uint64_t>(from);
  if (size <= 16) {
    // The last eight bytes, without those that were read already.
    result.parts[1] = load<std::uint64_t>(from + size - 8) >> (16 - size) * 8;
    return result;
  }
  result.parts[1] = load<std::uint64_t>(from + 8);
  result.parts[2] = load<std::uint64_t>(from + size - 8) >> (24 - size) * 8;
  return result;
}

int find_in(const word_index& index, std::string_view text) noexcept {
  const auto wanted = load_padded(text);
  for (auto slot = slot_of(wanted);; slot = (slot + 1) % slots) {
    const int place = index.places[slot] - 1;
    if (place < 0 || index.words[place] == wanted) return place;
  }
}

}  // namespace

int find_word(word_list list, std::string_view text) noexcept {
  // Zero bytes at a text's begin or end look like padding.
  if (text.size() < 2 || text.size() > word_bytes_max || text.front() == '\0' || text.back() == '\0') return -1;
  return find_in(list == word_list::keys ? key_index : name_index, text);
}

std::uint8_t* put_name(std::uint8_t* to, std::string_view text) noexcept {
  if (const int word = find_word(word_list::names, text); word >= 0) {
    *to++ = static_cast<std::uint8_t>(0x81 + word);
    return to;
  }
  if (text.size() < 0x80) {
    *to++ = static_cast<std::uint8_t>(text.size());
  } else {
    *to++ = 0x80;
    to = put_varint(to, text.size());
  }
  copy_short(to, text.data(), text.size());
  return to + text.size();
}

}  // namespace quicsync::detail
