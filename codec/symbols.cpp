#include <array>

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

constexpr std::size_t slot_of(std::string_view text) noexcept {
  const auto at = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i])); };
  const auto n = text.size();
  const std::uint32_t mixed =
      at(0) | at(n / 2) << 8 | at(n - 1) << 16 | static_cast<std::uint32_t>(n + at(n / 4)) << 24;
  return (mixed * 0x9E3779B1u) >> 22;
}

// 1 + the word's place; 0: free. Open addressing, filled to an eighth.
template <std::size_t N>
constexpr std::array<std::uint8_t, slots> index_of(const std::string_view (&words)[N]) {
  std::array<std::uint8_t, slots> table{};
  for (std::size_t i = 0; i < N && !words[i].empty(); ++i) {
    auto slot = slot_of(words[i]);
    while (table[slot] != 0) slot = (slot + 1) % slots;
    table[slot] = static_cast<std::uint8_t>(i + 1);
  }
  return table;
}

constexpr auto key_index = index_of(key_words);
constexpr auto name_index = index_of(name_words);

template <std::size_t N>
int find_in(const std::string_view (&words)[N], const std::array<std::uint8_t, slots>& index,
            std::string_view text) noexcept {
  for (auto slot = slot_of(text); index[slot] != 0; slot = (slot + 1) % slots) {
    const auto& word = words[index[slot] - 1];
    if (equal_short(word, text)) return index[slot] - 1;
  }
  return -1;
}

}  // namespace

int find_word(word_list list, std::string_view text) noexcept {
  if (text.size() < 2 || text.size() > word_bytes_max) return -1;
  return list == word_list::keys ? find_in(key_words, key_index, text) : find_in(name_words, name_index, text);
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
