#include <quicsync/transport/loop_actor.hpp>

namespace quicsync {

loop_actor::loop_actor(caf::actor_config& config, loop& home)
    : inspected_actor(config, true), home_(home), door_(home.door()) {
  home_.pin();
}

loop_actor::~loop_actor() { unpin(); }

// Whoever sends, from whichever thread: the loop runs this actor, never the sender's own executor. A sender on the loop
// itself has no need of the door.
void loop_actor::enqueue(caf::mailbox_element_ptr element, caf_compat::executor* caller) {
  const bool near = caller == &home_;
  auto* way = near ? caller : door_.get();
  if (auto* counts = record()) near ? counts->count_enqueued_near() : counts->count_enqueued();
  caf::event_based_actor::enqueue(std::move(element), way);
}

void loop_actor::enqueue(caf::strong_actor_ptr source, caf::message_id id, caf::message content,
                         caf_compat::executor* caller) {
  enqueue(caf::make_mailbox_element(std::move(source), id, {}, std::move(content)), caller);
}

// What the loops recognise their own actors by: nothing else of this type is in use here.
caf::resumable::subtype_t loop_actor::subtype() const { return caf::resumable::io_actor; }

void loop_actor::launch(caf_compat::executor*, bool lazy, bool hide) {
  inspected_actor::launch(door_.get(), lazy, hide);
}

// The actor has ended: on_exit() has run and nothing of it will run again.
bool loop_actor::cleanup(caf::error&& reason, caf_compat::executor* host) {
  const auto ended = inspected_actor::cleanup(std::move(reason), host);
  if (ended) unpin();
  return ended;
}

void loop_actor::unpin() {
  if (std::exchange(pinned_, false)) home_.unpin();
}

}  // namespace quicsync
