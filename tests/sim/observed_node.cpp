#include <deque>

#include <tests/sim/observed_node.hpp>

#include <quicsync/actors/inspect/inspect_messages.hpp>

namespace quicsync::sim {

/// To the reader: everything from the beginning, once.
struct read_everything {};
/// To the reader: about this id.
struct wonder_why {
  std::string id;
  std::function<void(const pattern_table::reason&)> take;
};

}  // namespace quicsync::sim

QUICSYNC_LOCAL_MESSAGE(quicsync::sim::read_everything)
QUICSYNC_LOCAL_MESSAGE(quicsync::sim::wonder_why)

namespace quicsync::sim {

namespace {
constexpr std::uint64_t following = 1, reading_all = 2;  ///< tags of pulls
}

struct observed_node::inbox {
  observed_node* owner = nullptr;
  caf::actor cache;
  std::map<std::string, held_record> held;
  bool held_whole = false;
};

class observed_node::reader : public caf::event_based_actor {
 public:
  reader(caf::actor_config& config, std::shared_ptr<inbox> into)
      : caf::event_based_actor(config), inbox_(std::move(into)) {}

  caf::behavior make_behavior() override {
    pull(following, {});
    return {
        [this](const messages::page& m) { take(m); },
        [this](const messages::report& m) {
          if (auto* owner = inbox_->owner) owner->listener_.reported(*owner, m.number, m.outcome);
        },
        [this](read_everything) { pull(reading_all, {}); },
        [this](wonder_why& m) {
          caf_compat::tell(this, inbox_->cache, inspect_messages::ask_why{std::move(m.id)});
          wondering_.push_back(std::move(m.take));
        },
        [this](const inspect_messages::because& m) {  // in the order asked
          const auto take = std::move(wondering_.front());
          wondering_.pop_front();
          if (m.why && inbox_->owner != nullptr) take(*m.why);
        },
    };
  }

 private:
  void pull(std::uint64_t tag, const log_cursor& after) {
    messages::pull question{caf::actor_cast<caf::actor>(this), tag, after};
    question.wait = tag == following;
    question.reading = static_cast<std::uint32_t>(tag);
    caf_compat::tell(this, inbox_->cache, std::move(question));
  }

  void take(const messages::page& m) {
    auto* owner = inbox_->owner;
    if (owner == nullptr) return;
    for (const auto& set : m.sets)
      for (const change& c : set->changes) {
        if (m.tag == following)
          owner->listener_.changed(*owner, *set, c);
        else
          inbox_->held[std::string(set->records->id(c.index))] = {kept_order::of(*set->records, c.index), set->records,
                                                                  c.index, set->access, set->source};
      }
    if (m.tag == reading_all && m.at_end)
      inbox_->held_whole = true;
    else
      pull(m.tag, m.next);
  }

  std::shared_ptr<inbox> inbox_;
  std::deque<std::function<void(const pattern_table::reason&)>> wondering_;
};

observed_node::observed_node(simulated_world& world, node_config config, bool with_store, const listener& to)
    : world_(world), config_(std::move(config)), listener_(to) {
  if (!with_store) return;
  disk_ = std::make_shared<tests::memory_disk>();
  lose_disk();
}

observed_node::~observed_node() {
  if (inbox_) inbox_->owner = nullptr;
}

void observed_node::start() {
  ++incarnation_;
  newest_.clear();
  last_access_.clear();
  node_ = std::make_unique<sync_node>(world_, name(), config_, disk_);
  inbox_ = std::make_shared<inbox>();
  inbox_->owner = this;
  inbox_->cache = node_->cache();
  reader_ = node_->place().system().spawn<reader>(inbox_);
}

void observed_node::crash() {
  inbox_->owner = nullptr;
  inbox_->cache = nullptr;
  inbox_.reset();
  reader_ = nullptr;
  node_.reset();
  world_.crash(name());
}

void observed_node::lose_disk() {
  if (!disk_) return;
  disk_ = std::make_shared<tests::memory_disk>();
  disk_->incarnation = world_.seed() * 1000 + static_cast<std::uint64_t>(name().front()) * 100 + ++disks_;
}

slab_ptr observed_node::records_of(const std::vector<pattern>& patterns) {
  slab_builder builder(node_->place().seed() ^ 1);
  for (const auto& p : patterns) tests::must(builder.add(p));
  return builder.finish();
}

void observed_node::share(std::uint64_t number, slab_ptr records, delivery_wish wish) {
  caf_compat::anon_send(inbox_->cache, messages::share{number, std::move(records), std::move(wish), reader_});
}

void observed_node::ask_why(std::string id, std::function<void(const pattern_table::reason&)> take) {
  caf_compat::anon_send(reader_, wonder_why{std::move(id), std::move(take)});
}

std::map<std::string, observed_node::held_record> observed_node::held() {
  inbox_->held.clear();
  inbox_->held_whole = false;
  caf_compat::anon_send(reader_, read_everything{});
  world_.run_until([this] { return inbox_->held_whole; });
  return std::move(inbox_->held);
}

}  // namespace quicsync::sim
