#include <quicsync/actors/subscriber.hpp>

namespace quicsync {
namespace {

using caf_compat::tell;

class subscriber_actor : public caf::event_based_actor {
 public:
  subscriber_actor(caf::actor_config& config, caf::actor cache, filter wanted, subscribe_frame::start from,
                   record_handler handler)
      : caf::event_based_actor(config),
        cache_(std::move(cache)),
        wanted_(std::move(wanted)),
        from_(from),
        handler_(std::move(handler)) {}

  const char* name() const override { return "subscriber"; }

  caf::behavior make_behavior() override {
    if (from_ == subscribe_frame::start::now)
      tell(this, cache_, messages::ask_log_end{});
    else
      pull({});
    return {
        [this](const messages::log_end& m) { pull(log_cursor::at(m.position)); },
        [this](const messages::page& m) {
          deliver(m);
          pull(m.next);
        },
    };
  }

  void on_exit() override {
    if (cache_) tell(this, cache_, messages::stop_reading{address()});
    cache_ = nullptr;
    handler_ = nullptr;
  }

 private:
  void pull(const log_cursor& after) {
    tell(this, cache_, messages::pull{caf::actor_cast<caf::actor>(this), 0, after, lane_set::all_patterns(), true});
  }

  void deliver(const messages::page& m) {
    records_.clear();
    for (const auto& set : m.sets)
      for (const change& c : set->changes)
        if (auto record = set->records->record(c.index); wanted_.matches(record)) records_.push_back(record);
    if (records_.empty()) return;
    try {
      handler_(records_);
    } catch (...) {
      // The subscription goes on: what the handler makes of a page is not this node's state.
    }
  }

  caf::actor cache_;
  filter wanted_;
  subscribe_frame::start from_;
  record_handler handler_;
  std::vector<record_view> records_;
};

}  // namespace

caf::actor spawn_subscriber(caf::actor_system& system, caf::actor cache, filter wanted, subscribe_frame::start from,
                            record_handler handler) {
  return system.spawn<subscriber_actor>(std::move(cache), std::move(wanted), from, std::move(handler));
}

}  // namespace quicsync
