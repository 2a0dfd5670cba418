// The actor that an agent is: on CAF's pool or on the node's loop, by its base. Turns what comes into waits that
// complete, and the coroutine's end into the actor's.
#include <functional>

#include <quicsync/actors/agent/agent.hpp>
#include <quicsync/actors/agent/agent_roster.hpp>
#include <quicsync/actors/agent/loop_alarms.hpp>
#include <quicsync/transport/loop_actor.hpp>

namespace quicsync {
namespace {

constexpr bool on_loop(inspected_actor*) { return false; }
constexpr bool on_loop(loop_actor*) { return true; }

/// What rings at an agent of the loop, and takes no room in one of the pool.
template <class Host, bool wanted>
class alarm_clock {};
template <class Host>
class alarm_clock<Host, true> : protected loop_alarms::client {
  void ring() override { static_cast<Host*>(this)->ring_later(); }
};

template <class Base>
class agent_host final : public Base,
                         public agent,
                         private agent_roster::entry,
                         private alarm_clock<agent_host<Base>, on_loop(static_cast<Base*>(nullptr))> {
 public:
  static constexpr bool lives_on_loop = on_loop(static_cast<Base*>(nullptr));

  template <class... Home>
  agent_host(caf::actor_config& config, agent_setup setup, std::reference_wrapper<Home>... home)
      : Base(config, home.get()...),
        agent(static_cast<caf::event_based_actor&>(*this), setup.options.name(), std::move(setup.environment)),
        program_(std::move(setup.program)) {
    if (const auto& policy = setup.options.restarts())
      restarts_ = std::make_unique<restarting>(*policy, std::hash<std::string>{}(agent::name()));
  }

  // A sender from another actor system must not run this one on its own threads.
  using caf::abstract_actor::enqueue;
  void enqueue(caf::mailbox_element_ptr element, caf_compat::executor* caller) override {
    const bool near = lives_on_loop || !caller || &caller->system() == &this->home_system();
    Base::enqueue(std::move(element), near ? caller : nullptr);
  }

  const char* name() const override { return agent::name().c_str(); }
  const char* kind() const override { return "agent"; }

  caf::behavior make_behavior() override {
    if (!environment_->roster->join(*this, agent::name(), this->ctrl())) return {};
    this->set_default_handler([](caf::scheduled_actor* self, caf::message_view& content) -> caf::result<caf::message> {
      static_cast<agent_host*>(self)->on_message(content);
      // A request that was received as a plain message is answered with nothing. For others even that would cost.
      if (self->current_mailbox_element()->mid.is_request()) return caf::message{};
      return caf::delegated<caf::message>{};
    });
    this->inspected_work([this] { begin_life(); });
    if (!root_ && !waits_for_restart()) return {};
    // Nothing matches this: everything goes to the default handler. One for all agents, since it has no state.
    static const caf::behavior nothing_matches{[](caf::unit_t) {}};
    return nothing_matches;
  }

  // In the actor's context; no coroutine runs. The frames go first: what they hold may still use the agent.
  void on_exit() override {
    ending_ = true;
    root_.reset();
    flush_posted();  // by a destructor
    cancel_alarm();
    clear();
    program_.reset();
    environment_->roster->leave(*this);
  }

  // -- waiting_list
  time_point now() const override {
    if constexpr (lives_on_loop)
      return this->home().now();
    else
      return const_cast<agent_host*>(this)->clock().now();
  }

  // -- agent
  void expect_answer(caf::message_id answer, caf::behavior handler) override {
    this->add_multiplexed_response_handler(answer, std::move(handler));
  }
  void forget_answer(caf::message_id answer) noexcept override { this->multiplexed_responses_.erase(answer); }
  void settle() override {
    flush_posted();
    done_at_once_ = 0;
    if (auto* seen = this->record()) {
      seen->set_waits_for(oldest_wait(), waits_begun());
      seen->set_kept(kept());
    }
    if (!root_ || !root_.done()) return;
    std::string why;
    const bool failed = root_.failed();
    if (failed) why = text_of(root_.failure());
    root_.reset();
    if (!failed) return this->quit();
    fail_life(why);
  }

 private:
  struct restarting {
    restarting(retry_policy given, std::uint64_t seed) : policy(given), waits(given, seed) {}
    retry_policy policy;
    backoff waits;
    time_point begun = {};  ///< the life that is lived
    bool now = false;       ///< between two lives
  };

  bool waits_for_restart() const noexcept { return restarts_ && restarts_->now; }

  void begin_life() {
    if (restarts_) restarts_->begun = now();
    try {
      root_ = program_->begin(*this);
    } catch (...) {
      return fail_life(text_of(std::current_exception()));
    }
    root_.start(where(), {});
    settle();
  }

  static std::string text_of(const std::exception_ptr& thrown) {
    try {
      std::rethrow_exception(thrown);
    } catch (const std::exception& known) {
      return known.what();
    } catch (...) {
    }
    return "something was thrown that is no std::exception";
  }

  // A life that was long enough is no part of a row of failures.
  void fail_life(const std::string& why) {
    if (restarts_ && now() - restarts_->begun > restarts_->policy.max_delay) restarts_->waits.reset();
    const bool again = restarts_ && !restarts_->waits.exhausted();
    environment_->roster->failed(*this, why, again);
    if (auto* seen = this->record()) this->registry()->note_failure(*seen, why, again);
    if (!again) return this->quit(caf::make_error(caf::sec::runtime_error, why));
    restarts_->now = true;
    set_alarm(now() + restarts_->waits.next());
  }

  void on_message(caf::message_view& view) {
    delivery message(*this, view.content());
    // A request that nobody will answer is refused, so that whoever asks does not wait for nothing.
    if (!offer(message) && !take_in(message, view)) {
      this->count_refused_message();
      auto answer = message.answer();
      if (answer.pending()) answer.deliver(caf_error_of({errc::overloaded, "too many messages wait for this agent"}));
    }
    settle();
  }

  template <class Host, bool wanted>
  friend class alarm_clock;
  void ring_later() {
    this->run_in_context([this] { alarm_rang(); });
  }
  void alarm_rang() {
    alarm_ = caf::message_id{};
    if (waits_for_restart()) {
      restarts_->now = false;
      environment_->roster->restarted(*this);
      if (auto* seen = this->record()) this->registry()->note_restart(*seen);
      return begin_life();
    }
    on_alarm();
    settle();
  }

  // CAF's own timers: one at a time, and it can be taken back. The answer to a request that was never sent.
  void set_alarm(time_point when) override {
    if constexpr (lives_on_loop) {
      environment_->alarms->set(*this, this->ctrl(), when);
    } else {
      cancel_alarm();
      alarm_ = this->new_request_id(caf::message_priority::normal).response_id();
      this->add_multiplexed_response_handler(alarm_, caf::behavior{[this](caf::error&) { alarm_rang(); }});
      this->clock().set_request_timeout(when, this, alarm_);
    }
  }
  void cancel_alarm() {
    if constexpr (lives_on_loop) {
      environment_->alarms->cancel(*this);
    } else {
      if (!alarm_.is_response()) return;
      this->multiplexed_responses_.erase(alarm_);
      this->clock().cancel_request_timeout(this, alarm_);
      alarm_ = caf::message_id{};
    }
  }

  std::unique_ptr<agent_program> program_;
  std::unique_ptr<restarting> restarts_;
  task<void> root_;
  caf::message_id alarm_;
};

}  // namespace

caf::actor spawn_agent_host(agent_setup setup) {
  auto environment = setup.environment;
  if (setup.options.where() == placement::loop && environment->home)
    return environment->system->spawn<agent_host<loop_actor>>(std::move(setup), std::ref(*environment->home));
  return environment->system->spawn<agent_host<inspected_actor>>(std::move(setup));
}

}  // namespace quicsync
