// Agents on virtual time: CAF's test coordinator runs them step by step. What they do with a node is in
// agent_node_test.cpp.
#include <catch2/catch_test_macros.hpp>

#include <quicsync/actors/agent/subscribe_actor.hpp>
#include <quicsync/actors/agent/typed_handle.hpp>
#include <quicsync/actors/subscriber.hpp>

#include "stepped_agents.hpp"

using namespace quicsync;
using quicsync::test::stepped_agents;
using namespace std::chrono_literals;

namespace {

struct greeting {
  greeting() = default;
  explicit greeting(std::string t) : text(std::move(t)) {}
  std::string text;
};
struct question {
  int value = 0;
};
struct answer {
  int value = 0;
};
struct stop {};
struct marked {};  // stands for a share

}  // namespace

QUICSYNC_LOCAL_MESSAGE(greeting)
QUICSYNC_LOCAL_MESSAGE(question)
QUICSYNC_LOCAL_MESSAGE(answer)
QUICSYNC_LOCAL_MESSAGE(stop)
QUICSYNC_LOCAL_MESSAGE(marked)

namespace {

using lines = std::vector<std::string>;

task<void> greeter(agent& self, lines* log) {
  while (auto heard = co_await self.receive<greeting>(1s)) log->push_back(heard->text);
  log->push_back("nobody any more");
}

task<void> doubler(agent& self) {
  for (;;) {
    auto asked = co_await self.next_request<question>();
    (*asked)->value < 0 ? asked->refuse({errc::bad_field, "it is negative"})
                        : asked->answer(answer{2 * (*asked)->value});
  }
}

// What a cache is asked, in its order.
caf::behavior asked_cache(caf::event_based_actor*, lines* log) {
  return {
      [=](const messages::ask_log_end& m) {
        log->push_back("where does the log end?");
        return messages::log_end{m.tag, 7};
      },
      [=](const messages::pull& m) { log->push_back("what follows " + std::to_string(m.after[lane::normal]) + "?"); },
      [=](const marked&) { log->push_back("a share"); },
      [](const messages::stop_reading&) {},
  };
}

task<void> deaf(agent& self) { co_await self.receive<stop>(); }

}  // namespace

TEST_CASE("agent: takes messages in their order and ends when its function returns", "[agent]") {
  stepped_agents world;
  auto one = world.spawn("greeter", greeter, &world.log);
  world.send(one, greeting("a"));
  world.send(one, greeting("b"));
  CHECK(world.log == lines{"a", "b"});
  world.advance(999ms);
  CHECK(world.alive() == 1);
  world.advance(2ms);
  CHECK(world.log == lines{"a", "b", "nobody any more"});
  CHECK(world.alive() == 0);
}

TEST_CASE("agent: messages of a type that it awaits later are kept in their order", "[agent]") {
  stepped_agents world;
  auto one = world.spawn(
      "late",
      [](agent& self, lines* log) -> task<void> {
        co_await self.receive<stop>();
        for (int i = 0; i < 2; ++i) log->push_back((co_await self.receive<greeting>())->text);
      },
      &world.log);
  world.send(one, greeting("a"));
  world.send(one, greeting("b"));
  CHECK(world.log.empty());
  world.send(one, stop{});
  CHECK(world.log == lines{"a", "b"});
}

TEST_CASE("agent: asking gives the answer, the refusal, or that the asked one has ended", "[agent]") {
  stepped_agents world;
  auto other = world.spawn("doubler", doubler);
  auto one = world.spawn(
      "asker",
      [](agent& self, caf::actor whom, lines* log) -> task<void> {
        auto good = co_await self.ask<answer>(whom, 1s, question{21});
        log->push_back(std::to_string(good->value));
        auto bad = co_await self.ask<answer>(whom, 1s, question{-1});
        log->push_back(to_string(bad.error().code) == "bad_field" ? bad.error().context : "wrong");
        co_await self.receive<stop>();
        auto gone = co_await self.ask<answer>(whom, 1s, question{1});
        log->push_back(std::string(to_string(gone.error().code)));
      },
      other, &world.log);
  CHECK(world.log == lines{"42", "it is negative"});
  world.kill(other);
  world.send(one, stop{});
  CHECK(world.log == lines{"42", "it is negative", "not_running"});
}

TEST_CASE("agent: who asks one that does not answer hears of the deadline, and a late answer is nothing", "[agent]") {
  stepped_agents world;
  auto silent = world.spawn("silent", [](agent& self) -> task<void> {
    auto asked = co_await self.next_request<question>();
    co_await self.sleep(3s);
    asked->answer(answer{1});
  });
  world.spawn(
      "asker",
      [](agent& self, caf::actor whom, lines* log) -> task<void> {
        auto got = co_await self.ask<answer>(whom, 2s, question{1});
        log->push_back(std::string(to_string(got.error().code)));
        co_await self.sleep(10s);
        log->push_back("slept");
      },
      silent, &world.log);
  world.advance(2s);
  CHECK(world.log == lines{"timed_out"});
  world.advance(2s);
  CHECK(world.log == lines{"timed_out"});
  world.advance(10s);
  CHECK(world.log == lines{"timed_out", "slept"});
}

TEST_CASE("agent: one that ends while it owes an answer answers that it was cancelled", "[agent]") {
  stepped_agents world;
  auto owing = world.spawn("owing", [](agent& self) -> task<void> {
    auto asked = co_await self.next_request<question>();
    co_await self.sleep(1h);
  });
  world.spawn(
      "asker",
      [](agent& self, caf::actor whom, lines* log) -> task<void> {
        auto got = co_await self.ask<answer>(whom, forever, question{1});
        log->push_back(std::string(to_string(got.error().code)));
      },
      owing, &world.log);
  CHECK(world.log.empty());
  world.kill(owing);
  CHECK(world.log == lines{"cancelled"});
}

TEST_CASE("agent: the first of several wins and the others are ended", "[agent]") {
  stepped_agents world;
  auto one = world.spawn(
      "chooser",
      [](agent& self, lines* log) -> task<void> {
        for (int i = 0; i < 2; ++i) {
          auto event = co_await first_of(self.receive<greeting>(), self.sleep(1s), greeter(self, log));
          log->push_back(event.index() == 0 ? event.get<0>()->text : std::to_string(event.index()));
        }
      },
      &world.log);
  world.send(one, greeting("x"));
  CHECK(world.log == lines{"x"});
  world.advance(1s);
  CHECK(world.log == lines{"x", "1"});
  CHECK(world.alive() == 0);
}

TEST_CASE("agent: all of several are awaited together", "[agent]") {
  stepped_agents world;
  auto other = world.spawn("doubler", doubler);
  world.spawn(
      "asker",
      [](agent& self, caf::actor whom, lines* log) -> task<void> {
        auto [a, b] = co_await all_of(self.ask<answer>(whom, 1s, question{1}), self.ask<answer>(whom, 1s, question{2}));
        log->push_back(std::to_string(a->value + b->value));
        std::vector<sleeping> naps;
        for (int i = 1; i <= 3; ++i) naps.push_back(self.sleep(std::chrono::seconds(i)));
        auto all = co_await all_of(std::move(naps));
        log->push_back(std::to_string(all.size()));
      },
      other, &world.log);
  CHECK(world.log == lines{"6"});
  world.advance(2s);
  CHECK(world.log == lines{"6"});
  world.advance(1s);
  CHECK(world.log == lines{"6", "3"});
}

TEST_CASE("agent: an exception ends it with its text, which the roster and whoever monitors it see", "[agent]") {
  stepped_agents world;
  auto one = world.spawn("failing", [](agent& self) -> task<void> {
    co_await self.receive<stop>();
    throw std::runtime_error("the disk is on fire");
  });
  lines heard;
  auto watcher = world.system().spawn([&](caf::event_based_actor* self) -> caf::behavior {
    self->monitor(one);
    self->set_down_handler([&heard](caf::down_msg& m) { heard.push_back(caf::to_string(m.reason)); });
    return {[](stop) {}};
  });
  world.run();
  world.send(one, stop{});
  REQUIRE(heard.size() == 1);
  CHECK(heard[0].find("the disk is on fire") != std::string::npos);
  auto list = world.environment->roster->list();
  REQUIRE(list.size() == 1);
  CHECK(list[0].name == "failing");
  CHECK(list[0].what == agent_status::state::failed);
  CHECK(list[0].last_error == "the disk is on fire");
  world.kill(watcher);
}

TEST_CASE("agent: restarted on failure it begins anew, keeps its messages, and gives up after its attempts",
          "[agent]") {
  stepped_agents world;
  retry_policy policy;
  policy.max_attempts = 2;
  auto one = world.spawn(
      agent_options("fragile").restart_on_failure(policy),
      [](agent& self, lines* log) -> task<void> {
        log->push_back("begins");
        auto heard = co_await self.receive<greeting>();
        throw std::runtime_error("cannot bear " + heard->text);
      },
      &world.log);
  world.all.push_back(one);
  world.send(one, greeting("a"));
  CHECK(world.environment->roster->list().at(0).what == agent_status::state::restarting);
  world.send(one, greeting("b"));
  world.advance(10s);
  world.advance(10s);
  CHECK(world.log == lines{"begins", "begins", "begins"});
  auto status = world.environment->roster->list().at(0);
  CHECK(status.what == agent_status::state::running);
  CHECK(status.restarts == 2);
  CHECK(status.last_error == "cannot bear b");
  world.send(one, greeting("c"));
  CHECK(world.alive() == 0);
  CHECK(world.environment->roster->list().at(0).last_error == "cannot bear c");
}

TEST_CASE("agent: a message that nobody awaits is kept up to a bound, then refused", "[agent]") {
  stepped_agents world;
  auto one = world.spawn("deaf", deaf);
  for (std::size_t i = 0; i < limits::agent_kept_messages; ++i) caf::anon_send(one, greeting("x"));
  world.spawn(
      "asker",
      [](agent& self, caf::actor whom, lines* log) -> task<void> {
        auto got = co_await self.ask<answer>(whom, forever, question{1});
        log->push_back(std::string(to_string(got.error().code)));
      },
      one, &world.log);
  CHECK(world.log == lines{"overloaded"});
  CHECK(world.environment->roster->list().at(0).refused_messages == 1);
  world.kill(one);
}

TEST_CASE("agent: a request that it receives as a plain message is answered with nothing", "[agent]") {
  stepped_agents world;
  auto one = world.spawn("hears", [](agent& self) -> task<void> {
    co_await self.receive<stop>();
    co_await self.receive<question>();
  });
  for (int i = 0; i < 2; ++i)  // one is kept before it is awaited, one comes when it is
    world.all.push_back(world.spawn(
        "asker",
        [](agent& self, caf::actor whom, lines* log) -> task<void> {
          auto got = co_await self.ask<void>(whom, 1h, question{1});
          log->push_back(got ? "answered" : std::string(to_string(got.error().code)));
        },
        one, &world.log));
  world.send(one, stop{});
  CHECK(world.log == lines{"answered", "not_running"});
}

TEST_CASE("agent: one whose last handle goes while it waits for messages ends by itself", "[agent]") {
  stepped_agents world;
  {
    auto lost = world.spawn("lost", deaf);
  }
  CHECK(world.alive() == 0);
}

TEST_CASE("agent: waits with deadlines one after the other set an alarm a deadline's length, not one each", "[agent]") {
  stepped_agents world;
  auto one = world.spawn("busy", greeter, &world.log);
  for (int i = 0; i < 30; ++i) {
    world.send(one, greeting("x"));
    world.advance(100ms);
  }
  CHECK(world.log.size() == 30);
  CHECK(world.alive() == 1);
  world.advance(1s);
  CHECK(world.log.back() == "nobody any more");
}

TEST_CASE("agent: one that polls, or sleeps for no time at all, takes its messages all the same", "[agent]") {
  stepped_agents world;
  world.spawn(
      "polls",
      [](agent& self, lines* log) -> task<void> {
        co_await self.sleep(1ms);
        self.tell(self.handle(), greeting("polled"));
        for (int turn = 0; turn < 3; ++turn)
          if (auto heard = co_await self.receive<greeting>(0s)) log->push_back(heard->text);
      },
      &world.log);
  world.advance(1ms);
  CHECK(world.log == lines{"polled"});
  auto naps = spawn_agent(
      world.environment, "naps",
      [](agent& self, lines* log) -> task<void> {
        while ((co_await first_of(self.sleep(0s), self.receive<stop>())).index() == 0) {
        }
        log->push_back("stopped");
      },
      &world.log);
  caf::anon_send(naps, stop{});
  world.run();
  CHECK(world.log == lines{"polled", "stopped"});
  for (int turn = 0; turn < 3; ++turn) world.advance(1s);
  CHECK(world.alive() == 0);
}

TEST_CASE("agent: a life that lasted begins a new row of failures", "[agent]") {
  stepped_agents world;
  retry_policy policy;
  policy.max_attempts = 2;
  policy.max_delay = 1s;
  auto one = world.spawn(
      agent_options("fragile").restart_on_failure(policy),
      [](agent& self, lines* log) -> task<void> {
        log->push_back("begins");
        co_await self.receive<stop>();
        throw std::runtime_error("stopped");
      },
      &world.log);
  for (int failures = 0; failures < 10; ++failures) {
    world.advance(5s);
    world.send(one, stop{});
    world.advance(1s);
  }
  CHECK(world.log.size() == 11);
  for (int failures = 0; failures < 3; ++failures) {
    world.send(one, stop{});
    world.advance(1s);
  }
  CHECK(world.alive() == 0);
}

TEST_CASE("agent: whatever is thrown ends it with a text", "[agent]") {
  stepped_agents world;
  world.spawn("odd", [](agent&) -> task<void> {
    throw 42;
    co_return;
  });
  CHECK(world.environment->roster->list().at(0).last_error == "something was thrown that is no std::exception");
}

TEST_CASE("agent: a destructor of one that is ended may still tell others", "[agent]") {
  struct farewell {
    agent* self;
    caf::actor whom;
    ~farewell() {
      self->tell(whom, greeting("farewell"));
      CHECK_FALSE(self->handle());
    }
  };
  stepped_agents world;
  auto hears = world.spawn("hears", greeter, &world.log);
  const auto parts = [](agent& self, caf::actor whom) -> task<void> {
    farewell at_the_end{&self, std::move(whom)};
    co_await self.receive<stop>();
  };
  auto killed = world.spawn("killed", parts, hears);
  world.kill(killed);
  CHECK(world.log == lines{"farewell"});
  world.spawn("unreachable", parts, hears);
  world.run();
  CHECK(world.log == lines{"farewell", "farewell"});
  world.kill(hears);
}

TEST_CASE("agent: is a typed actor to whom it is typed", "[agent]") {
  using doubling = typed_interface<answers<question, answer>>;
  stepped_agents world;
  auto one = typed_handle<doubling>(world.spawn("doubler", doubler));
  int heard = 0;
  auto asks = world.system().spawn([&](caf::event_based_actor* self) -> caf::behavior {
    self->request(one, caf::infinite, question{21}).then([&](answer got) { heard = got.value; });
    return {[](stop) {}};
  });
  world.run();
  CHECK(heard == 42);
  world.kill(asks);
  world.kill(caf::actor_cast<caf::actor>(one));
}

TEST_CASE("agent: who subscribed has what is shared right afterwards, however late the subscription runs", "[agent]") {
  stepped_agents world;
  auto node = std::make_shared<agent_environment>(*world.environment);
  node->cache = world.system().spawn(asked_cache, &world.log);
  const lines in_order{"where does the log end?", "a share", "what follows 7?"};
  SECTION("by a handler") {
    world.all.push_back(
        spawn_subscriber(world.system(), node->cache, {}, subscribe_frame::start::now, [](const auto&) {}));
    world.send(node->cache, marked{});
    CHECK(world.log == in_order);
  }
  SECTION("by messages to an actor") {
    world.all.push_back(must(subscribe_actor(node, node->cache)));
    world.send(node->cache, marked{});
    CHECK(world.log == in_order);
  }
  node->cache = nullptr;
}
