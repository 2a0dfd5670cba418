#include <algorithm>

#include <quicsync/transport/event_queue.hpp>

namespace quicsync {

namespace {

// A burst is rarely one small packet: growing from here costs fewer copies.
constexpr std::size_t first_capacity_bytes = 2048;
// Above it a buffer that is used again is worth the copy; below it nobody should hold a large one for the sake of few.
constexpr std::size_t own_memory_bytes_max = 32u << 10;

}  // namespace

event_queue::waiting* event_queue::find(ticket which) {
  // What was polled is gone: its ticket lies before the first.
  return which < first_ || which >= first_ + events_.size() ? nullptr : &events_[which - first_];
}

void event_queue::push(endpoint_event event) { events_.push_back({std::move(event), {}, {}}); }

void event_queue::add_bytes(connection_id id, lane on, bytes_view bytes, bool early, ticket& merge) {
  auto* into = find(merge);
  if (into != nullptr &&
      (std::get<lane_bytes>(into->event).early != early || into->size() + bytes.size() > receive_buffers::buffer_bytes))
    into = nullptr;
  if (into == nullptr) {
    push(lane_bytes{id, on, {}, early});
    merge = first_ + events_.size() - 1;
    into = &events_.back();
    into->bytes.reserve(std::max(bytes.size(), first_capacity_bytes));
  }
  if (!into->large && into->bytes.size() + bytes.size() > own_memory_bytes_max) {
    into->large = buffers_.take();
    into->large->assign(into->bytes.begin(), into->bytes.end());
    into->bytes = {};
  }
  auto& grows = into->large ? *into->large : into->bytes;
  grows.insert(grows.end(), bytes.begin(), bytes.end());
}

void event_queue::add_acknowledged(connection_id id, lane on, std::uint64_t bytes, ticket& merge) {
  if (auto* into = find(merge)) {
    std::get<lane_acknowledged>(into->event).bytes += bytes;
    return;
  }
  push(lane_acknowledged{id, on, bytes});
  merge = first_ + events_.size() - 1;
}

std::optional<endpoint_event> event_queue::pop() {
  if (events_.empty()) return std::nullopt;
  auto& front = events_.front();
  if (auto* received = std::get_if<lane_bytes>(&front.event)) {
    const bytes_view all = front.large ? bytes_view(*front.large) : bytes_view{};
    received->bytes = front.large ? shared_bytes(std::move(front.large), all) : shared_bytes(std::move(front.bytes));
  }
  std::optional<endpoint_event> event(std::move(front.event));
  events_.pop_front();
  ++first_;
  return event;
}

}  // namespace quicsync
