// An agent seen as a typed actor of CAF. For programs whose actors are typed; lives wherever handles do.
#pragma once
#include <quicsync/transport/caf_compat.hpp>

namespace quicsync {

/// One line of a typed actor's interface: `typed_interface<answers<how_many, int>>`.
template <class Request, class... Answer>
using answers = typename caf::replies_to<Request>::template with<Answer...>;
template <class... Lines>
using typed_interface = caf::typed_actor<Lines...>;

/// The same agent. What is sent to it, and what is done with its answers, is checked when it is compiled; that the
/// agent does answer so is its author's word.
template <class Interface>
Interface typed_handle(const caf::actor& agent) {
  return caf::actor_cast<Interface>(agent);
}

}  // namespace quicsync
