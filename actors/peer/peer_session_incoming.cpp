#include <quicsync/actors/peer/peer_session.hpp>
#include <quicsync/codec/limits.hpp>

namespace quicsync {

result<void> peer_session::take_batch(lane on, const batch_frame& batch, std::vector<slab_ptr>& slabs) {
  if (!config_.wish.subscribe) return fail(errc::unexpected_frame, "patterns that nobody asked for");
  // Who may have them could not be kept to yet, and to take them as if they were for all would fail open.
  if (!batch.marks.empty())
    return fail(errc::unexpected_frame, "patterns for a named audience, which this node cannot keep to");
  return incoming(on).decoder.decode(batch.block, builder_, slabs);
}

void peer_session::apply_slabs(lane on, std::vector<slab_ptr> slabs) {
  auto& from = incoming(on);
  for (auto& records : slabs) {
    if (records->empty()) continue;
    auto first = from.next_sequence;
    from.next_sequence += records->size();
    statistics_.patterns_received += records->size();
    host_.apply(std::move(records), on, first);
  }
}

// A lane's window opens again when its records are in the cache, so that an overloaded node slows its senders down.
// Bytes of other frames are given back at once, and so are those of a large unfinished frame: it could not end within
// the window.
void peer_session::give_credit(lane on) {
  if (!welcomed_) return;
  auto& from = incoming(on);
  std::uint64_t taken = from.frames.consumed_bytes();
  if (!from.paused && from.received_bytes - taken > limits::partial_frame_bytes) taken = from.received_bytes;
  if (taken <= from.credited_bytes) return;
  std::uint64_t bytes = taken - std::exchange(from.credited_bytes, taken);

  std::uint64_t applied_to = from.credits.empty() ? from.applied_before : from.credits.back().end_sequence;
  if (from.next_sequence > applied_to)
    from.credits.push_back({from.next_sequence, bytes});
  else if (!from.credits.empty())
    from.credits.back().bytes += bytes;
  else
    host_.consumed(on, bytes);
}

void peer_session::applied(const messages::applied& answer) {
  if (over_) return;
  acknowledgement_frame ack;
  ack.lane = static_cast<std::uint8_t>(answer.on);
  ack.level = ack_level::applied;
  byte_buffer bytes;
  std::uint64_t next = answer.first_sequence;
  auto acknowledge_before = [&](std::uint64_t end) {
    if (end > next) ack.ranges.push_back({next, end - 1});
    next = end + 1;
  };
  for (const auto& [offset, reason] : answer.refused) {
    std::uint64_t sequence = answer.first_sequence + offset;
    acknowledge_before(sequence);
    append_frame(bytes, refusal_frame{ack.lane, sequence, reason});
  }
  acknowledge_before(answer.first_sequence + answer.count);
  if (!ack.ranges.empty()) append_frame(bytes, ack);
  send_on(lane::control, std::move(bytes));

  auto& from = incoming(answer.on);
  from.applied_before = answer.first_sequence + answer.count;
  std::uint64_t give = 0;
  while (!from.credits.empty() && from.credits.front().end_sequence <= from.applied_before) {
    give += from.credits.front().bytes;
    from.credits.pop_front();
  }
  if (give != 0) host_.consumed(answer.on, give);
  if (from.paused && from.applied_before == from.next_sequence) process(answer.on);
}

}  // namespace quicsync
