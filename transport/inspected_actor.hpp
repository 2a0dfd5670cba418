// Base of every actor of ours: it tells the node's registry, where there is one, what the actor does. Costs nothing but
// a look at a null pointer where there is none. A pool actor derives from it directly, one of the loop by loop_actor.
#pragma once
#include <memory>
#include <string>
#include <utility>

#include <quicsync/transport/actor_registry.hpp>
#include <quicsync/transport/caf_compat.hpp>

namespace quicsync {

class inspected_actor : public caf::event_based_actor {
 public:
  explicit inspected_actor(caf::actor_config& config);
  ~inspected_actor() override;

  using caf::abstract_actor::enqueue;
  void enqueue(caf::mailbox_element_ptr element, caf_compat::executor* caller) override {
    if (record_) at_work() == this ? record_->count_enqueued_near() : record_->count_enqueued();
    caf::event_based_actor::enqueue(std::move(element), caller);
  }
  caf::resumable::resume_result resume(caf_compat::executor* host, std::size_t messages_max) override;
  caf::invoke_message_result consume(caf::mailbox_element& element) override;
  void launch(caf_compat::executor* host, bool lazy, bool hide) override;
  bool cleanup(caf::error&& reason, caf_compat::executor* host) override;

 protected:
  inspected_actor(caf::actor_config& config, bool on_loop);

  /// What it is one of; static storage.
  virtual const char* kind() const { return name(); }
  /// Null where nobody looks.
  actor_record* record() noexcept { return record_.get(); }
  actor_registry* registry() noexcept { return registry_; }

  /// The name by which people know it, where name() is only what it is.
  void known_as(std::string name) {
    if (record_) registry_->rename(*record_, std::move(name));
  }
  /// The last thing that went wrong, for people.
  void note_error(std::string what) {
    if (record_) registry_->note_error(*record_, std::move(what));
  }
  /// Null: nothing in particular.
  void waits_for(const wait_label* what) noexcept {
    if (record_) record_->set_waits_for(what, 0);
  }
  /// Work that no message started is the actor's, too.
  template <class F>
  void inspected_work(F&& work) {
    if (!record_) return work();
    const working scope(*this);
    work();
  }

 private:
  /// Whose turn this thread spends: the parent of what is spawned in it. Null: nobody's.
  static inspected_actor*& at_work() noexcept {
    static thread_local inspected_actor* who = nullptr;
    return who;
  }
  /// For a turn of this actor.
  class turn {
   public:
    explicit turn(inspected_actor* whose) : before_(std::exchange(at_work(), whose)) {}
    ~turn() { at_work() = before_; }
    turn(const turn&) = delete;
    turn& operator=(const turn&) = delete;

   private:
    inspected_actor* before_;
  };
  class working {
   public:
    explicit working(inspected_actor& who) : turn_(&who), record_(*who.record_) { record_.begin_work(); }
    ~working() { record_.end_work(); }
    working(const working&) = delete;
    working& operator=(const working&) = delete;

   private:
    turn turn_;
    actor_record& record_;
  };

  actor_registry* registry_ = nullptr;
  std::unique_ptr<actor_record> record_;
};

}  // namespace quicsync
