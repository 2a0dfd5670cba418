#include <fstream>
#include <sstream>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

#include "workplace.hpp"

using namespace quicsync::test;
using Catch::Matchers::ContainsSubstring;

namespace {

mode_t mode_of(const std::string& path) {
  struct stat facts{};
  REQUIRE(::stat(path.c_str(), &facts) == 0);
  return facts.st_mode & 0777;
}

std::string text_of(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

nlohmann::json shown(const std::string& file) {
  const auto said = run({"cert", "show", file});
  INFO(said.errors);
  REQUIRE(said.code == 0);
  return nlohmann::json::parse(said.output);
}

}  // namespace

TEST_CASE("cert: a CA and a node's certificate, readable by their owner only", "[cli]") {
  const workplace place(false);
  REQUIRE(run({"cert", "ca", place.path("deep/trust")}).code == 0);
  const auto made = run({"cert", "node", "alpha", "--ca", place.path("deep/trust"), "--out", place.path("keys")});
  REQUIRE(made.code == 0);
  CHECK(nlohmann::json::parse(made.output).at("certificate") == place.path("keys/alpha.pem"));
  for (const auto* directory : {"deep", "deep/trust", "keys"}) CHECK(mode_of(place.path(directory)) == 0700);
  for (const auto* file : {"deep/trust/ca.pem", "deep/trust/ca.key", "keys/alpha.pem", "keys/alpha.key"})
    CHECK(mode_of(place.path(file)) == 0600);

  const auto ca = shown(place.path("deep/trust/ca.pem"));
  CHECK(ca.at("ca") == true);
  const auto node = shown(place.path("keys/alpha.pem"));
  CHECK(node.at("name") == "alpha");
  CHECK(node.at("dnsNames") == nlohmann::json{"alpha"});
  CHECK(node.at("issuer") == ca.at("name"));
  CHECK(node.at("state") == "valid");
  CHECK(node.at("ca") == false);
  CHECK(node.at("fingerprint").get<std::string>().size() == 64);
}

TEST_CASE("cert: without --out the files go where one stands", "[cli]") {
  const workplace place;
  process made({"cert", "node", "alpha", "--ca", "ca"}, process::input::none, place.path(""));
  CHECK(made.wait() == 0);
  CHECK(mode_of(place.path("alpha.pem")) == 0600);
}

TEST_CASE("cert: --days 0 makes one that has expired", "[cli]") {
  const workplace place;
  REQUIRE(run({"cert", "node", "old", "--ca", place.path("ca"), "--out", place.path("ca"), "--days", "0"}).code == 0);
  CHECK(shown(place.path("ca/old.pem")).at("state") == "expired");
}

TEST_CASE("cert: nothing is overwritten", "[cli]") {
  const workplace place;
  place.identity("alpha");
  const auto ca_key = text_of(place.path("ca/ca.key")), node_key = text_of(place.path("ca/alpha.key"));
  const auto ca = run({"cert", "ca", place.path("ca")});
  CHECK(ca.code == 1);
  CHECK_THAT(ca.errors, ContainsSubstring("quicsync: error: ") && ContainsSubstring("never overwritten"));
  const auto node = run({"cert", "node", "alpha", "--ca", place.path("ca"), "--out", place.path("ca")});
  CHECK(node.code == 1);
  CHECK_THAT(node.errors, ContainsSubstring("alpha.key"));
  CHECK(text_of(place.path("ca/ca.key")) == ca_key);
  CHECK(text_of(place.path("ca/alpha.key")) == node_key);
}

TEST_CASE("cert: bad input says which and why", "[cli]") {
  const workplace place;
  const auto no_ca = run({"cert", "node", "alpha", "--ca", place.path("nowhere")});
  CHECK(no_ca.code == 2);
  CHECK_THAT(no_ca.errors, ContainsSubstring("nowhere/ca.pem"));
  const auto bad_name = run({"cert", "node", "../alpha", "--ca", place.path("ca")});
  CHECK(bad_name.code == 2);
  CHECK_THAT(bad_name.errors, ContainsSubstring("'../alpha'"));
  const auto no_certificate = run({"cert", "show", place.write("text", "no certificate")});
  CHECK(no_certificate.code == 2);
  CHECK_THAT(no_certificate.errors, ContainsSubstring("text"));
  CHECK(run({"cert", "show", place.path("missing.pem")}).code == 2);
}
