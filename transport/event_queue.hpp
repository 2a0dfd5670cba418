// What an endpoint has to tell, in the order it happened. Bytes and acknowledgements of one lane that come before the
// queue was polled are merged into one event. Owned by the endpoint; one thread.
#pragma once
#include <deque>
#include <memory>
#include <optional>

#include <quicsync/transport/endpoint.hpp>
#include <quicsync/transport/receive_buffers.hpp>

namespace quicsync {

class event_queue {
 public:
  /// Names an event that may still be waiting. 0: none.
  using ticket = std::uint64_t;

  void push(endpoint_event event);

  /// Appends to the waiting event that `merge` names, or makes a new one and names it there. Bytes of more than
  /// receive_buffers::buffer_bytes come in several events.
  void add_bytes(connection_id id, lane on, bytes_view bytes, bool early, ticket& merge);
  void add_acknowledged(connection_id id, lane on, std::uint64_t bytes, ticket& merge);

  std::optional<endpoint_event> pop();

 private:
  struct waiting {
    endpoint_event event;
    // Of a lane_bytes event, still growing; `large` is null while they are few.
    byte_buffer bytes;
    std::shared_ptr<byte_buffer> large;
    std::size_t size() const noexcept { return large ? large->size() : bytes.size(); }
  };
  waiting* find(ticket which);

  receive_buffers buffers_;
  std::deque<waiting> events_;
  ticket first_ = 1;  ///< names events_.front()
};

}  // namespace quicsync
