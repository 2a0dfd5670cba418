#include <quicsync/transport/loop_actor.hpp>

namespace quicsync {

loop_actor::loop_actor(caf::actor_config& config, loop& home) : caf::event_based_actor(config), home_(home) {
  home_.pin();
}

loop_actor::~loop_actor() { home_.unpin(); }

// Whoever sends, from whichever thread: the loop runs this actor, never the sender's own executor.
void loop_actor::enqueue(caf::mailbox_element_ptr element, caf_compat::executor*) {
  caf::event_based_actor::enqueue(std::move(element), &home_);
}

void loop_actor::enqueue(caf::strong_actor_ptr source, caf::message_id id, caf::message content,
                         caf_compat::executor*) {
  enqueue(caf::make_mailbox_element(std::move(source), id, {}, std::move(content)), &home_);
}

// What the loops recognise their own actors by: nothing else of this type is in use here.
caf::resumable::subtype_t loop_actor::subtype() const { return caf::resumable::io_actor; }

void loop_actor::launch(caf_compat::executor*, bool lazy, bool hide) {
  caf::event_based_actor::launch(&home_, lazy, hide);
}

}  // namespace quicsync
