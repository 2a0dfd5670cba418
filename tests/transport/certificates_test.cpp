// Certificates on disk: what is made, what is refused, and that nobody else can read a key.
#include <filesystem>
#include <fstream>
#include <iterator>

#include <catch2/catch_test_macros.hpp>
#include <sys/stat.h>
#include <tests/transport/identities.hpp>

using namespace quicsync;
using namespace quicsync::tests;
namespace fs = std::filesystem;

namespace {

unsigned mode_of(const fs::path& path) {
  struct stat facts{};
  REQUIRE(::stat(path.c_str(), &facts) == 0);
  return facts.st_mode & 0777;
}

std::string content_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

struct workshop {
  temporary_directory directory;
  fs::path ca = directory.path() / "deep" / "ca";
  fs::path nodes = directory.path() / "nodes";
  workshop() { must(make_ca(ca)); }
  credentials::files files(const std::string& name) const {
    return {nodes / (name + ".pem"), nodes / (name + ".key"), ca / "ca.pem"};
  }
};

bool mentions(const error& problem, const std::string& what) { return problem.context.find(what) != std::string::npos; }

}  // namespace

TEST_CASE("certificates: files are for their owner alone, and so are new directories", "[certificates]") {
  const auto before = umask(0);
  workshop here;
  must(make_node_certificate("node-a", here.ca, here.nodes));
  umask(before);
  CHECK(mode_of(here.ca) == 0700);
  CHECK(mode_of(here.ca.parent_path()) == 0700);
  CHECK(mode_of(here.nodes) == 0700);
  for (const auto& file :
       {here.ca / "ca.pem", here.ca / "ca.key", here.nodes / "node-a.pem", here.nodes / "node-a.key"})
    CHECK(mode_of(file) == 0600);
}

TEST_CASE("certificates: nothing is ever overwritten", "[certificates]") {
  workshop here;
  const auto key = content_of(here.ca / "ca.key");
  const auto again = make_ca(here.ca);
  REQUIRE_FALSE(again);
  CHECK(again.error().code == errc::io_failed);
  CHECK(mentions(again.error(), "ca.key exists already"));
  CHECK(content_of(here.ca / "ca.key") == key);

  must(make_node_certificate("node-a", here.ca, here.nodes));
  const auto before = content_of(here.nodes / "node-a.pem");
  CHECK_FALSE(make_node_certificate("node-a", here.ca, here.nodes));
  CHECK(content_of(here.nodes / "node-a.pem") == before);
  // Where only the certificate is there, no key is left behind beside it.
  fs::remove(here.nodes / "node-a.key");
  CHECK_FALSE(make_node_certificate("node-a", here.ca, here.nodes));
  CHECK_FALSE(fs::exists(here.nodes / "node-a.key"));
}

TEST_CASE("certificates: a node's certificate says who, until when and by whom", "[certificates]") {
  workshop here;
  const auto files = must(make_node_certificate("node-a.example", here.ca, here.nodes, 30));
  const auto facts = must(read_certificate(files.certificate));
  const auto ca = must(read_certificate(here.ca / "ca.pem"));
  CHECK(facts.name == "node-a.example");
  CHECK(facts.dns_names == std::vector<std::string>{"node-a.example"});
  CHECK(facts.issuer == ca.name);
  CHECK(facts.key_type == "Ed25519");
  CHECK(facts.fingerprint.size() == 64);
  CHECK_FALSE(facts.is_ca);
  CHECK(facts.not_after - facts.not_before == 30 * 86400 + 3600);
  CHECK(ca.is_ca);
  CHECK(ca.issuer == ca.name);
}

TEST_CASE("certificates: what is loaded is what was made", "[certificates]") {
  workshop here;
  const auto files = must(make_node_certificate("node-a", here.ca, here.nodes));
  const auto loaded = must(credentials::load(here.files("node-a")));
  CHECK(loaded->name() == "node-a");
  CHECK(loaded->fingerprint() == must(read_certificate(files.certificate)).fingerprint);
  CHECK(loaded->has_trust());
}

TEST_CASE("certificates: a key that others can read is refused with a remedy", "[certificates]") {
  workshop here;
  must(make_node_certificate("node-a", here.ca, here.nodes));
  const auto key = here.nodes / "node-a.key";
  for (const mode_t mode : {0640, 0604, 0660}) {
    ::chmod(key.c_str(), mode);
    const auto loaded = credentials::load(here.files("node-a"));
    REQUIRE_FALSE(loaded);
    CHECK(loaded.error().code == errc::key_exposed);
    CHECK(mentions(loaded.error(), "chmod 600 " + key.string()));
  }
  ::chmod((here.ca / "ca.key").c_str(), 0644);
  CHECK(make_node_certificate("node-b", here.ca, here.nodes).error().code == errc::key_exposed);
}

TEST_CASE("certificates: zero days make one that has expired, and loading it says so", "[certificates]") {
  workshop here;
  must(make_node_certificate("node-a", here.ca, here.nodes, 0));
  const auto loaded = credentials::load(here.files("node-a"));
  REQUIRE_FALSE(loaded);
  CHECK(loaded.error().code == errc::certificate_expired);
  CHECK(mentions(loaded.error(), "of 'node-a' has expired on 20"));
  CHECK(credentials::load(here.files("node-a"), true));
}

TEST_CASE("certificates: the time they are judged by can be fixed", "[certificates]") {
  workshop here;
  must(make_node_certificate("node-a", here.ca, here.nodes, 10));
  const auto facts = must(read_certificate(here.nodes / "node-a.pem"));
  fix_certificate_time(facts.not_after + 1);
  const auto late = credentials::load(here.files("node-a"));
  fix_certificate_time(facts.not_before - 1);
  const auto early = credentials::load(here.files("node-a"));
  fix_certificate_time(std::nullopt);
  CHECK(late.error().code == errc::certificate_expired);
  CHECK(early.error().code == errc::certificate_expired);
  CHECK(mentions(early.error(), "is not valid before"));
  CHECK(credentials::load(here.files("node-a")));
}

TEST_CASE("certificates: files that do not fit together are refused", "[certificates]") {
  workshop here;
  must(make_node_certificate("node-a", here.ca, here.nodes));
  must(make_node_certificate("node-b", here.ca, here.nodes));
  auto files = here.files("node-a");
  files.key = here.nodes / "node-b.key";
  CHECK(credentials::load(files).error().code == errc::bad_certificate);
  files = {here.ca / "ca.pem", here.ca / "ca.key", here.ca / "ca.pem"};
  CHECK(mentions(credentials::load(files).error(), "is a CA's certificate"));
  files = here.files("node-a");
  files.certificate = here.nodes / "node-a.key";
  CHECK(credentials::load(files).error().code == errc::bad_certificate);
  files = here.files("node-c");
  CHECK(credentials::load(files).error().code == errc::no_file);
  CHECK(mentions(credentials::load(files).error(), "node-c.pem"));
}

TEST_CASE("certificates: what is damaged is refused, never crashes", "[certificates]") {
  workshop here;
  must(make_node_certificate("node-a", here.ca, here.nodes));
  const auto good = content_of(here.nodes / "node-a.pem");
  const auto bad_file = here.nodes / "bad.pem";
  const auto end = good.find("-----END");
  for (std::size_t at = 0; at < end; at += 7) {
    auto bad = good;
    bad[at] = bad[at] == 'A' ? 'B' : 'A';
    std::ofstream(bad_file, std::ios::binary) << bad;
    (void)read_certificate(bad_file);
    std::ofstream(bad_file, std::ios::binary) << good.substr(0, at);
    CHECK_FALSE(read_certificate(bad_file));
  }
  CHECK(read_certificate(here.nodes).error().code == errc::no_file);
}

TEST_CASE("certificates: only a host name can be a node's name", "[certificates]") {
  workshop here;
  for (const std::string name :
       {"", "-a", "a-", "a..b", ".a", "a.", "a b", "a/b", "../a", "a_b", "*.a", "\xc3\xa4", "ca"})
    CHECK(make_node_certificate(name, here.ca, here.nodes).error().code == errc::usage);
  CHECK(make_node_certificate(std::string(65, 'a'), here.ca, here.nodes).error().code == errc::usage);
  for (const auto& name : {std::string("a"), std::string("A1"), std::string("node-1.b.c"), std::string(63, 'x')})
    CHECK(make_node_certificate(name, here.ca, here.nodes));
  CHECK(make_node_certificate("z", here.ca, here.nodes, -1).error().code == errc::usage);
}

TEST_CASE("certificates: a CA that is not there is an error that says how to make one", "[certificates]") {
  temporary_directory empty;
  const auto made = make_node_certificate("node-a", empty.path(), empty.path());
  REQUIRE_FALSE(made);
  CHECK(made.error().code == errc::no_file);
  CHECK(mentions(made.error(), "quicsync cert ca"));
}

TEST_CASE("certificates: a throw-away identity has a name, a fresh key and no trust", "[certificates]") {
  const auto one = must(credentials::make_insecure("node-a")), two = must(credentials::make_insecure("node-a"));
  CHECK(one->name() == "node-a");
  CHECK(one->fingerprint() != two->fingerprint());
  CHECK_FALSE(one->has_trust());
}
