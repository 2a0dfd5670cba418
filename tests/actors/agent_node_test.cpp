// Agents on real nodes: patterns, shares, both placements, and what a node's end does to them.
#include <atomic>
#include <future>

#include <catch2/catch_test_macros.hpp>
#include <tests/transport/identities.hpp>

#include <quicsync/actors/agent/agent.hpp>
#include <quicsync/actors/agent/agent_roster.hpp>
#include <quicsync/actors/agent/subscribe_actor.hpp>
#include <quicsync/actors/inspect/admin_client.hpp>
#include <quicsync/actors/inspect/admin_endpoint.hpp>

#include "support.hpp"

using namespace quicsync;
using namespace std::chrono_literals;
using quicsync::test::make_pattern;

namespace {

std::atomic<int> held_things{0};

class held_thing {
 public:
  held_thing() { ++held_things; }
  held_thing(const held_thing&) { ++held_things; }
  ~held_thing() { --held_things; }
};

struct read_now {};

}  // namespace

QUICSYNC_LOCAL_MESSAGE(read_now)

namespace {

constexpr auto from_beginning = subscribe_frame::start::beginning;

std::unique_ptr<server> started(const std::string& name) {
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
  auto node = must(server::make(config));
  must(node->start());
  return node;
}

template <class T>
T soon(std::promise<T>& promise) {
  auto future = promise.get_future();
  REQUIRE(future.wait_for(20s) == std::future_status::ready);
  return future.get();
}

task<void> answerer(agent& self) {
  auto questions = self.subscribe("type=question", from_beginning);
  while (auto question = co_await questions.next())
    co_await self.share(self.new_pattern("answer-" + question->id, "answer", question->data));
}

task<void> asker(agent& self, int rounds, std::promise<int>* done) {
  auto answers = self.subscribe("type=answer");
  int right = 0;
  for (int i = 0; i < rounds; ++i) {
    const auto id = "q" + std::to_string(i);
    auto report = must(co_await self.share(self.new_pattern(id, "question", std::to_string(i))));
    auto answer = must(co_await answers.next(10s));
    if (report.complete() && answer.id == "answer-" + id && answer.data == std::to_string(i)) ++right;
  }
  done->set_value(right);
}

}  // namespace

TEST_CASE("agents: two on two nodes ask and answer through patterns, on the pool and on the loop", "[net][agent]") {
  for (auto where : {placement::pool, placement::loop}) {
    auto here = started("here"), there = started("there");
    must(here->connect_to_peer("127.0.0.1:" + std::to_string(there->port()), "there").get());
    std::promise<int> done;
    must(there->spawn_agent(agent_options("answerer").on(where), answerer));
    must(here->spawn_agent(agent_options("asker").on(where), asker, 20, &done));
    CHECK(soon(done) == 20);
  }
}

TEST_CASE("agents: several subscriptions of one agent each get what they want, deadlines included", "[net][agent]") {
  for (auto where : {placement::pool, placement::loop}) {
    auto node = started("here");
    node->sync_patterns({make_pattern("a"), make_pattern("b")}).get();
    std::promise<std::string> done;
    must(node->spawn_agent(agent_options("reader").on(where), [&done](agent& self) -> task<void> {
      auto a = self.subscribe("id=a", from_beginning), b = self.subscribe("id=b", from_beginning);
      auto wrong = self.subscribe("colour=red");
      auto [first, second] = co_await all_of(a.next(5s), b.next(5s));
      std::string heard = first->id + second->id;
      auto third = co_await a.next(50ms);
      heard += " " + std::string(to_string(third.error().code));
      auto fourth = co_await wrong.next();
      heard += " " + std::string(to_string(fourth.error().code));
      done.set_value(heard);
    }));
    CHECK(soon(done) == "ab timed_out bad_filter");
  }
}

TEST_CASE("agents: one that is slow gets the newest version and holds up nobody", "[net][agent]") {
  auto node = started("here");
  std::promise<void> ready;
  std::promise<std::vector<std::uint64_t>> done;
  auto slow = must(node->spawn_agent("slow", [&](agent& self) -> task<void> {
    auto patterns = self.subscribe("id=p");
    ready.set_value();
    co_await self.receive<read_now>();
    std::vector<std::uint64_t> versions;
    while (auto p = co_await patterns.next(1s)) {
      versions.push_back(p->version);
      if (p->version == 50) break;
    }
    done.set_value(versions);
  }));
  ready.get_future().wait();
  for (std::uint64_t version = 1; version <= 50; ++version) node->sync_pattern(make_pattern("p", version)).get();
  caf::anon_send(slow, read_now{});
  auto versions = soon(done);
  REQUIRE_FALSE(versions.empty());
  CHECK(versions.back() == 50);
  CHECK(versions.size() <= 2);
}

TEST_CASE("agents: what is posted arrives, and what cannot be shared is an error", "[net][agent]") {
  auto node = started("here");
  std::promise<std::string> done;
  must(node->spawn_agent("poster", [&done](agent& self) -> task<void> {
    auto seen = self.subscribe("type=posted");
    for (int i = 0; i < 200; ++i) must(self.post(self.new_pattern("p" + std::to_string(i), "posted")));
    int count = 0;
    for (; count < 200; ++count)
      if (!co_await seen.next(5s)) break;
    auto bad = co_await self.share(self.new_pattern("", "nameless"));
    auto nothing = co_await self.share(std::vector<pattern>());
    done.set_value(std::to_string(count) + " " + std::string(to_string(bad.error().code)) + " " +
                   std::string(to_string(nothing.error().code)));
  }));
  CHECK(soon(done) == "200 bad_field no_patterns");
}

TEST_CASE("agents: stopping the node ends them in every wait, and runs their destructors", "[net][agent]") {
  auto node = started("here");
  std::atomic<int> waiting{0};
  for (auto where : {placement::pool, placement::loop})
    for (int kind = 0; kind < 5; ++kind)
      for (int i = 0; i < 20; ++i)
        must(node->spawn_agent(
            agent_options("waits").on(where),
            [&waiting](agent& self, int what, held_thing) -> task<void> {
              held_thing held;
              auto patterns = self.subscribe("type=none", from_beginning);
              ++waiting;
              if (what == 0) co_await patterns.next();
              if (what == 1) co_await patterns.next(1h);
              if (what == 2) co_await self.sleep(1h);
              if (what == 3) co_await first_of(patterns.next(), self.sleep(1h), self.receive<read_now>());
              delivery_wish wish;
              wish.wait_for = {"nobody"};
              wish.deadline = std::chrono::hours(1);
              if (what == 4) co_await self.share(self.new_pattern("p", "x"), wish);
              co_await self.sleep(1h);
            },
            kind, held_thing{}));
  while (waiting < 200) std::this_thread::sleep_for(1ms);
  CHECK(node->agents()->roster->size() == 200);
  CHECK(held_things > 0);
  node->stop();
  node.reset();
  CHECK(held_things == 0);
}

TEST_CASE("agents: why one failed is seen at the admin socket", "[net][agent]") {
  const tests::temporary_directory directory;
  auto node = started("here");
  auto admin = must(admin_endpoint::open(*node, {.where = (directory.path() / "socket").string(),
                                                 .token_file = {},
                                                 .trace_folder = {},
                                                 .reload = nullptr,
                                                 .set_log_level = nullptr}));
  auto idle = must(node->spawn_agent("idle", [](agent& self) -> task<void> { co_await self.receive<read_now>(); }));
  must(node->spawn_agent("hopeless", [](agent& self) -> task<void> {
    co_await self.sleep(1ms);
    throw std::runtime_error("no such \"database\"");
  }));
  std::string seen;
  for (int i = 0; i < 1000 && seen.find("failed") == seen.npos; ++i) {
    std::this_thread::sleep_for(5ms);
    seen = must(ask_admin(directory.path() / "socket", admin_method::get, "/agents"));
  }
  CHECK(seen.find(R"({"name":"hopeless","state":"failed","restarts":0,"lastError":"no such \"database\"")") !=
        seen.npos);
}

TEST_CASE("agents: one that posts without a wait is told when it is too much", "[net][agent]") {
  auto node = started("here");
  std::promise<std::string> done;
  must(node->spawn_agent("poster", [&done](agent& self) -> task<void> {
    int posted = 0;
    auto refused = self.post(self.new_pattern("p", "posted"));
    for (; refused && posted < 1000000; ++posted)
      refused = self.post(self.new_pattern(std::to_string(posted), "posted"));
    const bool bounded = !refused && refused.error().code == errc::overloaded && posted >= 4000 && posted <= 5000;
    co_await self.sleep(1s);
    done.set_value(std::string(bounded ? "bounded" : "unbounded") + (self.post(self.new_pattern("q", "x")) ? "" : "!"));
  }));
  CHECK(soon(done) == "bounded");
}

TEST_CASE("agents: a plain actor of another actor system gets patterns as messages", "[net][agent]") {
  caf::actor_system_config config;
  caf::actor_system system{config};
  auto node = started("here");
  std::promise<std::size_t> done;
  std::size_t count = 0;
  auto receiver = system.spawn([&](caf::event_based_actor*) -> caf::behavior {
    return {[&](const patterns_arrived& m) {
      for (const auto& record : m.records) count += record->type() == "test_execution";
      if (count == 1000) done.set_value(count);
    }};
  });
  must(subscribe_actor(*node, receiver, "type=test_execution"));
  CHECK(subscribe_actor(*node, receiver, "colour=red").error().code == errc::bad_filter);
  std::vector<pattern> many;
  for (int i = 0; i < 1000; ++i) many.push_back(make_pattern("p" + std::to_string(i)));
  node->sync_patterns(many).get();
  CHECK(soon(done) == 1000);
  node->stop();
  caf::anon_send_exit(receiver, caf::exit_reason::kill);
}
