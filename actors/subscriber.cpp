#include <absl/container/flat_hash_set.h>

#include <quicsync/actors/subscriber.hpp>
#include <quicsync/transport/inspected_actor.hpp>

namespace quicsync {
namespace {

using caf_compat::tell;

class subscriber_actor : public inspected_actor {
 public:
  subscriber_actor(caf::actor_config& config, caf::actor cache, filter wanted, subscribe_frame::start from,
                   record_handler handler)
      : inspected_actor(config),
        cache_(std::move(cache)),
        wanted_(std::move(wanted)),
        from_(from),
        handler_(std::move(handler)) {}

  const char* name() const override { return "subscriber"; }

  caf::behavior make_behavior() override {
    if (from_ == subscribe_frame::start::beginning) pull({});
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
    std::size_t changes = 0;
    for (const auto& set : m.sets) changes += set->changes.size();
    records_.reserve(changes);
    for (const auto& set : m.sets)
      for (const change& c : set->changes)
        if (auto record = set->records->record(c.index); wants(record, set->records->item(c.index).key))
          records_.push_back(record);
    if (records_.empty()) return;
    try {
      handler_(records_);
    } catch (...) {
      // The subscription goes on: what the handler makes of a page is not this node's state.
    }
  }

  // The first version that does not match any more is delivered as well, to whom the one that matched was.
  bool wants(const record_view& record, std::uint64_t key) {
    if (wanted_.match_all()) return true;
    if (!wanted_.matches(record)) return given_.erase(key) != 0;
    given_.insert(key);
    return true;
  }

  caf::actor cache_;
  filter wanted_;
  subscribe_frame::start from_;
  record_handler handler_;
  std::vector<record_view> records_;
  absl::flat_hash_set<std::uint64_t> given_;  ///< keys of ids that matched when last delivered; never iterated
};

}  // namespace

caf::actor spawn_subscriber(caf::actor_system& system, caf::actor cache, filter wanted, subscribe_frame::start from,
                            record_handler handler) {
  auto made = system.spawn<subscriber_actor>(cache, std::move(wanted), from, std::move(handler));
  // By who spawns it: whatever is shared after this comes, however late the subscriber runs.
  if (from == subscribe_frame::start::now) caf_compat::send_as(made, cache, messages::ask_log_end{});
  return made;
}

}  // namespace quicsync
