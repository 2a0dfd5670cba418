#include <filesystem>

#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

#include "workplace.hpp"

using namespace quicsync::test;

TEST_CASE("demo: ends by itself, every node with every pattern, and leaves nothing behind", "[cli][net]") {
  const workplace place(false);
  ::setenv("TMPDIR", place.path("").c_str(), 1);
  process demo({"demo", "--patterns", "300"});
  ::unsetenv("TMPDIR");
  CHECK(demo.wait() == 0);
  CHECK(demo.errors().empty());
  CHECK(std::filesystem::is_empty(place.path("")));
  const auto lines = demo.output_lines();
  REQUIRE(lines.size() == 5);
  for (std::size_t i = 0; i < 4; ++i) {
    const auto node = nlohmann::json::parse(lines[i]);
    CHECK(node.at("peers") == 3);
    CHECK(node.at("shared") == 300);
    CHECK(node.at("received") == 900);
    CHECK(node.at("held") == 1200);
    CHECK(node.at("bytesSent") > 0);
    CHECK(node.at("compressionRatio") > 0);
    CHECK(node.at("compressionRatio") < 1);
  }
  const auto whole = nlohmann::json::parse(lines.back());
  CHECK(whole.at("patterns") == 1200);
  CHECK(whole.at("complete") == true);
}
