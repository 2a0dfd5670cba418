#include <catch2/catch_test_macros.hpp>

#include <quicsync/transport/address.hpp>

using namespace quicsync;

TEST_CASE("address: what is parsed prints as it was", "[address]") {
  for (const std::string text : {"127.0.0.1:4433", "0.0.0.0:0", "[::1]:4433", "[2001:db8::7]:65535"}) {
    const auto parsed = address::parse(text);
    REQUIRE(parsed);
    CHECK(parsed->to_string() == text);
  }
  CHECK(address().to_string() == "none");
  CHECK(address().family() == AF_UNSPEC);
}

TEST_CASE("address: what is no address is an error that names it", "[address]") {
  for (const std::string text :
       {"", "4433", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:4433x", "::1:4433",
        "[::1]", "[::1]4433", "[::1:4433", ":4433", "localhost:4433", "256.0.0.1:1"}) {
    const auto parsed = address::parse(text);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code == errc::bad_address);
    CHECK(parsed.error().context.find("'" + text + "'") != std::string::npos);
  }
}

TEST_CASE("address: a host and port are taken apart, names and brackets alike", "[address]") {
  const auto named = parse_host_port("node-b.example:4433");
  REQUIRE(named);
  CHECK(named->host == "node-b.example");
  CHECK(named->port == 4433);
  const auto bracketed = parse_host_port("[fe80::1]:1");
  REQUIRE(bracketed);
  CHECK(bracketed->host == "fe80::1");
}

TEST_CASE("address: localhost resolves to the loopback, IPv4 first", "[address]") {
  const auto found = resolve({"localhost", 4433});
  REQUIRE(found);
  CHECK(found->to_string() == "127.0.0.1:4433");
  CHECK(resolve({"::1", 5})->to_string() == "[::1]:5");
}

TEST_CASE("address: a name that does not exist is an error that names it", "[address]") {
  const auto found = resolve({"no-such-host.invalid", 1});
  REQUIRE_FALSE(found);
  CHECK(found.error().code == errc::bad_address);
  CHECK(found.error().context.find("host 'no-such-host.invalid' does not resolve: ") == 0);
}

TEST_CASE("address: equal by host and port, and then with the same hash", "[address]") {
  const auto a = address::parse("10.0.0.1:1").value(), b = address::parse("10.0.0.1:1").value();
  CHECK(a == b);
  CHECK(a.hash() == b.hash());
  CHECK_FALSE(a == address::parse("10.0.0.1:2").value());
  CHECK_FALSE(a == address::parse("10.0.0.2:1").value());
  CHECK_FALSE(a == address::parse("[::ffff:10.0.0.1]:1").value());
}
