// Patterns for plain CAF actors, without a coroutine, of this or another actor system of the process: the actor gets
// `patterns_arrived` messages and has a handler for them, no more. A batch is sent when the one before has been
// handled, so a slow actor conflates as a slow agent does, and its mailbox holds one batch at most.
#pragma once
#include <quicsync/actors/agent/agent.hpp>

namespace quicsync {

struct patterns_arrived {
  patterns_arrived() = default;
  std::vector<shared_record> records;
};

/// Sends `receiver` what matches, until it ends, the node stops, or the actor that is returned is told to end. From
/// `now`: whatever is shared after this returned comes. Errors: bad_filter, not_running.
result<caf::actor> subscribe_actor(server& node, const caf::actor& receiver, std::string_view wanted = {},
                                   subscribe_frame::start from = subscribe_frame::start::now);
/// The same where agents are made.
result<caf::actor> subscribe_actor(const agent_environment_ptr& node, const caf::actor& receiver,
                                   std::string_view wanted = {},
                                   subscribe_frame::start from = subscribe_frame::start::now);

}  // namespace quicsync

QUICSYNC_LOCAL_MESSAGE(quicsync::patterns_arrived)
