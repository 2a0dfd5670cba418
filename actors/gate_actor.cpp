#include <map>
#include <set>

#include <quicsync/actors/gate_actor.hpp>
#include <quicsync/transport/inspected_actor.hpp>

namespace quicsync {
namespace {

using caf_compat::tell;

sync_report failed_report(errc code, std::string context) {
  sync_report r;
  r.failure = {code, std::move(context)};
  return r;
}

class gate_actor : public inspected_actor {
 public:
  gate_actor(caf::actor_config& config, caf::actor coordinator, std::shared_ptr<share_desk> shares)
      : inspected_actor(config), coordinator_(std::move(coordinator)), shares_(std::move(shares)) {}

  const char* name() const override { return "gate"; }

  caf::behavior make_behavior() override {
    tell(this, coordinator_, messages::listen{self()});
    return {
        [this](gate_messages::on_event& m) {
          if (m.name == pattern_received && !std::exchange(hears_patterns_, true) && cache_)
            tell(this, cache_, messages::ask_log_end{++reading_});
          handlers_.emplace_back(std::move(m.name), std::move(m.handler));
        },
        [this](gate_messages::await_report& m) { on_share(m); },
        [this](gate_messages::await_connection& m) {
          m.question.number = ++last_number_;
          m.question.requester = self();
          connections_.emplace(last_number_, std::move(m.done));
          tell(this, coordinator_, std::move(m.question));
        },
        [this](gate_messages::await_pages& m) {
          m.question.number = ++last_number_;
          m.question.requester = self();
          pages_.emplace(last_number_, std::move(m.page));
          tell(this, coordinator_, std::move(m.question));
        },
        [this](gate_messages::await_start& m) {
          starting_.push_back(std::move(m.done));
          tell(this, coordinator_, messages::start_node{self()});
        },
        [this](gate_messages::await_stop& m) {
          stopping_.push_back(std::move(m.done));
          tell(this, coordinator_, messages::stop_node{self()});
        },
        [this](gate_messages::await_removal& m) {
          m.question.number = ++last_number_;
          m.question.requester = self();
          removals_.emplace(last_number_, std::move(m.done));
          tell(this, coordinator_, std::move(m.question));
        },
        [this](gate_messages::await_reload& m) {
          m.question.number = ++last_number_;
          m.question.requester = self();
          removals_.emplace(last_number_, std::move(m.done));
          tell(this, coordinator_, std::move(m.question));
        },
        [this](gate_messages::await_drained& m) {
          shares_->drain();
          drained_waiting_.push_back(std::move(m.done));
          tell_drained();
        },
        // answers
        [this](const messages::report& m) { on_report(m); },
        [this](const messages::reports& m) {
          for (const auto& each : m.all) on_report(each);
        },
        [this](const messages::peer_connected& m) { on_connected(m); },
        [this](const messages::query_page& m) { on_page(m); },
        [this](const messages::node_started& m) {
          if (!m.failure) shares_->open(cache_ = m.cache);
          if (!m.failure && hears_patterns_) read_on(++reading_, {});
          take_first(starting_)->set_value(m);
        },
        [this](messages::node_stopped) {
          cache_ = nullptr;
          ++reading_;
          held_ = {};
          fail_waiting();
          take_first(stopping_)->set_value();
        },
        [this](const messages::peer_removed& m) { on_done(m.number, m.failure); },
        [this](const messages::reconfigured& m) { on_done(m.number, m.failure); },
        [this](const messages::happened& m) { on_happened(m.what); },
        [this](const messages::all_happened& m) {
          for (const auto& each : m.what) on_happened(each);
        },
        // the log, for pattern:received
        [this](const messages::log_end& m) {
          if (m.tag == reading_) read_on(reading_, log_cursor::at(m.position));
        },
        [this](messages::page& m) { on_log_page(std::move(m)); },
        [this](messages::peer_name& m) { on_name(std::move(m)); },
    };
  }

  void on_exit() override {
    fail_waiting();
    handlers_.clear();
    cache_ = coordinator_ = nullptr;
  }

 private:
  caf::actor self() { return caf::actor_cast<caf::actor>(this); }

  /// A user's function that throws is an event, not the end of everything that waits here.
  template <class F>
  void guarded(F&& call) {
    try {
      call();
    } catch (const std::exception& e) {
      report_thrown(e.what());
    } catch (...) {
      report_thrown("something that is no std::exception");
    }
  }
  void report_thrown(const char* what_was_thrown) {
    event what;
    what.name = "server:error";
    what.failure = {errc::internal, std::string("a handler threw: ") + what_was_thrown};
    if (coordinator_) tell(this, coordinator_, messages::happened{std::move(what)});
  }

  template <class T>
  static T take_first(std::vector<T>& waiting) {
    T first = std::move(waiting.front());
    waiting.erase(waiting.begin());
    return first;
  }

  void on_share(gate_messages::await_report& m) {
    m.question.requester = self();
    const auto refused = shares_->hand_over(m.question, m.done);
    if (refused) guarded([&] { m.done(failed_report(refused->code, refused->context)); });
  }

  void on_report(const messages::report& m) {
    const auto tell_user = shares_->take(m.number);
    if (tell_user) guarded([&] { tell_user(m.outcome); });
    tell_drained();
  }

  void on_happened(const event& what) {
    for (const auto& [name, handler] : handlers_)
      if (name.empty() || name == what.name) guarded([&, &tell_user = handler] { tell_user(what); });
  }

  void on_done(std::uint64_t number, const std::optional<error>& failure) {
    auto it = removals_.find(number);
    if (it == removals_.end()) return;
    it->second->set_value(failure ? result<void>(fail(*failure)) : result<void>());
    removals_.erase(it);
  }

  void tell_drained() {
    if (!shares_->empty()) return;
    for (auto& waiting : std::exchange(drained_waiting_, {})) waiting->set_value();
  }

  void on_connected(const messages::peer_connected& m) {
    auto it = connections_.find(m.number);
    if (it == connections_.end()) return;
    it->second->set_value(m.failure ? result<std::string>(fail(*m.failure)) : result<std::string>(m.name));
    connections_.erase(it);
  }

  void on_page(const messages::query_page& m) {
    auto it = pages_.find(m.number);
    if (it == pages_.end()) return;
    std::vector<record_view> records;
    for (const auto& slab : m.records)
      for (std::size_t i = 0; i < slab->size(); ++i) records.push_back(slab->record(i));
    guarded([&] { it->second({records, m.failure, m.last}); });
    if (m.last) pages_.erase(it);
  }

  // -- pattern:received: the log is read a page at a time, and a page waits until its sources have names
  void read_on(std::uint64_t reading, const log_cursor& after) {
    tell(this, cache_, messages::pull{self(), reading, after, lane_set::all_patterns(), true});
  }

  void on_log_page(messages::page m) {
    if (!cache_ || m.tag != reading_) return;
    held_ = std::move(m);
    if (names_.size() > names_kept) names_.clear();
    names_wanted_.clear();
    for (const auto& set : held_.sets)
      if (set->source != this_node && !names_.count(set->source)) names_wanted_.insert(set->source);
    for (auto number : names_wanted_) tell(this, coordinator_, messages::ask_peer_name{number});
    if (names_wanted_.empty()) tell_received();
  }

  void on_name(messages::peer_name m) {
    if (names_wanted_.erase(m.number) == 0) return;
    names_[m.number] = std::move(m.name);
    if (names_wanted_.empty() && cache_) tell_received();
  }

  void tell_received() {
    const auto page = std::exchange(held_, {});
    for (const auto& set : page.sets) {
      if (set->source == this_node) continue;
      event what;
      what.name = std::string(pattern_received);
      what.source_id = names_[set->source];
      for (const change& c : set->changes) {
        auto value = set->records->record(c.index).to_pattern();
        if (!value) continue;
        what.received = std::make_shared<const pattern>(std::move(*value));
        for (const auto& [name, handler] : handlers_)
          if (name == pattern_received) guarded([&, &tell_user = handler] { tell_user(what); });
      }
    }
    read_on(reading_, page.next);
  }

  void fail_waiting() {
    const error reason{errc::not_running, "the node stopped"};
    for (const auto& tell_user : shares_->close())
      guarded([&] { tell_user(failed_report(reason.code, reason.context)); });
    for (auto& [number, promise] : std::exchange(connections_, {})) promise->set_value(fail(reason));
    for (auto& [number, page] : std::exchange(pages_, {}))
      guarded([&, &tell_user = page] { tell_user({{}, reason, true}); });
    for (auto& [number, promise] : std::exchange(removals_, {})) promise->set_value(fail(reason));
    tell_drained();
  }

  static constexpr std::size_t names_kept = 4096;

  caf::actor coordinator_, cache_;
  std::shared_ptr<share_desk> shares_;
  std::vector<std::shared_ptr<std::promise<void>>> drained_waiting_;
  bool hears_patterns_ = false;
  std::uint64_t reading_ = 0;  ///< tags its pulls: what an earlier one still brings is void
  messages::page held_;
  std::set<peer_number> names_wanted_;
  std::map<peer_number, std::string> names_;
  std::uint64_t last_number_ = 0;
  std::vector<std::pair<std::string, std::function<void(const event&)>>> handlers_;
  std::map<std::uint64_t, std::shared_ptr<std::promise<result<std::string>>>> connections_;
  std::map<std::uint64_t, std::function<void(const server::answer&)>> pages_;
  std::vector<std::shared_ptr<std::promise<messages::node_started>>> starting_;
  std::vector<std::shared_ptr<std::promise<void>>> stopping_;
  std::map<std::uint64_t, std::shared_ptr<std::promise<result<void>>>> removals_;  ///< and reloads
};

}  // namespace

caf::actor spawn_gate(caf::actor_system& system, caf::actor coordinator, std::shared_ptr<share_desk> shares) {
  return system.spawn<gate_actor>(std::move(coordinator), std::move(shares));
}

}  // namespace quicsync
