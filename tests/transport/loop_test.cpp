// The event loop: wake-ups from other threads, turns, deadlines, sources, and its end.
#include <future>
#include <stdexcept>
#include <thread>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <quicsync/transport/event_loop.hpp>

namespace {

using namespace std::chrono_literals;
using quicsync::event_loop;
using quicsync::loop;
using quicsync::time_point;

struct tick {
  std::size_t from = 0;
};
struct where_are_you {};
struct feed_yourself {};

}  // namespace

QUICSYNC_LOCAL_MESSAGE(tick)
QUICSYNC_LOCAL_MESSAGE(where_are_you)
QUICSYNC_LOCAL_MESSAGE(feed_yourself)
QUICSYNC_LOCAL_MESSAGE(std::thread::id)

namespace {

// An actor system and a running loop; the end waits for the loop.
class running_loop {
 public:
  explicit running_loop(std::chrono::microseconds busy_poll = 0us) {
    quicsync::caf_compat::set_scheduler(config_, "sharing", 2);
    system_ = std::make_unique<caf::actor_system>(config_);
    auto made = event_loop::make(*system_, busy_poll);
    REQUIRE(made);
    loop_ = std::move(*made);
    thread_ = std::thread([this] { loop_->run(); });
  }
  ~running_loop() { stop(); }

  void stop() {
    if (!thread_.joinable()) return;
    loop_->request_stop();
    thread_.join();
  }

  caf::actor_system& system() { return *system_; }
  event_loop& get() { return *loop_; }
  std::thread::id thread() const { return thread_.get_id(); }

 private:
  caf::actor_system_config config_;
  std::unique_ptr<caf::actor_system> system_;
  std::unique_ptr<event_loop> loop_;
  std::thread thread_;
};

// Counts what each sender sent, for the senders to wait on.
class counting_actor : public quicsync::loop_actor {
 public:
  using counters = std::vector<std::atomic<std::uint64_t>>;

  counting_actor(caf::actor_config& config, loop& home, counters* seen) : loop_actor(config, home), seen_(seen) {}

  caf::behavior make_behavior() override {
    return {
        [this](tick from) {
          auto& seen = (*seen_)[from.from];
          seen.fetch_add(1);
          seen.notify_all();
        },
        [](where_are_you) { return std::this_thread::get_id(); },
        [this](feed_yourself) { quicsync::caf_compat::tell(this, this, feed_yourself{}); },
    };
  }

 private:
  counters* seen_;
};

// An actor that is a source as well and hands its callbacks to the test.
class source_actor : public quicsync::loop_actor, private loop::source {
 public:
  struct script {
    std::function<void(source_actor&)> on_start, on_deadline, on_turn_end;
  };

  source_actor(caf::actor_config& config, loop& home, script plan) : loop_actor(config, home), plan_(std::move(plan)) {}

  caf::behavior make_behavior() override {
    // What the loop calls must not vanish with the last handle, on another thread: it lives until it ends itself.
    alive_ = caf::strong_actor_ptr{ctrl()};
    home().add(this, -1, 0);
    if (plan_.on_start) plan_.on_start(*this);
    return {[](where_are_you) { return std::this_thread::get_id(); }};
  }
  void on_exit() override {
    home().remove(this);
    alive_ = nullptr;
  }

  void set_deadline(time_point when) { home().set_deadline(this, when); }

 private:
  void on_ready(unsigned) override {}
  void on_deadline() override {
    run_in_context([&] {
      if (plan_.on_deadline) plan_.on_deadline(*this);
    });
  }
  void on_turn_end() override {
    run_in_context([&] {
      if (plan_.on_turn_end) plan_.on_turn_end(*this);
    });
  }

  script plan_;
  caf::strong_actor_ptr alive_;
};

}  // namespace

TEST_CASE("event loop: no message from another thread is lost", "[loop]") {
  running_loop running;
  constexpr std::size_t senders = 2;
  constexpr std::uint64_t messages_each = 50'000;
  counting_actor::counters seen(senders);
  {
    auto target = running.system().spawn<counting_actor>(running.get(), &seen);
    const auto send_all = [&](std::size_t from) {
      // Bursts of changing length, each waited for: so the loop goes to sleep, and is woken, thousands of times.
      std::uint64_t sent = 0;
      for (std::uint64_t burst = 1; sent < messages_each; burst = burst % 7 + 1) {
        for (std::uint64_t i = 0; i < burst && sent < messages_each; ++i, ++sent)
          quicsync::caf_compat::anon_send(target, tick{from});
        for (auto now = seen[from].load(); now < sent; now = seen[from].load()) seen[from].wait(now);
      }
    };
    std::thread other(send_all, 0);
    send_all(1);
    other.join();
  }
  CHECK(seen[0] == messages_each);
  CHECK(seen[1] == messages_each);
  running.stop();
  const auto counted = running.get().statistics();
  CHECK(counted.turns >= counted.wakes);
  CHECK(counted.jobs > 0);
  CHECK(counted.wake_writes > 0);
}

TEST_CASE("event loop: one that looks for work before it sleeps is woken by nobody, and stops when it is told to",
          "[loop]") {
  running_loop running(1h);
  counting_actor::counters seen(1);
  {
    auto target = running.system().spawn<counting_actor>(running.get(), &seen);
    for (std::uint64_t sent = 0; sent < 1000; ++sent) {
      quicsync::caf_compat::anon_send(target, tick{0});
      seen[0].wait(sent);
    }
  }
  running.stop();
  CHECK(seen[0] == 1000);
  // Each start and end may find it going to sleep; no message does.
  CHECK(running.get().statistics().wake_writes < 10);
}

TEST_CASE("event loop: its actors run on its thread, whoever sends to them", "[loop]") {
  running_loop running;
  counting_actor::counters seen(1);
  auto here = running.system().spawn<counting_actor>(running.get(), &seen);
  caf::scoped_actor self{running.system()};
  std::thread::id answered;
  self->request(here, caf::infinite, where_are_you{})
      .receive([&](std::thread::id id) { answered = id; }, [](const caf::error&) {});
  CHECK(answered == running.thread());
}

TEST_CASE("event loop: a message from its actor to one of the pool is run by the pool", "[loop]") {
  running_loop running;
  std::promise<std::thread::id> ran;
  auto pool = running.system().spawn([&ran](caf::event_based_actor* self) -> caf::behavior {
    return {[self, &ran](tick) {
      ran.set_value(std::this_thread::get_id());
      self->quit();
    }};
  });
  source_actor::script plan;
  plan.on_start = [pool](source_actor& self) {
    quicsync::caf_compat::tell(&self, pool, tick{});
    self.quit();
  };
  pool = nullptr;
  running.system().spawn<source_actor>(running.get(), plan);
  plan = {};
  CHECK(ran.get_future().get() != running.thread());
}

TEST_CASE("event loop: deadlines come in order and never early", "[loop]") {
  running_loop running;
  std::vector<std::string> order;
  std::promise<void> done;
  std::atomic<int> left{2};
  std::atomic<bool> early{false};
  const auto due_at = [&](std::chrono::microseconds after, std::string name) {
    source_actor::script plan;
    auto due = std::make_shared<time_point>();
    plan.on_start = [after, due](source_actor& self) {
      *due = self.home().now() + after;
      self.set_deadline(*due);
    };
    plan.on_deadline = [&, due, name](source_actor& self) {
      if (self.home().now() < *due) early = true;
      order.push_back(name);
      self.quit();
      if (--left == 0) done.set_value();
    };
    running.system().spawn<source_actor>(running.get(), plan);
  };
  due_at(20ms, "later");
  due_at(300us, "sooner");
  done.get_future().wait();
  running.stop();
  CHECK(order == std::vector<std::string>{"sooner", "later"});
  CHECK_FALSE(early);
}

TEST_CASE("event loop: an actor that feeds itself does not hold up deadlines", "[loop]") {
  running_loop running;
  counting_actor::counters seen(1);
  auto busy = running.system().spawn<counting_actor>(running.get(), &seen);
  quicsync::caf_compat::anon_send(busy, feed_yourself{});
  std::promise<void> fired;
  source_actor::script plan;
  plan.on_start = [](source_actor& self) { self.set_deadline(self.home().now() + 1ms); };
  plan.on_deadline = [&](source_actor& self) {
    fired.set_value();
    self.quit();
  };
  running.system().spawn<source_actor>(running.get(), plan);
  CHECK(fired.get_future().wait_for(30s) == std::future_status::ready);
  caf::anon_send_exit(busy, caf::exit_reason::user_shutdown);
}

TEST_CASE("event loop: a turn ends after its jobs and before the loop waits", "[loop]") {
  running_loop running;
  std::promise<std::uint64_t> waits_at_turn_end;
  const auto waits_before = running.get().statistics().wakes;
  source_actor::script plan;
  plan.on_turn_end = [&](source_actor& self) {
    waits_at_turn_end.set_value(running.get().statistics().wakes);
    self.quit();
  };
  running.system().spawn<source_actor>(running.get(), plan);
  // The first turn that has run the actor's start ends before another wait: at most the wait that the start woke.
  CHECK(waits_at_turn_end.get_future().get() <= waits_before + 1);
}

TEST_CASE("event loop: an exception in a callback ends its actor and nothing else", "[loop]") {
  running_loop running;
  counting_actor::counters seen(1);
  auto bystander = running.system().spawn<counting_actor>(running.get(), &seen);
  source_actor::script plan;
  plan.on_deadline = [](source_actor&) { throw std::runtime_error("a callback that fails"); };
  plan.on_start = [](source_actor& self) {
    self.set_exception_handler([](std::exception_ptr&) { return caf::make_error(caf::sec::runtime_error); });
    self.set_deadline(self.home().now() + 1ms);
  };
  caf::scoped_actor self{running.system()};
  auto failing = running.system().spawn<source_actor>(running.get(), plan);
  self->monitor(failing);
  caf::error reason;
  self->receive([&](const caf::down_msg& down) { reason = down.reason; });
  CHECK(reason == caf::make_error(caf::sec::runtime_error));
  std::thread::id answered;
  self->request(bystander, caf::infinite, where_are_you{})
      .receive([&](std::thread::id id) { answered = id; }, [](const caf::error&) {});
  CHECK(answered == running.thread());
}

TEST_CASE("event loop: a source that another one's callback removes is not called any more", "[loop]") {
  running_loop running;
  std::promise<void> done;
  std::atomic<int> calls{0};
  caf::actor second;
  // Both are due at the same moment; the first to be called ends the other one.
  const auto start = std::chrono::steady_clock::now() + 5ms;
  std::vector<source_actor*> alive;
  const auto make_plan = [&] {
    source_actor::script plan;
    plan.on_start = [&, start](source_actor& self) {
      alive.push_back(&self);
      if (alive.size() == 2)
        for (auto* each : alive) each->set_deadline(start);
    };
    plan.on_deadline = [&](source_actor& self) {
      ++calls;
      for (auto* each : alive)
        if (each != &self) each->run_in_context([each] { each->quit(); });
      alive.clear();
      self.set_deadline(self.home().now() + 1ms);
      if (calls == 2) {
        self.quit();
        done.set_value();
      }
    };
    return plan;
  };
  running.system().spawn<source_actor>(running.get(), make_plan());
  running.system().spawn<source_actor>(running.get(), make_plan());
  done.get_future().wait();
  CHECK(calls == 2);  // both times the same one
}

TEST_CASE("event loop: it does not stop before its actors have ended", "[loop]") {
  running_loop running;
  counting_actor::counters seen(1);
  auto last = running.system().spawn<counting_actor>(running.get(), &seen);
  running.get().request_stop();
  {
    caf::scoped_actor self{running.system()};
    std::thread::id answered;
    self->request(last, caf::infinite, where_are_you{})
        .receive([&](std::thread::id id) { answered = id; }, [](const caf::error&) {});
    CHECK(answered == running.thread());
  }
  last = nullptr;  // nobody can reach it: it ends on this thread
  running.stop();
}

TEST_CASE("event loop: a handle of an actor that has ended keeps no loop from stopping", "[loop]") {
  counting_actor::counters seen(1);
  caf::actor_system_config config;
  quicsync::caf_compat::set_scheduler(config, "sharing", 1);
  caf::actor_system system{config};
  caf::actor ended;
  {
    auto made = event_loop::make(system);
    REQUIRE(made);
    std::thread runner([&] { (*made)->run(); });
    ended = system.spawn<counting_actor>(**made, &seen);
    caf::anon_send_exit(ended, caf::exit_reason::user_shutdown);
    (*made)->request_stop();
    runner.join();
  }
  quicsync::caf_compat::anon_send(ended, tick{0});  // the loop is gone: so is the message
  CHECK(seen[0] == 0);
}

TEST_CASE("event loop: senders that race with the end of the actor and of the loop do no harm", "[loop]") {
  caf::actor_system_config config;
  quicsync::caf_compat::set_scheduler(config, "sharing", 1);
  caf::actor_system system{config};
  for (int round = 0; round < 100; ++round) {
    counting_actor::counters seen(2);
    auto made = event_loop::make(system);
    REQUIRE(made);
    std::thread runner([&] { (*made)->run(); });
    auto target = system.spawn<counting_actor>(**made, &seen);
    std::atomic<bool> over{false};
    std::thread busy([&over, target] {
      for (; !over; std::this_thread::yield()) quicsync::caf_compat::anon_send(target, tick{0});
    });
    quicsync::caf_compat::anon_send(target, tick{1});
    seen[1].wait(0);
    caf::anon_send_exit(target, caf::exit_reason::kill);
    (*made)->request_stop();
    runner.join();
    made->reset();
    over = true;
    busy.join();
  }
}

TEST_CASE("event loop: actors that are dropped by other threads let it end, again and again", "[loop]") {
  for (int round = 0; round < 200; ++round) {
    running_loop running;
    counting_actor::counters seen(1);
    auto only = running.system().spawn<counting_actor>(running.get(), &seen);
    quicsync::caf_compat::anon_send(only, tick{0});
    running.get().request_stop();
    only = nullptr;
    running.stop();
    CHECK(seen[0] == 1);
  }
}

TEST_CASE("event loop: one that never ran gives its actors back", "[loop]") {
  caf::actor_system_config config;
  quicsync::caf_compat::set_scheduler(config, "sharing", 1);
  caf::actor_system system{config};
  counting_actor::counters seen(1);
  auto made = event_loop::make(system);
  REQUIRE(made);
  auto never_run = system.spawn<counting_actor, caf::hidden>(**made, &seen);
  auto weak = caf::actor_cast<caf::weak_actor_ptr>(never_run);
  never_run = nullptr;  // the job holds the last reference
  CHECK(weak.lock() != nullptr);
  made->reset();
  CHECK(weak.lock() == nullptr);
}
