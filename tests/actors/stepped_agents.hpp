// Agents without a node on virtual time: CAF's test coordinator runs them step by step.
#pragma once
#include <caf/scheduler/test_coordinator.hpp>

#include <quicsync/actors/agent/agent.hpp>
#include <quicsync/actors/agent/agent_roster.hpp>

namespace quicsync::test {

/// An actor system that does nothing by itself, and agents that write into a list.
class stepped_agents {
 public:
  stepped_agents() {
    caf_compat::set_scheduler(config_, "testing", 1);
    system_ = std::make_unique<caf::actor_system>(config_);
    auto made = std::make_shared<agent_environment>();
    made->system = system_.get();
    made->roster = std::make_shared<agent_roster>();
    environment = std::move(made);
  }
  ~stepped_agents() { end(); }

  template <class F, class... Arguments>
  caf::actor spawn(agent_options options, F body, Arguments... arguments) {
    auto made = spawn_agent(environment, std::move(options), std::move(body), std::move(arguments)...);
    run();
    return made;
  }
  void run() { scheduler().run(); }
  void advance(std::chrono::nanoseconds time) {
    scheduler().advance_time(time);
    run();
  }
  template <class T>
  void send(const caf::actor& to, T message) {
    caf::anon_send(to, std::move(message));
    run();
  }
  void kill(const caf::actor& whom) {
    caf::anon_send_exit(whom, caf::exit_reason::kill);
    run();
  }
  std::size_t alive() const { return environment->roster->size(); }
  bool has_timers() { return scheduler().has_pending_timeout(); }
  caf::actor_system& system() { return *system_; }
  /// Everything that still waits ends.
  void end() {
    if (!system_) return;
    scheduler().clock().cancel_all();
    for (auto& one : all) kill(one);
    all.clear();
    run();
  }

  agent_environment_ptr environment;
  std::vector<caf::actor> all;
  std::vector<std::string> log;

 private:
  caf::scheduler::test_coordinator& scheduler() {
    return dynamic_cast<caf::scheduler::test_coordinator&>(system_->scheduler());
  }
  caf::actor_system_config config_;
  std::unique_ptr<caf::actor_system> system_;
};

}  // namespace quicsync::test
