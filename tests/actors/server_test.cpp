// The handle on a node, between real nodes on real sockets.
#include <atomic>
#include <condition_variable>
#include <mutex>

#include <catch2/catch_test_macros.hpp>
#include <tests/transport/identities.hpp>

#include <quicsync/actors/server.hpp>

#include "support.hpp"

using namespace quicsync;
using namespace std::chrono_literals;
using quicsync::test::make_pattern;
using quicsync::tests::must;

namespace {

/// Certificate files of a CA of its own, made once.
node_config config_of(const std::string& name) {
  static tests::temporary_directory directory;
  auto ca = directory.path() / "ca";
  if (!std::filesystem::exists(ca)) must(make_ca(ca));
  node_config config;
  config.cert = directory.path() / (name + ".pem");
  config.key = directory.path() / (name + ".key");
  config.ca = ca / "ca.pem";
  if (!std::filesystem::exists(config.cert)) must(make_node_certificate(name, ca, directory.path()));
  config.host = "127.0.0.1";
  config.port = 0;
  return config;
}

std::unique_ptr<server> started(const std::string& name) {
  auto node = must(server::make(config_of(name)));
  must(node->start());
  return node;
}

std::string at(const server& node) { return "127.0.0.1:" + std::to_string(node.port()); }

/// Waits for a condition that another thread makes true; false after 20 s.
class signal {
 public:
  void tell(const std::string& what) {
    std::lock_guard lock(mutex_);
    heard_.push_back(what);
    changed_.notify_all();
  }
  bool wait_for(const std::string& what, std::size_t times = 1) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(
        lock, 20s, [&] { return static_cast<std::size_t>(std::count(heard_.begin(), heard_.end(), what)) >= times; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> heard_;
};

}  // namespace

TEST_CASE("server: patterns go both ways between two nodes and reports say so", "[net]") {
  auto a = started("a"), b = started("b");
  CHECK(must(b->connect_to_peer(at(*a), "a").get()) == "a");
  auto report = b->sync_pattern(make_pattern("p")).get();
  CHECK(report.complete());
  REQUIRE(report.peers.size() == 1);
  CHECK(report.peers[0].peer == "a");
  CHECK(must(a->get("p")).data == R"({"n":1})");
  CHECK(a->sync_pattern(make_pattern("q")).get().complete());
  CHECK(must(b->cached_patterns()).size() == 2);
}

TEST_CASE("server: 1000 patterns in one call arrive as one report", "[net]") {
  auto a = started("a"), b = started("b");
  must(b->connect_to_peer(at(*a)).get());
  std::vector<pattern> many;
  for (int i = 0; i < 1000; ++i)
    many.push_back(make_pattern("p" + std::to_string(i), 1, std::to_string(i), 1 + i % 10));
  auto report = b->sync_patterns(many).get();
  CHECK(report.complete());
  CHECK(report.local.size() == 1000);
  CHECK(must(a->cached_patterns()).size() == 1000);
  auto state = must(b->state());
  CHECK(state.patterns == 1000);
  CHECK(state.stats.bytes_sent > 0);
  CHECK(state.stats.compression_ratio > 0);
  CHECK(state.stats.compression_ratio < 1);
}

TEST_CASE("server: a second start fails and says that it is already running", "[net]") {
  auto a = started("a");
  auto again = a->start();
  REQUIRE_FALSE(again);
  CHECK(again.error().code == errc::already_running);
  CHECK(again.error().context.find("already running") != std::string::npos);
}

TEST_CASE("server: a port that is taken is named", "[net]") {
  auto a = started("a");
  auto config = config_of("b");
  config.port = a->port();
  auto b = must(server::make(config));
  auto outcome = b->start();
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().code == errc::address_in_use);
  CHECK(outcome.error().context.find(std::to_string(a->port())) != std::string::npos);
}

TEST_CASE("server: more memory than the machine has or the cache takes cannot be reserved, and the key is named",
          "[net]") {
  auto config = config_of("a");
  config.cache_reserve = 1ull << 50;
  auto made = server::make(config);
  REQUIRE_FALSE(made);
  CHECK(made.error().code == errc::bad_config);
  CHECK(made.error().context.find("patterns.cacheReserve: 1125899906842624 bytes cannot be") != std::string::npos);
  config.cache_bytes = 2'000'000;
  config.cache_reserve = 2'000'001;
  made = server::make(config);
  REQUIRE_FALSE(made);
  CHECK(made.error().code == errc::bad_config);
  CHECK(made.error().context ==
        "patterns.cacheReserve: 2000001 bytes cannot be reserved: the cache takes no more than 2000000 (cacheBytes)");
}

TEST_CASE("server: stopping and starting again works and begins empty", "[net]") {
  auto a = started("a");
  a->sync_pattern(make_pattern("p")).get();
  a->stop();
  CHECK_FALSE(a->running());
  CHECK(a->sync_pattern(make_pattern("q")).get().failure.code == errc::not_running);
  must(a->start());
  CHECK(must(a->cached_patterns()).empty());
}

TEST_CASE("server: subscribers get what is shared here and what comes from peers", "[net]") {
  signal heard;
  auto a = started("a"), b = started("b");
  auto number = a->subscribe({}, subscribe_frame::start::now, [&](std::span<const record_view> records) {
    for (const auto& r : records) heard.tell(std::string(r.id()));
  });
  REQUIRE(number != 0);
  must(b->connect_to_peer(at(*a)).get());
  b->sync_pattern(make_pattern("from-b")).get();
  CHECK(heard.wait_for("from-b"));
  a->sync_pattern(make_pattern("from-a")).get();
  CHECK(heard.wait_for("from-a"));
  a->unsubscribe(number);
}

TEST_CASE("server: connecting and removing a peer are told as events, and the state follows", "[net]") {
  signal heard;
  auto a = started("a"), b = started("b");
  b->on("", [&](const event& e) { heard.tell(e.name); });
  must(b->connect_to_peer(at(*a), "a").get());
  CHECK(heard.wait_for("peer:connected"));
  CHECK(must(b->state()).connections == 1);
  must(b->remove_peer("a"));
  CHECK(heard.wait_for("peer:disconnected"));
  CHECK(heard.wait_for("peer:removed"));
  CHECK(must(b->state()).connections == 0);
  CHECK(b->remove_peer("nobody").error().code == errc::unknown_peer);
}

TEST_CASE("server: a name that the peer's certificate does not have is refused at once", "[net]") {
  auto a = started("a"), b = started("b");
  auto outcome = b->connect_to_peer(at(*a), "somebody").get();
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().code == errc::certificate_name);
}

TEST_CASE("server: a request with nothing in it is answered with no_patterns", "[net]") {
  auto a = started("a");
  CHECK(a->sync_patterns({}).get().failure.code == errc::no_patterns);
}

TEST_CASE("server: clear_cache forgets and says cache:cleared", "[net]") {
  signal heard;
  auto a = started("a");
  a->on("cache:cleared", [&](const event& e) { heard.tell(e.name); });
  a->sync_pattern(make_pattern("p")).get();
  CHECK(must(a->clear_cache()) == 1);
  CHECK(heard.wait_for("cache:cleared"));
  CHECK(must(a->cached_patterns()).empty());
}

TEST_CASE("server: a peer is asked for one pattern and for all", "[net]") {
  auto a = started("a"), b = started("b");
  must(b->connect_to_peer(at(*a)).get());
  for (int i = 0; i < 20; ++i) a->sync_pattern(make_pattern("p" + std::to_string(i))).get();
  std::promise<std::size_t> counted;
  std::atomic<std::size_t> records{0};
  b->ask_peer(query_frame::kind::list, "id=p1*", [&](const server::answer& page) {
    records += page.records.size();
    if (page.last) counted.set_value(records);
  });
  CHECK(counted.get_future().get() == 11);
}

TEST_CASE("server: a peer that is asked for all lists what the asker has brought as well", "[net]") {
  auto a = started("a"), b = started("b");
  must(b->connect_to_peer(at(*a)).get());
  for (int i = 0; i < 3; ++i) REQUIRE(b->sync_pattern(make_pattern("mine-" + std::to_string(i))).get().complete());
  std::promise<std::size_t> counted;
  std::size_t records = 0;
  b->ask_peer(query_frame::kind::list, "", [&](const server::answer& page) {
    records += page.records.size();
    if (page.last) counted.set_value(records);
  });
  CHECK(counted.get_future().get() == 3);
}

TEST_CASE("server: nodes start and stop a hundred times without trouble", "[net]") {
  auto a = started("a");
  for (int i = 0; i < 100; ++i) {
    auto b = started("b");
    must(b->connect_to_peer(at(*a)).get());
  }
  SUCCEED();
}
