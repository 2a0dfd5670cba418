// An agent: a coroutine that is an actor. What the user's function gets first, and through which it waits, shares and
// asks. Owned by its host, an actor (agent_host.hpp); everything of it happens in that actor, one thing at a time: no
// locks.
//
//   quicsync::task<void> answerer(quicsync::agent& self, std::string topic) {
//     auto questions = self.subscribe("type=question tag=" + topic);
//     while (auto question = co_await questions.next())
//       co_await self.share(self.new_pattern("answer-to-" + question->id, "answer", "42"));
//   }
//   node.spawn_agent("answerer", answerer, std::string("life"));
//
// Every wait gives a result, and takes the longest time that it may last as its last argument. Ending the agent ends
// its wait and runs the destructors of its coroutines. How to write one: docs/AGENTS.md.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <quicsync/actors/agent/agent_options.hpp>
#include <quicsync/actors/agent/agent_program.hpp>
#include <quicsync/actors/agent/combine.hpp>
#include <quicsync/actors/agent/delivery.hpp>
#include <quicsync/actors/agent/must.hpp>
#include <quicsync/actors/messages.hpp>
#include <quicsync/actors/server.hpp>
#include <quicsync/codec/limits.hpp>

namespace quicsync {

class agent_roster;
class loop;
class loop_alarms;
class share_operation;
class subscription;
template <class T>
class receiving;
template <class T>
class receiving_request;
template <class R>
class asking;
class sleeping;

/// What the agents of one node have in common. Without a cache they have each other, and no patterns.
struct agent_environment {
  caf::actor_system* system = nullptr;
  caf::actor cache;
  loop* home = nullptr;  ///< null: agents on the pool only
  std::shared_ptr<loop_alarms> alarms;
  std::shared_ptr<agent_roster> roster;
  std::uint64_t key_seed = 0;                   ///< of the node's slabs
  std::function<std::int64_t()> wall_clock_ms;  ///< Unix ms
};
using agent_environment_ptr = std::shared_ptr<const agent_environment>;

/// What a subscription does about an agent that is slower than its patterns come. Either way memory is bounded, and
/// versions that are replaced before they were read are passed over.
class slow_agent {
 public:
  /// Reads on only when what was read has been taken: a slow agent gets the newest version of each pattern.
  static slow_agent conflate() noexcept { return slow_agent(0); }
  /// Reads ahead until so many patterns wait, then waits for the agent: short bursts are kept version by version.
  static slow_agent keep(std::size_t patterns) noexcept { return slow_agent(patterns); }
  std::size_t ahead() const noexcept { return ahead_; }

 private:
  explicit slow_agent(std::size_t ahead) noexcept : ahead_(ahead) {}
  std::size_t ahead_;
};

class agent : public waiting_list {
 public:
  const std::string& name() const noexcept { return name_; }
  /// Null in a destructor that runs because the agent is ended.
  caf::actor handle() { return ending_ ? caf::actor{} : caf::actor_cast<caf::actor>(&actor_); }
  /// The actor it is: for what CAF offers beyond this class.
  caf::event_based_actor& actor() noexcept { return actor_; }

  // -- patterns
  // ---------------------------------------------------------------------------------------------------------------

  /// Patterns that match, beginning now or with all that there are. Made once, before the loop that awaits its next().
  /// A filter that cannot be read fails the first wait with bad_filter.
  subscription subscribe(std::string_view wanted = {}, subscribe_frame::start from = subscribe_frame::start::now,
                         slow_agent slow = slow_agent::conflate());
  /// The same beginning where the log ended when whoever spawned this agent asked the cache so in its name, with the
  /// tag `first_subscription`: from then on nothing is missed, however late the agent runs. The first subscription of
  /// all.
  subscription subscribe_as_asked(std::string_view wanted);

  /// Shares, and waits until every peer that was wished has it (`wish`, 30 s unless set). The report says who has not.
  /// Errors: those of append_record(), when no pattern could be encoded; timed_out.
  share_operation share(const pattern& what, delivery_wish wish = {});
  share_operation share(const std::vector<pattern>& what, delivery_wish wish = {});

  /// Shares without waiting: leaves together with what else is posted in this turn. Errors: those of append_record();
  /// overloaded, when so much is on its way to the cache (limits::agent_kept_messages) that the agent has to await
  /// something first.
  result<void> post(const pattern& what);

  /// A first version, written by this agent, now.
  pattern new_pattern(std::string id, std::string type, std::string data = "null") const;

  // -- messages
  // ---------------------------------------------------------------------------------------------------------------

  /// The next message of this type, in the order they came; what nobody awaits yet is kept.
  template <class T>
  receiving<T> receive(wait_time within = forever);
  /// The same for a request, which is to be answered: `asked->answer(...)`.
  template <class T>
  receiving_request<T> next_request(wait_time within = forever);
  /// Asks any actor; `void` where the answer carries nothing. Errors: timed_out, not_running, what it was refused with,
  /// internal for an answer of another type.
  template <class R, class Actor, class... Ts>
  asking<R> ask(const Actor& whom, wait_time within, Ts&&... question);
  template <class Actor, class... Ts>
  void tell(const Actor& whom, Ts&&... message) {
    if (ending_)
      caf_compat::anon_send(whom, std::forward<Ts>(message)...);
    else
      caf_compat::tell(&actor_, whom, std::forward<Ts>(message)...);
  }

  // -- time
  // -------------------------------------------------------------------------------------------------------------------

  sleeping sleep(wait_time duration);

  // -- other agents
  // -----------------------------------------------------------------------------------------------------------

  /// On the same node, as server::spawn_agent(). Null where the node ends.
  template <class F, class... Arguments>
  caf::actor spawn(agent_options options, F body, Arguments... arguments);

  // -- for the waits
  // ----------------------------------------------------------------------------------------------------------

  static constexpr std::uint32_t first_subscription = 1;  ///< next_number()'s first
  const agent_environment& environment() const noexcept { return *environment_; }
  std::uint64_t next_number() noexcept { return ++last_number_; }
  /// What was posted leaves now.
  void flush_posted();
  /// Shows what was kept to `takes`, oldest first, until it takes one.
  template <class F>
  bool take_kept(F&& takes);
  /// True now and then: the wait shall be complete only when asked to look again, so that others get their turn.
  bool turn_is_over();
  virtual void expect_answer(caf::message_id answer, caf::behavior handler) = 0;
  virtual void forget_answer(caf::message_id answer) noexcept = 0;
  /// After something completed outside of a message: what every turn ends with.
  virtual void settle() = 0;

 protected:
  friend class subscription;

  /// The number of none: next_number() begins with 1.
  static constexpr std::uint32_t no_subscription = 0;
  /// On their way to the cache: so many patterns as messages may wait for the agent itself.
  static constexpr std::size_t posted_slabs_max = limits::agent_kept_messages / limits::agent_outbox;

  struct kept_message {
    caf::message content;  ///< empty: taken
    caf::response_promise answer;
  };

  /// What was posted and has not left, and how many slabs left and were taken by the cache. It says so when it is
  /// asked, which happens once in a while and costs a lone post nothing.
  struct outbox {
    explicit outbox(std::uint64_t key_seed) : patterns(key_seed) {}
    slab_builder patterns;
    std::uint64_t left = 0;
    std::uint64_t taken = 0;
    std::uint64_t asked = 0;  ///< `left` when the cache was asked; above `taken` until it answers
  };

  agent(caf::event_based_actor& actor, std::string name, agent_environment_ptr environment)
      : name_(std::move(name)), environment_(std::move(environment)), actor_(actor) {}
  ~agent() override = default;

  /// A message that no wait took: one of the node's, or kept for later. False: there is no room.
  bool take_in(delivery& message, caf::message_view& view);
  void ask_what_was_taken();
  void clear() noexcept;
  std::size_t kept() const noexcept { return kept_.size() - kept_begin_; }

  std::string name_;
  agent_environment_ptr environment_;
  caf::event_based_actor& actor_;
  subscription* subscriptions_ = nullptr;
  std::vector<kept_message> kept_;
  std::uint32_t kept_begin_ = 0;  ///< what stands before it has been taken
  std::uint16_t done_at_once_ = 0;
  bool ending_ = false;  ///< the actor may have no reference left: nothing may make one
  std::uint64_t last_number_ = 0;
  std::unique_ptr<outbox> outbox_;
};

/// A wait of an agent for a T.
template <class T>
class agent_operation : public operation<T> {
 protected:
  agent_operation(agent& self, wait_time within) noexcept : operation<T>(self, within) {}
  /// Whose it is.
  agent& self() const noexcept { return static_cast<agent&>(this->list()); }
};

namespace agent_messages {
/// From an agent to itself: others had their turn.
struct go_on {};
}  // namespace agent_messages

/// What an agent is made of, for spawn_agent_host().
struct agent_setup {
  agent_options options;
  agent_environment_ptr environment;
  std::unique_ptr<agent_program> program;
};
caf::actor spawn_agent_host(agent_setup setup);

/// Runs `body(self, arguments...)`, a coroutine that gives a task<void>, as an actor. `body` is a function, a lambda or
/// an object with a call operator; it and the arguments are copied for each life of the agent.
template <class F, class... Arguments>
caf::actor spawn_agent(const agent_environment_ptr& environment, agent_options options, F body,
                       Arguments... arguments) {
  static_assert(std::is_copy_constructible_v<F> && (std::is_copy_constructible_v<Arguments> && ...),
                "an agent's function and arguments are copied");
  using program = agent_program_of<F, Arguments...>;
  auto made = std::make_unique<program>(std::move(body), std::tuple<Arguments...>(std::move(arguments)...));
  return spawn_agent_host(agent_setup{std::move(options), environment, std::move(made)});
}

template <class F, class... Arguments>
caf::actor agent::spawn(agent_options options, F body, Arguments... arguments) {
  return spawn_agent(environment_, std::move(options), std::move(body), std::move(arguments)...);
}

template <class F, class... Arguments>
result<caf::actor> server::spawn_agent(agent_options options, F body, Arguments... arguments) {
  auto environment = agents();
  if (!environment) return fail(errc::not_running, "the node is not running");
  return quicsync::spawn_agent(environment, std::move(options), std::move(body), std::move(arguments)...);
}

template <class F>
bool agent::take_kept(F&& takes) {
  for (std::size_t i = kept_begin_; i < kept_.size(); ++i) {
    if (kept_[i].content.empty()) continue;
    delivery message(kept_[i].content, kept_[i].answer);
    if (!takes(message)) continue;
    // A request that was received as a plain message has no other answer.
    if (kept_[i].answer.pending()) kept_[i].answer.deliver(caf::unit);
    kept_[i] = {};
    while (kept_begin_ < kept_.size() && kept_[kept_begin_].content.empty()) ++kept_begin_;
    if (kept_begin_ == kept_.size()) {
      kept_.clear();
      kept_begin_ = 0;
    }
    return true;
  }
  return false;
}

}  // namespace quicsync

QUICSYNC_LOCAL_MESSAGE(quicsync::agent_messages::go_on)

#include <quicsync/actors/agent/message_waits.hpp>
#include <quicsync/actors/agent/share_operation.hpp>
#include <quicsync/actors/agent/subscription.hpp>
