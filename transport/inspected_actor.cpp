#include <quicsync/transport/inspected_actor.hpp>

namespace quicsync {

namespace {

/// The reason of an actor that ends by an exception has its text: for who is told, and who looks later.
caf::error reason_of(caf::scheduled_actor*, std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& known) {
    return caf::make_error(caf::sec::runtime_error, std::string(known.what()));
  } catch (...) {
    return caf::make_error(caf::sec::runtime_error, "something was thrown that is no std::exception");
  }
}

}  // namespace

inspected_actor::inspected_actor(caf::actor_config& config) : inspected_actor(config, false) {}

inspected_actor::inspected_actor(caf::actor_config& config, bool on_loop)
    : caf::event_based_actor(config), registry_(registry_of(home_system())) {
  set_exception_handler(reason_of);
  if (registry_) record_ = std::make_unique<actor_record>(id(), at_work() ? at_work()->id() : 0, on_loop);
}

inspected_actor::~inspected_actor() {
  if (record_) registry_->leave(*record_, {});
}

// Before anything can run: the actor may be at work on another thread when the launch returns.
void inspected_actor::launch(caf_compat::executor* host, bool lazy, bool hide) {
  if (record_) registry_->join(*record_, kind(), name());
  caf::event_based_actor::launch(host, lazy, hide);
}

// Once for all messages of a turn.
caf::resumable::resume_result inspected_actor::resume(caf_compat::executor* host, std::size_t messages_max) {
  if (!record_) return caf::event_based_actor::resume(host, messages_max);
  const turn mine(this);
  return caf::event_based_actor::resume(host, messages_max);
}

caf::invoke_message_result inspected_actor::consume(caf::mailbox_element& element) {
  if (!record_) return caf::event_based_actor::consume(element);
  struct scope {
    actor_record& record;
    bool skipped = false;
    ~scope() { record.end_message(skipped); }
  } handling{*record_};
  if (record_->begin_message()) record_->note_sender(element.sender ? element.sender->id() : 0);
  const auto outcome = caf::event_based_actor::consume(element);
  handling.skipped = outcome == caf::invoke_message_result::skipped;
  return outcome;
}

bool inspected_actor::cleanup(caf::error&& reason, caf_compat::executor* host) {
  std::string failure;
  if (record_ && reason && reason != caf::exit_reason::user_shutdown && reason != caf::exit_reason::kill &&
      reason != caf::exit_reason::normal)
    failure = home_system().render(reason);
  const bool ended = caf::event_based_actor::cleanup(std::move(reason), host);
  if (record_ && ended) registry_->leave(*record_, std::move(failure));
  return ended;
}

}  // namespace quicsync
