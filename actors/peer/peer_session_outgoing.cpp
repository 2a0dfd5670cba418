#include <algorithm>

#include <fmt/format.h>

#include <quicsync/actors/peer/peer_session.hpp>
#include <quicsync/codec/limits.hpp>

namespace quicsync {

void peer_session::send_on(lane on, byte_buffer&& bytes) {
  if (bytes.empty()) return;
  outgoing(on).in_flight_bytes += bytes.size();
  statistics_.lane_bytes_sent += bytes.size();
  host_.send_frames(on, shared_bytes(std::move(bytes)));
}

bool peer_session::has_room(lane on) const noexcept {
  const auto& to = outgoing(on);
  return to.in_flight_bytes < limits::lane_in_flight_bytes &&
         to.applied.blocks.size() < limits::unacknowledged_blocks &&
         to.stored.blocks.size() < limits::unacknowledged_blocks;
}

void peer_session::acknowledged(lane on, std::uint64_t bytes) {
  auto& to = outgoing(on);
  to.in_flight_bytes -= std::min(bytes, to.in_flight_bytes);
  pull_more();
  serve_more();
}

// -- the subscription
// -----------------------------------------------------------------------------------------------------

void peer_session::pull_more() {
  if (over_ || !reading_) return;
  lane_set free;
  bool more_than_pulled = false;
  for (lane l : {lane::high, lane::normal, lane::low})
    if (has_room(l)) {
      free = free.with(l);
      more_than_pulled |= !pulled_lanes_.has(l);
    }
  if (free.empty()) return;
  if (pull_under_way_) {
    // It may be waiting at the end of other lanes: one that has room again must not wait with it. The new pull takes
    // the old one's place, and a page that is on its way for the old one is void.
    if (!more_than_pulled) return;
    reading_tag_ = next_tag_++;
  }
  pull_under_way_ = true;
  pulled_lanes_ = free;
  host_.pull(reading_tag_, read_to_, free, true);
}

void peer_session::take_page(const messages::page& page) {
  if (over_) return;
  if (page.tag == reading_tag_) {
    pull_under_way_ = false;
    log_cursor before = std::exchange(read_to_, page.next);
    send_records(page.sets);
    for (lane l : all_lanes)
      if (read_to_[l] != before[l]) report_progress(l);
    return pull_more();
  }
  auto query = served_.find(page.tag);
  if (query == served_.end()) return;
  answering_ = false;
  query->second.after = page.next;
  reply_with(query->second, page.sets, page.at_end);
  if (page.at_end) served_.erase(query);
  serve_more();
}

namespace {

/// Gathers a lane's records into blocks of bounded size.
struct gathering {
  std::vector<bytes_view> records;
  std::vector<log_position_number> positions;
  std::size_t bytes = 0;
  byte_buffer frames;
};

}  // namespace

void peer_session::send_records(const std::vector<std::shared_ptr<const change_set>>& sets) {
  std::array<gathering, lane_count> lanes;
  auto flush = [&](lane on) {
    auto& g = lanes[index_of(on)];
    if (g.records.empty()) return;
    byte_buffer block;
    outgoing(on).encoder.append(block, g.records);
    append_frame(g.frames, batch_frame{{}, block});
    note_sent(on, {outgoing(on).next_sequence, std::exchange(g.positions, {})});
    statistics_.patterns_sent += g.records.size();
    statistics_.record_bytes_sent += g.bytes;
    g.records.clear();
    g.bytes = 0;
  };
  for (const auto& set : sets) {
    if (set->source == number_) continue;                                               // it came from there
    if (config_.hello.role == node_role::client && set->source != this_node) continue;  // a client relays nothing
    for (const change& c : set->changes) {
      if (!their_filter_->match_all() && !their_filter_->matches(set->records->record(c.index))) continue;
      auto& g = lanes[index_of(c.on)];
      bytes_view record = set->records->bytes(c.index);
      if (g.bytes + record.size() > limits::batch_bytes || g.records.size() >= config_.batch_patterns) flush(c.on);
      g.records.push_back(record);
      g.positions.push_back(c.position);
      g.bytes += record.size();
    }
  }
  for (lane l : all_lanes) {
    flush(l);
    send_on(l, std::move(lanes[index_of(l)].frames));
  }
}

void peer_session::note_sent(lane on, sent_block block) {
  auto& to = outgoing(on);
  to.next_sequence = block.end_sequence();
  auto shared = std::make_shared<const sent_block>(std::move(block));
  if (their_hello_->level >= ack_level::stored) to.stored.blocks.push_back(shared);
  to.applied.blocks.push_back(std::move(shared));
}

// What is outstanding bounds what can be said to have arrived; with nothing outstanding it is everything that was read.
void peer_session::report_progress(lane on) {
  auto& to = outgoing(on);
  if (to.applied.blocks.empty()) host_.reached(on, read_to_[on], ack_level::applied);
  if (to.stored.blocks.empty() && their_hello_->level >= ack_level::stored)
    host_.reached(on, read_to_[on], ack_level::stored);
}

void peer_session::advance(lane on, ack_level level, acknowledged_level& track) {
  log_position_number reached = 0;
  std::uint64_t settled = track.settled.settled_before();
  while (!track.blocks.empty() && track.blocks.front()->end_sequence() <= settled) {
    reached = track.blocks.front()->positions.back();
    track.blocks.pop_front();
    if (level == ack_level::applied) ++statistics_.batches_acknowledged;
  }
  if (reached == 0) return;
  host_.reached(on, track.blocks.empty() ? read_to_[on] : reached, level);
}

result<void> peer_session::take_acknowledgement(const acknowledgement_frame& ack) {
  if (ack.lane == index_of(lane::control) || ack.lane >= lane_count)
    return fail(errc::bad_frame, fmt::format("an acknowledgement for lane {}", ack.lane));
  if (ack.level == ack_level::received) return {};
  lane on = static_cast<lane>(ack.lane);
  auto& to = outgoing(on);
  for (const auto& range : ack.ranges) {
    if (auto added = to.applied.settled.add(range, to.next_sequence); !added) return added;
    if (ack.level == ack_level::stored && their_hello_->level >= ack_level::stored)
      if (auto added = to.stored.settled.add(range, to.next_sequence); !added) return added;
  }
  advance(on, ack_level::applied, to.applied);
  if (ack.level == ack_level::stored) advance(on, ack_level::stored, to.stored);
  pull_more();
  return {};
}

result<void> peer_session::take_refusal(const refusal_frame& refusal) {
  if (refusal.lane == index_of(lane::control) || refusal.lane >= lane_count)
    return fail(errc::bad_frame, fmt::format("a refusal for lane {}", refusal.lane));
  lane on = static_cast<lane>(refusal.lane);
  auto& to = outgoing(on);
  for (const auto& block : to.applied.blocks)
    if (refusal.sequence >= block->first_sequence && refusal.sequence < block->end_sequence())
      host_.refused(on, block->positions[refusal.sequence - block->first_sequence], refusal.reason);
  sequence_range settled{refusal.sequence, refusal.sequence};
  if (auto added = to.applied.settled.add(settled, to.next_sequence); !added) return added;
  advance(on, ack_level::applied, to.applied);
  if (their_hello_->level < ack_level::stored) return {};
  if (auto added = to.stored.settled.add(settled, to.next_sequence); !added) return added;
  advance(on, ack_level::stored, to.stored);
  return {};
}

// -- queries of the other side
// ----------------------------------------------------------------------------------------------

void peer_session::serve(const query_frame& query) {
  if (outgoing(lane::low).in_flight_bytes > 2 * limits::lane_in_flight_bytes)
    return abandon({errc::flood, "the peer does not read what it is answered on the low lane"});
  auto refuse = [&](error reason) { say(reply_frame{query.number, true, std::move(reason), {}}, lane::low); };
  if (served_.size() >= limits::queries_at_once)
    return refuse({errc::overloaded, fmt::format("more than {} queries at once", limits::queries_at_once)});
  std::uint64_t tag = next_tag_++;
  if (query.what == query_frame::kind::get) {
    served_.emplace(tag, served_query{query.number, {}, {}, query.argument});
    return serve_more();
  }
  auto wanted = filter::parse(query.argument);
  if (!wanted) return refuse(std::move(wanted.error()));
  served_.emplace(tag, served_query{query.number, std::move(*wanted), {}, std::nullopt});
  serve_more();
}

// One question at a time is under way, in turn, so that at most one answer goes beyond the lane's room.
void peer_session::serve_more() {
  if (over_ || answering_ || !has_room(lane::low)) return;
  auto next = served_.upper_bound(last_served_);
  if (next == served_.end()) next = served_.begin();
  if (next == served_.end()) return;
  last_served_ = next->first;
  answering_ = true;
  if (next->second.id)
    host_.find(next->first, *next->second.id);
  else
    host_.pull(next->first, next->second.after, lane_set::all_patterns(), false);
}

void peer_session::reply_with(const served_query& query, const std::vector<std::shared_ptr<const change_set>>& sets,
                              bool last) {
  std::vector<bytes_view> records;
  std::size_t bytes = 0;
  byte_buffer frames;
  block_encoder encoder(config_.compress);
  auto flush = [&](bool final) {
    byte_buffer block;
    if (!records.empty()) encoder.append(block, records, true);
    if (!block.empty() || final) append_frame(frames, reply_frame{query.number, final, std::nullopt, block});
    records.clear();
    bytes = 0;
  };
  for (const auto& set : sets)
    for (const change& c : set->changes) {
      if (!query.wanted.matches(set->records->record(c.index))) continue;
      bytes_view record = set->records->bytes(c.index);
      if (!records.empty() && bytes + record.size() > limits::block_bytes) flush(false);
      records.push_back(record);
      bytes += record.size();
    }
  flush(last);
  send_on(lane::low, std::move(frames));
}

void peer_session::take_found(const messages::found& found) {
  auto query = served_.find(found.tag);
  if (over_ || query == served_.end()) return;
  std::uint64_t number = query->second.number;
  served_.erase(query);
  answering_ = false;
  byte_buffer block;
  std::optional<error> failure;
  if (found.records) {
    std::array<bytes_view, 1> record{found.records->bytes(found.index)};
    block_encoder(config_.compress).append(block, record, true);
  } else {
    failure = error{errc::not_found, "no such pattern"};
  }
  say(reply_frame{number, true, std::move(failure), block}, lane::low);
  serve_more();
}

}  // namespace quicsync
