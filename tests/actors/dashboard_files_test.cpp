#include <regex>
#include <string>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <quicsync/actors/inspect/dashboard/dashboard_files.hpp>

using namespace quicsync;
using Catch::Matchers::ContainsSubstring;

TEST_CASE("dashboard files: the page and whatever it names are there, each with its type", "[inspect]") {
  const auto* page = find_dashboard_file("/");
  REQUIRE(page != nullptr);
  CHECK(page->content_type == "text/html; charset=utf-8");
  CHECK_THAT(std::string(page->body), ContainsSubstring("<!doctype html>"));
  CHECK(find_dashboard_file("/dashboard.css")->content_type == "text/css; charset=utf-8");
  CHECK(find_dashboard_file("/dashboard.js")->content_type == "text/javascript; charset=utf-8");

  const std::regex named(R"re((?:src=|href=|from )"(/[^"]*)")re");
  std::size_t names = 0;
  for (const auto& file : dashboard_files()) {
    const std::string body(file.body);
    for (std::sregex_iterator it(body.begin(), body.end(), named), end; it != end; ++it, ++names) {
      INFO(file.path << " names " << (*it)[1]);
      CHECK(find_dashboard_file((*it)[1].str()) != nullptr);
    }
  }
  CHECK(names > 8);
  for (const char* absent : {"", "/index.html", "/dashboard", "/../dashboard.js", "/DASHBOARD.JS"}) {
    INFO(absent);
    CHECK(find_dashboard_file(absent) == nullptr);
  }
}

TEST_CASE("dashboard files: small, from no other host, and nothing in them makes markup or code of text", "[inspect]") {
  std::size_t bytes = 0;
  for (const auto& file : dashboard_files()) {
    INFO(file.path);
    bytes += file.body.size();
    const std::string body(file.body);
    // The one address is the name of SVG's namespace, which is never fetched.
    const auto foreign = std::regex_replace(body, std::regex(R"(http://www\.w3\.org/2000/svg)"), "");
    CHECK(foreign.find("://") == std::string::npos);
    for (const char* word : {"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function(",
                             "<script>", "<style", " style=", " onclick=", "javascript:"}) {
      INFO(word);
      CHECK(body.find(word) == std::string::npos);
    }
  }
  CHECK(bytes < 60000);
}
