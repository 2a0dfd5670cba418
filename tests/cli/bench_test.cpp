#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

#include "tests/cli/process.hpp"

using namespace quicsync::test;
using json = nlohmann::json;

TEST_CASE("bench: what two receiving nodes were given is counted, compared with a plain loop, and its latency measured",
          "[cli][net]") {
  const auto ended =
      run({"bench", "--patterns", "2000", "--peers", "2", "--batch", "50", "--size", "600", "--rate", "200"});
  INFO(ended.errors);
  REQUIRE(ended.code == 0);
  std::vector<json> lines;
  for (std::size_t begin = 0; begin < ended.output.size();) {
    const auto end = ended.output.find('\n', begin);
    lines.push_back(json::parse(ended.output.substr(begin, end - begin)));
    begin = end + 1;
  }
  REQUIRE(lines.size() == 6);
  const auto& throughput = lines[0];
  CHECK(throughput["what"] == "throughput");
  CHECK(throughput["patterns"] == 2000);
  CHECK(throughput["patternsPerSecond"] > 0);
  CHECK(throughput["laneBytes"] < throughput["recordBytes"]);
  CHECK(throughput["wireBytes"] > throughput["laneBytes"]);
  const auto& yardstick = lines[1];
  CHECK(yardstick["what"] == "yardstick");
  CHECK(yardstick["patternsPerSecond"] > 0);
  CHECK(yardstick["ratio"] > 0);
  for (std::size_t i = 2; i < 6; ++i) {
    CHECK(lines[i]["what"] == "latency");
    CHECK(lines[i]["on"] == (i < 4 ? "pool" : "loop"));
    CHECK(lines[i]["peer"] == "bench-receiver-" + std::to_string(i % 2 + 1));
    CHECK(lines[i]["patterns"] == 600);
    CHECK(lines[i]["p50Micros"] > 0);
    CHECK(lines[i]["p50Micros"] <= lines[i]["p99Micros"]);
  }
}

TEST_CASE("bench: values out of range are misuse", "[cli]") {
  CHECK(run({"bench", "--peers", "0"}).code == 2);
  CHECK(run({"bench", "--size", "1"}).code == 2);
}
