#include <algorithm>

#include <quicsync/actors/peer/peer_session.hpp>
#include <quicsync/actors/validation.hpp>
#include <quicsync/codec/limits.hpp>
#include <quicsync/codec/planted.hpp>

namespace quicsync {

result<void> peer_session::take_batch(lane on, const batch_frame& batch, std::vector<received_slab>& slabs) {
  if (!config_.wish.subscribe) return fail(errc::unexpected_frame, "patterns that nobody asked for");
  sharing access{nullptr, batch.marks.no_relay};
  if (!batch.marks.audience.empty()) {
    // Who brings them has them: it may ask for them again, and be told of a wider audience.
    auto names = batch.marks.audience;
    names.push_back(their_hello_->name);
    access.audience = sharing::only_to(std::move(names)).audience;
  }
  if (!(access == building_for_)) {
    if (!builder_.empty()) slabs.push_back({builder_.finish(), building_for_});
    building_for_ = std::move(access);
  }
  std::size_t patterns = 0, bytes = 0;
  auto count = [&](std::size_t more_patterns, std::size_t more_bytes) {
    patterns += more_patterns;
    bytes += more_bytes;
  };
  const std::size_t patterns_before = builder_.size(), bytes_before = builder_.record_bytes();
  std::vector<slab_ptr> full;
  auto done = incoming(on).decoder.decode(batch.block, builder_, full);
  count(builder_.size(), builder_.record_bytes());
  for (auto& records : full) {
    count(records->size(), records->record_bytes());
    slabs.push_back({std::move(records), building_for_});
  }
  in_limit_.take(patterns - patterns_before, bytes - bytes_before, host_.now());
  return done;
}

// Over its rate a lane is left as it is: the other side's window stays shut, and it waits. Control goes on.
bool peer_session::wait_for_rate(lane on) {
  if (on == lane::control || in_limit_.unlimited() || in_limit_.ready_at(host_.now()) <= host_.now()) return false;
  if (!std::exchange(waiting_for_in_rate_[index_of(on)], true)) ++statistics_.rate_delays_in;
  incoming(on).paused = true;
  wake_for_rates();
  return true;
}

void peer_session::wake_for_rates() {
  time_point when = time_point::max();
  if (std::find(waiting_for_in_rate_.begin(), waiting_for_in_rate_.end(), true) != waiting_for_in_rate_.end())
    when = in_limit_.ready_at(host_.now());
  if (waiting_for_out_rate_) when = std::min(when, out_limit_.ready_at(host_.now()));
  when = std::min(when, next_tick_);
  host_.wake_at(when);
}

void peer_session::wake() {
  if (over_) return;
  for (lane l : all_lanes)
    if (std::exchange(waiting_for_in_rate_[index_of(l)], false)) process(l);
  if (waiting_for_out_rate_) pull_more();
  if (host_.now() >= next_tick_) tick();
  if (over_) return;
  wake_for_rates();
}

// What this node does not take from this peer, and why.
std::vector<std::pair<std::uint32_t, error>> peer_session::judge(const slab& records) {
  std::vector<std::pair<std::uint32_t, error>> refused;
  if (config_.hello.role == node_role::client) return refused;
  for (std::uint32_t i = 0; i < records.size(); ++i) {
    if (!records.item(i).has_checksum && rules_.writes_all()) continue;
    const auto record = records.record(i);
    auto reason = planted(bug::write_rules_forgotten) ? std::nullopt : rules_.check_write(record);
    if (!reason && !planted(bug::checksum_is_not_checked)) reason = find_corruption(record);
    if (!reason) continue;
    ++statistics_.refused_here[reason->code];
    refused.emplace_back(i, std::move(*reason));
  }
  return refused;
}

void peer_session::apply_slabs(lane on, std::vector<received_slab> slabs) {
  auto& from = incoming(on);
  for (auto& [records, access] : slabs) {
    if (records->empty()) continue;
    note_activity();
    auto first = from.next_sequence;
    from.next_sequence += records->size();
    statistics_.patterns_received += records->size();
    statistics_.lanes[index_of(on)].patterns_received += records->size();
    statistics_.lanes[index_of(on)].record_bytes_received += records->record_bytes();
    auto refused = judge(*records);
    // Of what they hand in they are told the version that they do not want any more, too.
    if (their_filter_ && !(their_filter_->match_all() && rules_.reads_all()))
      for (std::size_t i = 0; i < records->size(); ++i) given_.insert(records->item(i).key);
    host_.apply(std::move(records), on, first, access, std::move(refused));
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
  check_marks();
  if (from.paused && !waiting_for_in_rate_[index_of(answer.on)] && from.applied_before == from.next_sequence)
    process(answer.on);
}

void peer_session::stored(const messages::stored& answer) {
  // Whoever was told of a lower level in the hello does not wait for this one.
  if (over_ || config_.hello.level < ack_level::stored) return;
  say(acknowledgement_frame{static_cast<std::uint8_t>(answer.on), ack_level::stored, answer.ranges});
}

}  // namespace quicsync
