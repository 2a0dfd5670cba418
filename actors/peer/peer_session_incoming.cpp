#include <algorithm>

#include <fmt/format.h>

#include <quicsync/actors/peer/peer_session.hpp>
#include <quicsync/codec/delta_limits.hpp>
#include <quicsync/codec/limits.hpp>

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
  if (block_decoder::has_deltas(batch.block)) return take_deltas(on, batch.block, slabs);
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

/// Some of its records are what changed against versions that only the cache has.
result<void> peer_session::take_deltas(lane on, bytes_view block, std::vector<received_slab>& slabs) {
  if (!config_.deltas) return fail(errc::bad_block, "block: deltas, which this side does not take");
  auto records = incoming(on).decoder.decode_deltas(block, config_.key_seed);
  if (!records) return fail(std::move(records.error()));
  if (!builder_.empty()) slabs.push_back({builder_.finish(), building_for_});
  in_limit_.take(records->size(), records->record_bytes(), host_.now());
  slabs.push_back({nullptr, building_for_, std::make_shared<const delta_block>(std::move(*records))});
  return {};
}

/// What could not be rebuilt comes whole.
result<void> peer_session::take_again(lane on, const again_frame& again, std::vector<received_slab>& slabs) {
  if (incoming(on).missing.count(again.sequence) == 0)
    return fail(errc::bad_frame, fmt::format("record {} comes again, which was not asked for", again.sequence));
  slab_builder builder(config_.key_seed);
  std::vector<slab_ptr> full;
  if (auto done = incoming(on).decoder.decode(again.block, builder, full); !done) return done;
  if (!builder.empty()) full.push_back(builder.finish());
  if (full.size() != 1 || full.front()->size() != 1)
    return fail(errc::bad_frame, "not one record in answer to an unknown base");
  if (!builder_.empty()) slabs.push_back({builder_.finish(), building_for_});
  in_limit_.take(1, full.front()->record_bytes(), host_.now());
  slabs.push_back({std::move(full.front()), {}, nullptr, again.sequence});
  return {};
}

// Over its rate a lane is left as it is: the other side's window stays shut, and it waits. Control goes on.
bool peer_session::wait_for_rate(lane on) {
  if (on == lane::control || in_limit_.unlimited()) return false;
  // One look at the clock: of two, the second may be the earlier argument, and then nothing is ever ready.
  const auto now = host_.now();
  if (in_limit_.ready_at(now) <= now) return false;
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
  for (std::uint32_t i = 0; judged_by_ && i < records.size(); ++i)
    if (auto reason = judge_record(judged_by_.get(), records, i)) refused.emplace_back(i, std::move(*reason));
  return refused;
}

void peer_session::apply_slabs(lane on, std::vector<received_slab> slabs) {
  auto& from = incoming(on);
  // Of what they hand in they are told the version that they do not want any more, too.
  const bool remembers = their_filter_ && !(their_filter_->match_all() && rules_.reads_all());
  for (auto& [records, access, deltas, again] : slabs) {
    const auto& whole = deltas ? *deltas->whole() : *records;
    const std::size_t count = deltas ? deltas->size() : whole.size();
    if (count == 0) continue;
    note_activity();
    const auto first = again.value_or(from.next_sequence);
    if (!again) from.next_sequence += count;
    note_taken(on, again ? 0 : count, deltas ? deltas->record_bytes() : whole.record_bytes());
    if (remembers) {
      for (std::size_t i = 0; i < whole.size(); ++i) given_.insert(whole.item(i).key);
      if (deltas)
        for (const auto& delta : deltas->deltas()) given_.insert(delta.key);
    }
    if (!deltas) {
      auto refused = judge(whole);
      host_.apply(std::move(records), on, first, access, std::move(refused));
      continue;
    }
    host_.apply_deltas(std::move(deltas), on, first, access, judged_by_);
  }
}

void peer_session::note_taken(lane on, std::size_t patterns, std::size_t record_bytes) {
  auto& of_lane = statistics_.lanes[index_of(on)];
  statistics_.patterns_received += patterns;
  of_lane.patterns_received += patterns;
  of_lane.record_bytes_received += record_bytes;
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
  auto& from = incoming(answer.on);
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
    if (reason.code == errc::unknown_base) {
      from.missing.insert(sequence);
      append_frame(bytes, unknown_base_frame{ack.lane, sequence});
      continue;
    }
    ++statistics_.refused_here[reason.code];
    append_frame(bytes, refusal_frame{ack.lane, sequence, reason});
  }
  if (answer.first_sequence < from.applied_before) from.missing.erase(answer.first_sequence);  // it came again
  if (from.missing.size() > limits::deltas_missing)
    return abandon({errc::flood, "too many deltas of what this side does not hold"});
  acknowledge_before(answer.first_sequence + answer.count);
  if (!ack.ranges.empty()) append_frame(bytes, ack);
  send_on(lane::control, std::move(bytes));

  from.applied_before = std::max(from.applied_before, answer.first_sequence + answer.count);
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
