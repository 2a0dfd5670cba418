// Every CAF spelling that differs between 0.17 and 1.x, in one place: the rest of the project writes only these.
#pragma once
#include <utility>

#include <caf/all.hpp>
#include <caf/config.hpp>
#include <caf/detail/build_config.hpp>

#if CAF_MAJOR_VERSION >= 1
#error "CAF 1.x is not supported yet; its spellings belong here"
#endif

/// Lets a plain struct travel between actors of one process; nothing of ours is ever serialized by CAF. Use it in the
/// global namespace.
#define QUICSYNC_LOCAL_MESSAGE(type) CAF_ALLOW_UNSAFE_MESSAGE_TYPE(type)

/// The same for a message that many sources send: what CAF instantiates around it is compiled once, by the source that
/// defines QUICSYNC_COMPILES_MESSAGES, and not by each of them (a third of their time to compile).
#ifdef QUICSYNC_COMPILES_MESSAGES
// CAF's `dispose` of a mailbox element names a member that is not there; nobody calls it, so nobody noticed.
#define QUICSYNC_INSTANTIATE_ELEMENT(type)                      \
  template <>                                                   \
  inline void mailbox_element_vals<type>::dispose() noexcept {} \
  template class mailbox_element_vals<type>;
#define QUICSYNC_INSTANTIATE template
#else
#define QUICSYNC_INSTANTIATE_ELEMENT(type) extern template class mailbox_element_vals<type>;
#define QUICSYNC_INSTANTIATE extern template
#endif
#define QUICSYNC_SHARED_MESSAGE(type)                                             \
  QUICSYNC_LOCAL_MESSAGE(type)                                                    \
  namespace caf {                                                                 \
  QUICSYNC_INSTANTIATE class detail::tuple_vals_impl<type_erased_tuple, type>;    \
  QUICSYNC_INSTANTIATE class detail::tuple_vals_impl<detail::message_data, type>; \
  QUICSYNC_INSTANTIATE class detail::tuple_vals<type>;                            \
  QUICSYNC_INSTANTIATE_ELEMENT(type)                                              \
  }

namespace quicsync::caf_compat {

/// Who runs an actor.
using executor = caf::execution_unit;

/// Hands a job to the system's worker pool.
inline void schedule_on_pool(caf::actor_system& system, caf::resumable* job) { system.scheduler().enqueue(job); }

/// Gives up the reference that a job held.
inline void release(caf::resumable* job) { caf::intrusive_ptr_release(job); }

/// Not called `send`: inside an actor that name finds CAF's own member, which would take `self` for the destination.
template <class Self, class Destination, class... Ts>
void tell(Self* self, const Destination& to, Ts&&... message) {
  self->send(to, std::forward<Ts>(message)...);
}

/// From outside of any actor.
template <class Destination, class... Ts>
void anon_send(const Destination& to, Ts&&... message) {
  caf::anon_send(to, std::forward<Ts>(message)...);
}

/// From outside, in the name of an actor, which gets the answer: it may not have run yet.
template <class Source, class Destination, class... Ts>
void send_as(const Source& from, const Destination& to, Ts&&... message) {
  caf::send_as(from, to, std::forward<Ts>(message)...);
}

/// Scheduler policy ("sharing", "stealing", "testing") and its number of threads.
inline void set_scheduler(caf::actor_system_config& config, const char* policy, std::size_t threads) {
  config.set("scheduler.policy", caf::atom_from_string(std::string{policy}));
  config.set("scheduler.max-threads", threads);
  // Unlimited by default: an actor that feeds itself would starve its worker.
  config.set("scheduler.max-throughput", std::size_t{100});
}

}  // namespace quicsync::caf_compat
