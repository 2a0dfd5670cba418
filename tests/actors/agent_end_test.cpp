// Ten thousand agents are killed, in every kind of wait and in whatever they do: nothing may leak or be used after its
// end. What the counts here do not see, the address sanitizer does.
#include <atomic>
#include <thread>

#include <catch2/catch_test_macros.hpp>
#include <tests/transport/identities.hpp>

#include "stepped_agents.hpp"
#include "support.hpp"

using namespace quicsync;
using namespace std::chrono_literals;
using quicsync::test::make_pattern;
using quicsync::test::stepped_agents;

namespace {

constexpr std::size_t agents_killed = 10000;
constexpr auto from_beginning = subscribe_frame::start::beginning;

std::atomic<long> things{0};

/// Counts itself, and owns memory: what an agent holds while it waits.
class thing {
 public:
  thing() { ++things; }
  thing(const thing& other) : owned_(std::make_unique<int>(*other.owned_)) { ++things; }
  thing& operator=(const thing&) = delete;
  ~thing() { --things; }

 private:
  std::unique_ptr<int> owned_ = std::make_unique<int>(1);
};

struct greeting {
  greeting() = default;
  std::string text;
};
struct question {};
struct answer {};

}  // namespace

QUICSYNC_LOCAL_MESSAGE(greeting)
QUICSYNC_LOCAL_MESSAGE(question)
QUICSYNC_LOCAL_MESSAGE(answer)

namespace {

using waits = task<void> (*)(agent&, caf::actor, thing);

task<void> silent(agent& self) {
  std::vector<incoming<question>> owed;
  while (auto asked = co_await self.next_request<question>()) owed.push_back(std::move(*asked));
}

// -- what needs no node
// ------------------------------------------------------------------------------------------------

task<void> receives(agent& self, caf::actor, thing) {
  thing held;
  co_await self.receive<greeting>();
}
task<void> receives_in_time(agent& self, caf::actor, thing) {
  thing held;
  co_await self.receive<greeting>(1h);
}
task<void> expects_a_request(agent& self, caf::actor, thing) {
  thing held;
  co_await self.next_request<question>();
}
task<void> owes_an_answer(agent& self, caf::actor, thing) {
  thing held;
  auto ask = [](agent& inner, caf::actor whom) -> task<void> { co_await inner.ask<answer>(whom, forever, question{}); };
  auto owe = [](agent& inner, thing) -> task<void> {
    auto asked = co_await inner.next_request<question>();
    co_await inner.sleep(1h);
  };
  co_await all_of(ask(self, self.handle()), owe(self, held));
}
task<void> sleeps(agent& self, caf::actor, thing) {
  thing held;
  co_await self.sleep(1h);
}
task<void> asks(agent& self, caf::actor whom, thing) {
  thing held;
  co_await self.ask<answer>(whom, forever, question{});
}
task<void> asks_in_time(agent& self, caf::actor whom, thing) {
  thing held;
  co_await self.ask<answer>(whom, 1h, question{});
}
task<void> awaits_the_first(agent& self, caf::actor whom, thing given) {
  thing held;
  co_await first_of(self.sleep(1h), self.ask<answer>(whom, forever, question{}), receives(self, whom, given));
}
task<void> awaits_all(agent& self, caf::actor whom, thing) {
  thing held;
  co_await all_of(self.sleep(1h), self.ask<answer>(whom, 1h, question{}), self.sleep(0s));
}
task<void> awaits_many(agent& self, caf::actor whom, thing given) {
  std::vector<task<void>> parts;
  for (int i = 0; i < 3; ++i) parts.push_back(sleeps(self, whom, given));
  co_await all_of(std::move(parts));
}
task<void> nests(agent& self, caf::actor whom, thing given) {
  thing held;
  co_await awaits_the_first(self, whom, given);
}
task<void> keeps_messages(agent& self, caf::actor whom, thing) {
  thing held;
  self.tell(self.handle(), greeting());
  co_await first_of(self.ask<answer>(self.handle(), 1h, question{}), self.sleep(1h));
  co_await self.ask<answer>(whom, 1h, question{});
}
task<void> fails(agent& self, caf::actor, thing) {
  thing held;
  co_await self.sleep(1us);
  throw std::runtime_error("it fails");
}
constexpr waits without_node[] = {
    receives,         receives_in_time, expects_a_request, owes_an_answer, sleeps,         asks, asks_in_time,
    awaits_the_first, awaits_all,       awaits_many,       nests,          keeps_messages, fails};

// -- what needs one
// ----------------------------------------------------------------------------------------------------

task<void> reads_nothing(agent& self, caf::actor, thing) {
  thing held;
  auto patterns = self.subscribe("type=none", from_beginning);
  co_await patterns.next();
}
task<void> reads_in_time(agent& self, caf::actor, thing) {
  thing held;
  auto patterns = self.subscribe("type=none");
  co_await patterns.next_record(1h);
}
task<void> reads_ahead(agent& self, caf::actor, thing) {
  thing held;
  auto patterns = self.subscribe({}, from_beginning, slow_agent::keep(100));
  auto one = co_await patterns.next();
  co_await self.sleep(1h);
}
task<void> reads_several(agent& self, caf::actor whom, thing) {
  thing held;
  auto left = self.subscribe("type=none", from_beginning), right = self.subscribe("type=neither");
  co_await first_of(left.next(), right.next(1h), self.ask<answer>(whom, 1h, question{}), self.receive<greeting>());
}
task<void> reads_on_and_on(agent& self, caf::actor, thing) {
  thing held;
  auto patterns = self.subscribe({}, from_beginning);
  while (co_await patterns.next_record()) thing read;
}
task<void> shares_on_and_on(agent& self, caf::actor, thing) {
  thing held;
  const auto id = "of-" + std::to_string(self.actor().id() % 100);
  for (std::uint64_t version = 1;; ++version) {
    auto next = self.new_pattern(id, "noise");
    next.version = version;
    co_await self.share(next);
    co_await self.sleep(500ms);
  }
}
task<void> posts_on_and_on(agent& self, caf::actor, thing) {
  thing held;
  const auto id = "posted-" + std::to_string(self.actor().id() % 100);
  for (std::uint64_t version = 1;; ++version) {
    auto next = self.new_pattern(id, "noise");
    next.version = version;
    (void)self.post(next);
    co_await self.sleep(500ms);
  }
}
constexpr waits with_node[] = {reads_nothing,   reads_in_time,    reads_ahead,    reads_several,
                               reads_on_and_on, shares_on_and_on, posts_on_and_on};

std::unique_ptr<server> started(const tests::temporary_directory& directory, const std::string& name) {
  if (!std::filesystem::exists(directory.path() / "ca")) must(make_ca(directory.path() / "ca"));
  auto files = must(make_node_certificate(name, directory.path() / "ca", directory.path()));
  node_config config;
  config.cert = files.certificate;
  config.key = files.key;
  config.ca = directory.path() / "ca" / "ca.pem";
  config.host = "127.0.0.1";
  config.port = 0;
  auto node = must(server::make(config));
  must(node->start());
  return node;
}

}  // namespace

TEST_CASE("agent: 10 000 killed in every wait run every destructor and leave no timer", "[agent]") {
  stepped_agents world;
  auto unheard = world.spawn("silent", silent);
  const auto before = things.load();
  std::vector<caf::actor> all;
  while (all.size() < agents_killed)
    for (auto kind : without_node) {
      agent_options options("waits");
      if (kind == fails) options.restart_on_failure();
      all.push_back(spawn_agent(world.environment, options, kind, unheard, thing()));
    }
  world.run();
  world.advance(1ms);  // those that fail wait for their next life
  CHECK(world.alive() == all.size() + 1);
  CHECK(things > before);
  for (auto& one : all) caf::anon_send_exit(one, caf::exit_reason::kill);
  all.clear();
  world.run();
  CHECK(things == before);
  CHECK(world.alive() == 1);
  CHECK_FALSE(world.has_timers());
  world.kill(unheard);
}

TEST_CASE("agents: 10 000 on a node, on the pool and on the loop, killed while they wait and work", "[net][agent]") {
  const tests::temporary_directory directory;
  auto node = started(directory, "here"), other = started(directory, "there");
  must(node->connect_to_peer("127.0.0.1:" + std::to_string(other->port()), "there").get());
  node->sync_patterns({make_pattern("a"), make_pattern("b")}).get();
  const auto before = things.load();
  auto unheard = must(node->spawn_agent("silent", silent));
  std::vector<waits> kinds(std::begin(without_node), std::end(without_node));
  kinds.insert(kinds.end(), std::begin(with_node), std::end(with_node));
  std::vector<caf::actor> all;
  for (std::size_t i = 0; i < agents_killed; ++i) {
    const auto kind = kinds[i / 2 % kinds.size()];
    agent_options options("waits");
    options.on(i % 2 == 0 ? placement::pool : placement::loop);
    if (kind == fails) options.restart_on_failure();
    all.push_back(must(node->spawn_agent(options, kind, unheard, thing())));
  }
  for (int i = 0; i < 20; ++i) {
    node->sync_patterns({make_pattern("a" + std::to_string(i)), make_pattern("b" + std::to_string(i))}).get();
    std::this_thread::sleep_for(5ms);
  }
  CHECK(things > before);
  for (auto& one : all) caf::anon_send_exit(one, caf::exit_reason::kill);
  all.clear();
  const auto living = [&] { return node->agents()->roster->size(); };
  for (int i = 0; i < 3000 && living() != 1; ++i) std::this_thread::sleep_for(10ms);
  CHECK(living() == 1);
  CHECK(things == before);
  unheard = nullptr;
  node->stop();
  other->stop();
}
