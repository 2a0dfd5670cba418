// What an actor's record says of it: who it is, what it did, what it waits for, and when it counts as stuck.
#include <caf/scheduler/test_coordinator.hpp>
#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

#include <quicsync/actors/agent/agent.hpp>
#include <quicsync/actors/agent/agent_roster.hpp>
#include <quicsync/actors/inspect/actor_list.hpp>
#include <quicsync/transport/inspected_actor.hpp>

using namespace quicsync;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

struct work {
  work() = default;
  explicit work(std::function<void()> given) : what(std::move(given)) {}
  std::function<void()> what;
};
struct go_away {};
struct never {
  never() = default;
};

}  // namespace

QUICSYNC_LOCAL_MESSAGE(work)
QUICSYNC_LOCAL_MESSAGE(go_away)
QUICSYNC_LOCAL_MESSAGE(never)

namespace {

class worker : public inspected_actor {
 public:
  explicit worker(caf::actor_config& config) : inspected_actor(config) {}
  const char* name() const override { return "worker"; }
  caf::behavior make_behavior() override {
    return {[](const work& m) { m.what(); }, [](const go_away&) { throw std::runtime_error("could not go on"); }};
  }
};

/// A system whose actors run step by step, inspected.
class stepped {
 public:
  stepped() {
    config.set("scheduler.policy", caf::atom_from_string("testing"));
    system = std::make_unique<caf::actor_system>(config);
  }
  ~stepped() { run(); }
  void run() { coordinator().run(); }
  caf::scheduler::test_coordinator& coordinator() {
    return dynamic_cast<caf::scheduler::test_coordinator&>(system->scheduler());
  }
  json list(actor_query query = {}) { return json::parse(list_actors(config.registry, query).value()); }
  std::string state_of(const std::string& name, actor_registry::time_point now = std::chrono::steady_clock::now()) {
    std::string state = "not there";
    config.registry.each(
        [&](const actor_sight& a) {
          if (a.name == name) state = to_string(a.state);
        },
        now);
    return state;
  }

  inspected_system_config config;
  std::unique_ptr<caf::actor_system> system;
};

}  // namespace

TEST_CASE("inspected actor: it is named, counts what it handles, and knows who made it", "[inspect]") {
  stepped world;
  caf::actor child;
  auto parent = world.system->spawn<worker>();
  for (int i = 0; i < 10; ++i) caf::anon_send(parent, work([] {}));
  CHECK(world.list().at("actors").at(0).at("depth") == 10);
  CHECK(world.state_of("worker") == "queued");
  caf::anon_send(parent, work([&] { child = world.system->spawn<worker>(); }));
  world.run();
  const auto listed = world.list();
  REQUIRE(listed.at("total") == 2);
  auto first = listed.at("actors").at(0), second = listed.at("actors").at(1);
  CHECK(first.at("id") == parent.id());
  CHECK(first.at("kind") == "worker");
  CHECK(first.at("where") == "pool");
  CHECK(first.at("parent") == 0);
  CHECK(first.at("messages") == 11);
  CHECK(first.at("depth") == 0);
  CHECK(first.at("state") == "idle");
  CHECK(second.at("id") == child.id());
  CHECK(second.at("parent") == parent.id());
  CHECK(listed.at("sums").at("messages") == 11);
  CHECK(listed.at("kinds").at("worker").at("count") == 2);
  caf::anon_send_exit(parent, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(child, caf::exit_reason::user_shutdown);
  world.run();
  CHECK(world.list().at("total") == 0);
  CHECK(world.config.registry.messages() == 13);  // the exits were messages, too
}

TEST_CASE("inspected actor: one handler that runs for more than a second is stuck, what waits without a thread starves",
          "[inspect]") {
  stepped world;
  auto one = world.system->spawn<worker>();
  auto& registry = world.config.registry;
  const auto now = std::chrono::steady_clock::now();
  std::string seen;
  caf::anon_send(one, work([&] {
                   registry.sample(now);
                   seen = world.state_of("worker", now + 100ms);
                   registry.sample(now + 2s);
                   seen += " " + world.state_of("worker", now + 2s);
                 }));
  caf::anon_send(one, work([] {}));
  world.coordinator().run_once();
  CHECK(seen == "running stuck");
  world.run();
  CHECK(world.state_of("worker", now + 2s) == "idle");

  caf::anon_send(one, work([] {}));
  registry.sample(now + 3s);
  registry.sample(now + 4s);
  CHECK(world.state_of("worker", now + 5s) == "starved");
  world.run();
  CHECK(world.state_of("worker", now + 5s) == "idle");
}

TEST_CASE("inspected actor: one that fails is remembered with its error", "[inspect]") {
  stepped world;
  auto one = world.system->spawn<worker>();
  caf::anon_send(one, go_away{});
  world.run();
  CHECK(world.config.registry.size() == 0);
  const auto listed = world.list({.kind = {}, .name = {}, .state = "failed"});
  REQUIRE(listed.at("actors").size() == 1);
  CHECK(listed.at("actors").at(0).at("lastError").get<std::string>().find("could not go on") != std::string::npos);
}

TEST_CASE("inspected actor: an agent says what it waits for, and one that leaves its messages unread is stuck",
          "[inspect]") {
  stepped world;
  auto environment = std::make_shared<agent_environment>();
  environment->system = world.system.get();
  environment->roster = std::make_shared<agent_roster>();
  auto waits = [](agent& self) -> task<void> { co_await self.receive<never>(); };
  auto lonely = spawn_agent(environment, "lonely", waits);
  world.run();
  auto entry = world.list().at("actors").at(0);
  CHECK(entry.at("kind") == "agent");
  CHECK(entry.at("state") == "waiting");
  CHECK(entry.at("waitsFor").get<std::string>().find("a message of type") == 0);
  CHECK(entry.at("waitsFor").get<std::string>().find("never") != std::string::npos);

  auto& registry = world.config.registry;
  const auto now = std::chrono::steady_clock::now();
  registry.sample(now);
  for (int i = 0; i < 3; ++i) caf::anon_send(lonely, work([] {}));
  world.run();
  registry.sample(now + 500ms);
  CHECK(world.state_of("lonely", now + 600ms) == "waiting");
  registry.sample(now + 2s);
  CHECK(world.state_of("lonely", now + 2s) == "stuck");
  CHECK(world.list({.kind = {}, .name = "one", .state = {}}).at("actors").at(0).at("depth") == 3);
  caf::anon_send_exit(lonely, caf::exit_reason::kill);
  world.run();
}

TEST_CASE("inspected actor: who talks to whom is counted, exactly while it is little and about right when it is much",
          "[inspect]") {
  stepped world;
  auto hub = world.system->spawn<worker>();
  std::vector<caf::actor> all;
  for (int i = 0; i < 3; ++i) all.push_back(world.system->spawn<worker>());
  auto edge = [&](const caf::actor& from) {
    const auto graph = json::parse(graph_of_actors(world.config.registry));
    for (const auto& one : graph.at("edges"))
      if (one.at("from") == from.id() && one.at("to") == hub.id()) return one.at("messages").get<std::uint64_t>();
    return std::uint64_t{0};
  };
  auto send = [&](std::size_t sender, int count) {
    caf::anon_send(all[sender], work([&, sender, count] {
                     for (int i = 0; i < count; ++i)
                       hub->enqueue(caf::actor_cast<caf::strong_actor_ptr>(all[sender]), caf::make_message_id(),
                                    caf::make_message(work([] {})), nullptr);
                   }));
    world.run();
  };
  send(0, 5);
  send(1, 3);
  CHECK(edge(all[0]) == 5);
  CHECK(edge(all[1]) == 3);
  send(2, 20000);
  const auto estimated = edge(all[2]);
  CHECK(estimated > 16000);
  CHECK(estimated < 24000);
  CHECK(json::parse(graph_of_actors(world.config.registry)).at("nodes").size() == 4);
  for (const auto& each : all) caf::anon_send_exit(each, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(hub, caf::exit_reason::user_shutdown);
}

TEST_CASE("inspected actor: a list is sorted and paged, and what makes no sense is refused", "[inspect]") {
  stepped world;
  std::vector<caf::actor> all;
  for (int i = 0; i < 5; ++i) {
    all.push_back(world.system->spawn<worker>());
    for (int k = 0; k < i; ++k) caf::anon_send(all.back(), work([] {}));
  }
  world.run();
  const auto page = world.list({.kind = {}, .name = {}, .state = {}, .sort = "messages", .offset = 1, .limit = 2});
  CHECK(page.at("matched") == 5);
  REQUIRE(page.at("actors").size() == 2);
  CHECK(page.at("actors").at(0).at("messages") == 3);
  CHECK(page.at("actors").at(1).at("messages") == 2);
  CHECK(list_actors(world.config.registry, {.kind = {}, .name = {}, .state = {}, .sort = "beauty"}).error().code ==
        errc::usage);
  CHECK(list_actors(world.config.registry, {.kind = {}, .name = {}, .state = "bored"}).error().code == errc::usage);
  CHECK_FALSE(list_actors(world.config.registry,
                          {.kind = {}, .name = {}, .state = {}, .sort = "name", .offset = 0, .limit = 1001}));
  for (const auto& each : all) caf::anon_send_exit(each, caf::exit_reason::user_shutdown);
}
