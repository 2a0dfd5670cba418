#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "workplace.hpp"

using namespace quicsync::test;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;

namespace {

/// Bad usage: exit 2, nothing on stdout, one line on stderr.
std::string misuse(std::vector<std::string> arguments) {
  const auto said = run(std::move(arguments));
  INFO(said.errors);
  CHECK(said.code == 2);
  CHECK(said.output.empty());
  CHECK_THAT(said.errors, StartsWith("quicsync: error: "));
  CHECK(said.errors.find('\n') == said.errors.size() - 1);
  return said.errors;
}

}  // namespace

TEST_CASE("usage: an unknown command is refused with the nearest one", "[cli]") {
  CHECK_THAT(misuse({"shar"}), ContainsSubstring("unknown command 'shar'; did you mean 'share'?"));
  CHECK_THAT(misuse({"wacht", "--peer", "127.0.0.1:1"}), ContainsSubstring("did you mean 'watch'?"));
  CHECK_THAT(misuse({"cert", "shwo", "a.pem"}), ContainsSubstring("did you mean 'show'?"));
}

TEST_CASE("usage: an unknown option is refused with the nearest one", "[cli]") {
  CHECK_THAT(misuse({"node", "--lisen", "127.0.0.1:0"}),
             ContainsSubstring("unknown option '--lisen'; did you mean '--listen'?"));
  CHECK_THAT(misuse({"watch", "--peer", "127.0.0.1:1", "--filtre=tag=a"}),
             ContainsSubstring("did you mean '--filter'?"));
}

TEST_CASE("usage: a command line without a command says which there are", "[cli]") {
  CHECK_THAT(
      misuse({}),
      ContainsSubstring("demo, cert, node, share, watch, list, get, bench, delete, state, inspect, top, peer, cache"));
  CHECK_THAT(misuse({"cert"}), ContainsSubstring("ca, node, show"));
}

TEST_CASE("usage: every command has help with an example", "[cli]") {
  const std::vector<std::string> command = GENERATE(
      std::vector<std::string>{}, std::vector<std::string>{"demo"}, std::vector<std::string>{"cert"},
      std::vector<std::string>{"cert", "ca"}, std::vector<std::string>{"cert", "node"},
      std::vector<std::string>{"cert", "show"}, std::vector<std::string>{"node"}, std::vector<std::string>{"share"},
      std::vector<std::string>{"watch"}, std::vector<std::string>{"list"}, std::vector<std::string>{"get"},
      std::vector<std::string>{"delete"}, std::vector<std::string>{"state"}, std::vector<std::string>{"peer", "add"},
      std::vector<std::string>{"inspect"}, std::vector<std::string>{"inspect", "actors"},
      std::vector<std::string>{"inspect", "why"}, std::vector<std::string>{"top"},
      std::vector<std::string>{"peer", "list"}, std::vector<std::string>{"cache", "clear"});
  auto arguments = command;
  arguments.push_back("--help");
  const auto said = run(arguments);
  CHECK(said.code == 0);
  CHECK(said.errors.empty());
  std::string name = "quicsync";
  for (const auto& word : command) name += " " + word;
  CHECK_THAT(said.output, ContainsSubstring("Usage: " + name));
  CHECK_THAT(said.output, ContainsSubstring("Example:\n  " + name));
}

TEST_CASE("usage: --version names the program and its version", "[cli]") {
  const auto said = run({"--version"});
  CHECK(said.code == 0);
  CHECK_THAT(said.output, StartsWith("quicsync 0."));
}

TEST_CASE("usage: a peer that is no address is refused", "[cli]") {
  CHECK_THAT(misuse({"list", "--insecure", "--peer", "127.0.0.1"}), ContainsSubstring("'127.0.0.1'"));
  CHECK_THAT(misuse({"list", "--insecure"}), ContainsSubstring("--peer"));
}

TEST_CASE("usage: without an identity every command says how to get one", "[cli]") {
  const std::vector<std::string> arguments =
      GENERATE(std::vector<std::string>{"node", "--listen", "127.0.0.1:0"},
               std::vector<std::string>{"share", "--peer", "127.0.0.1:1"},
               std::vector<std::string>{"watch", "--peer", "127.0.0.1:1"},
               std::vector<std::string>{"list", "--peer", "127.0.0.1:1"},
               std::vector<std::string>{"get", "--peer", "127.0.0.1:1", "an-id"});
  CHECK_THAT(misuse(arguments), ContainsSubstring("--cert, --key, --ca") && ContainsSubstring("quicsync cert ca DIR"));
}

TEST_CASE("usage: an identity that is given in part or twice is refused", "[cli]") {
  CHECK_THAT(misuse({"list", "--peer", "127.0.0.1:1", "--cert", "a.pem", "--ca", "ca.pem"}),
             ContainsSubstring("without --key:"));
  CHECK_THAT(misuse({"list", "--peer", "127.0.0.1:1", "--cert", "a.pem", "--insecure"}),
             ContainsSubstring("--insecure"));
}

TEST_CASE("usage: what this build has not got is refused by name", "[cli]") {
  CHECK_THAT(misuse({"node", "--insecure", "--admin", "127.0.0.1"}), ContainsSubstring("--admin 127.0.0.1"));
}

TEST_CASE("usage: a filter that cannot be read is refused with the term", "[cli]") {
  const std::string name = GENERATE("list", "watch");
  CHECK_THAT(misuse({name, "--insecure", "--peer", "127.0.0.1:1", "--filter", "colour=red"}),
             ContainsSubstring("colour"));
}

TEST_CASE("usage: values out of range are refused", "[cli]") {
  CHECK_THAT(misuse({"share", "--insecure", "--peer", "127.0.0.1:1", "--batch", "0"}), ContainsSubstring("--batch"));
  CHECK_THAT(misuse({"share", "--insecure", "--peer", "127.0.0.1:1", "--level", "eaten"}),
             ContainsSubstring("--level"));
  CHECK_THAT(misuse({"watch", "--insecure", "--peer", "127.0.0.1:1", "--since", "then"}), ContainsSubstring("--since"));
  CHECK_THAT(misuse({"node", "--insecure", "--listen", "127.0.0.1:70000"}), ContainsSubstring("--listen"));
}
