#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include <quicsync/actors/peer/peer_session.hpp>
#include <quicsync/codec/delta_limits.hpp>
#include <quicsync/codec/limits.hpp>
#include <quicsync/codec/planted.hpp>

namespace quicsync {

void peer_session::send_on(lane on, byte_buffer&& bytes) {
  if (bytes.empty()) return;
  outgoing(on).in_flight_bytes += bytes.size();
  statistics_.lane_bytes_sent += bytes.size();
  if (bytes.capacity() > 2 * bytes.size()) bytes.shrink_to_fit();  // it may wait for long
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
  if (on == lane::control) send_catch_up_frames();
  send_whole(on);
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
  if (free.empty()) {
    waiting_for_out_rate_ = false;  // it waits for the lanes now
    return;
  }
  const auto now = host_.now();
  if (!out_limit_.unlimited() && out_limit_.ready_at(now) > now) {
    if (!std::exchange(waiting_for_out_rate_, true)) ++statistics_.rate_delays_out;
    return wake_for_rates();
  }
  waiting_for_out_rate_ = false;
  pull_selected();
  if (pull_under_way_) {
    // It may be waiting at the end of other lanes: one that has room again must not wait with it. The new pull takes
    // the old one's place, and a page that is on its way for the old one is void.
    if (!more_than_pulled) return;
    reading_tag_ = next_tag_++;
  }
  pull_under_way_ = true;
  pulled_lanes_ = free;
  // Whether the log ends here is not known from positions: there are gaps.
  const bool waits = at_log_end_ || free != lane_set::all_patterns();
  host_.pull(reading_tag_, read_to_, free, waits, out_limit_.patterns(now, limits::turn_records),
             out_limit_.bytes(now, limits::turn_bytes));
}

void peer_session::take_page(const messages::page& page) {
  if (over_) return;
  if (page.tag == reading_tag_) {
    pull_under_way_ = false;
    log_cursor before = std::exchange(read_to_, page.next);
    at_log_end_ = page.at_end && pulled_lanes_ == lane_set::all_patterns();
    send_records(page.sets);
    note_activity();
    if (auto done = compare_when_settled(); !done) return abandon(std::move(done.error()));
    for (lane l : all_lanes)
      if (read_to_[l] != before[l]) report_progress(l);
    return pull_more();
  }
  if (page.tag == selection_tag_ && std::exchange(selection_pulled_, false)) {
    send_records(page.sets, drawn_from::selection);
    sending_selection_ = !page.at_end;
    if (page.at_end) reconciliation_->selected_sent();
    carry_out();
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

/// Gathers a lane's records into blocks of bounded size, each for one audience.
struct gathering {
  sharing access;
  std::vector<bytes_view> records;
  std::vector<log_position_number> positions;
  std::vector<block_delta> deltas;
  std::size_t bytes = 0;
  byte_buffer frames;
};

constexpr std::size_t frame_head_bytes = 8, frames_begun_max = 32u << 10;

/// Of a set's changes in turn, what the other side's version has in common with each.
class delta_list {
 public:
  explicit delta_list(const change_set& set) : next_(set.deltas.begin()), end_(set.deltas.end()) {}
  const change_delta* of(const change& c) {
    if (next_ == end_ || next_->position != c.position) return nullptr;
    return &*next_++;
  }

 private:
  std::vector<change_delta>::const_iterator next_, end_;
};

}  // namespace

// -- what is for this peer

bool peer_session::is_left_to(peer_number source) const {
  if (their_hello_->role != node_role::node) return false;
  return serving_it_.count(source) != 0;
}

bool peer_session::may_be_sent(const change_set& set) const {
  if (set.source == number_) return false;  // it came from there
  const bool own = set.source == this_node;
  if (config_.hello.role == node_role::client && !own) return false;  // a client relays nothing
  // A client that asks reads here: what it is given goes no further.
  if (set.access.no_relay && !own && their_hello_->role == node_role::node) return false;
  if (!set.access.allows(their_hello_->name) && !planted(bug::audience_leak)) return false;
  return true;
}

/// Whoever brought it sends it there, too. Should that end before it has, it is sent from here after all.
bool peer_session::leaves_to_another(const change_set& set) {
  if (!is_left_to(set.source)) return false;
  auto [left, first] =
      left_to_.try_emplace(set.source, log_cursor::at(std::numeric_limits<log_position_number>::max()));
  for (const change& c : set.changes) left->second[c.on] = std::min(left->second[c.on], c.position - 1);
  return true;
}

/// What is left to nobody: no round would find that the other one has replaced it by what is not for them.
bool peer_session::is_rest(const change_set& set, const change& c) const {
  if (c.position > rest_until_[c.on]) return false;
  return copies_ > 1 || set.records->item(c.index).deleted || !view_->wanted.matches(set.records->record(c.index));
}

// Rules are for each version by itself: a version that they may not read is never sent, only that it was deleted. A
// version that they do not want any more is sent once, so that they do not go on with the one that they did want.
bool peer_session::wants(const slab& records, std::uint16_t index) {
  if (their_filter_->match_all() && rules_.reads_all()) return true;
  const auto record = records.record(index);
  const auto key = records.item(index).key;
  const bool readable = rules_.may_read(record) || planted(bug::read_rules_forgotten);
  if (readable && their_filter_->matches(record)) {
    given_.insert(key);
    return true;
  }
  if ((readable || record.deleted()) && given_.erase(key) != 0) return !planted(bug::filter_forgets_last_version);
  ++statistics_.patterns_filtered;
  return false;
}

void peer_session::set_our_neighbours(const std::vector<std::string>& names) {
  if (over_ || !welcomed_ || names == told_neighbours_) return;
  // A client relays nothing, and is told nothing.
  if (config_.hello.role != node_role::node || their_hello_->role != node_role::node) return;
  told_neighbours_ = names;
  say(neighbours_frame{names});
}

void peer_session::set_neighbours_of(peer_number other, const std::vector<std::string>& names) {
  if (over_ || !their_hello_ || other == number_) return;
  if (std::binary_search(names.begin(), names.end(), their_hello_->name)) {
    serving_it_.insert(other);
    return;
  }
  serving_it_.erase(other);
  auto left = left_to_.find(other);
  if (left == left_to_.end()) return;
  auto first = left->second;
  left_to_.erase(left);
  send_again_from(first, other);
}

// The log is read again from there, and of what was read before only what came from `source` is sent.
void peer_session::send_again_from(const log_cursor& first, peer_number source) {
  if (!reading_) return;
  for (lane l : all_lanes) {
    sent_before_[l] = std::max(sent_before_[l], read_to_[l]);
    read_to_[l] = std::min(read_to_[l], first[l]);
  }
  sent_again_.push_back(source);
  reading_tag_ = next_tag_++;
  pull_under_way_ = false;
  pull_more();
}

bool peer_session::was_sent_before(const change_set& set, const change& c) const {
  return !sent_again_.empty() && c.position <= sent_before_[c.on] &&
         std::find(sent_again_.begin(), sent_again_.end(), set.source) == sent_again_.end();
}

bool peer_session::is_for_them(drawn_from origin, const change_set& set, const change& c) {
  if (origin == drawn_from::answer) {
    // They have an older version: they must not go on with it, whether they want this one or not.
    const auto record = set.records->record(c.index);
    if (record.deleted()) return true;
    return rules_.may_read(record) && !their_filter_->matches(record) && !planted(bug::filter_forgets_last_version);
  }
  if (origin == drawn_from::log && was_sent_before(set, c)) return false;
  const bool compared = origin == drawn_from::log && c.position <= outside_until_[c.on];
  if (origin == drawn_from::log && set.records->item(c.index).deleted) {
    if (c.position <= deletions_until_[c.on]) return true;
    if (compared) return false;
  }
  return wants(*set.records, c.index) && !(compared && view_->wanted.matches(set.records->record(c.index)));
}

void peer_session::send_records(const std::vector<std::shared_ptr<const change_set>>& sets, drawn_from origin) {
  std::array<gathering, lane_count> lanes;
  std::array<std::vector<log_position_number>, lane_count> passed_over;
  byte_buffer block;
  std::size_t changes = 0;
  for (const auto& set : sets) changes += set->changes.size();
  const auto batch = std::min(changes, config_.batch_patterns);
  auto flush = [&](lane on) {
    auto& g = lanes[index_of(on)];
    if (g.records.empty()) return;
    block.clear();
    outgoing(on).encoder.append(block, g.records, g.deltas);
    if (auto& to = outgoing(on); g.deltas.empty() && (to.whole_record_bytes += g.bytes) > limits::delta_ratio_bytes) {
      to.whole_record_bytes /= 2;
      to.whole_wire_bytes = (to.whole_wire_bytes + block.size()) / 2;
    } else if (g.deltas.empty()) {
      to.whole_wire_bytes += block.size();
    }
    statistics_.deltas_sent += g.deltas.size();
    g.deltas.clear();
    // As large as the first one, all of them together take so much.
    if (g.frames.empty())
      g.frames.reserve(
          std::min((block.size() + frame_head_bytes) * (changes / g.records.size() + 1), frames_begun_max));
    record_marks marks;
    // A client passes nothing on and need not know for whom else it is.
    if (g.access.audience && their_hello_->role == node_role::client)
      marks = {{their_hello_->name}, true};
    else if (g.access.audience)
      marks = {*g.access.audience, g.access.no_relay};
    append_frame(g.frames, batch_frame{std::move(marks), block});
    if (g.positions.capacity() > 2 * g.positions.size()) g.positions.shrink_to_fit();
    note_sent(on, {outgoing(on).next_sequence, host_.now(), std::exchange(g.positions, {}), origin == drawn_from::log,
                   g.bytes});
    out_limit_.take(g.records.size(), g.bytes, host_.now());
    statistics_.patterns_sent += g.records.size();
    statistics_.record_bytes_sent += g.bytes;
    statistics_.lanes[index_of(on)].patterns_sent += g.records.size();
    statistics_.lanes[index_of(on)].record_bytes_sent += g.bytes;
    g.records.clear();
    g.bytes = 0;
  };
  for (const auto& set : sets) {
    // What was compared may go back to where it came from once.
    const bool kept_here = set->access.no_relay && set->source != this_node && set->source != number_;
    const bool possible =
        origin == drawn_from::log ? may_be_sent(*set) : set->access.allows(their_hello_->name) && !kept_here;
    if (!possible) {
      // A share of what this replaced may be waiting for it.
      if (set->source == this_node && origin == drawn_from::log)
        for (const change& c : set->changes)
          if (c.position > outside_until_[c.on]) passed_over[index_of(c.on)].push_back(c.position);
      continue;
    }
    const bool left = origin == drawn_from::log && leaves_to_another(*set);
    const bool takes_all =
        origin == drawn_from::log && sent_again_.empty() && their_filter_->match_all() && rules_.reads_all();
    delta_list deltas(*set);
    const bool may_be_deltas = sends_deltas(*set, origin);
    for (const change& c : set->changes) {
      const auto* delta = deltas.of(c);
      if (left && !is_rest(*set, c)) continue;
      if (delta != nullptr && may_be_deltas) {
        // With a filter they hold the version before only if they were sent it.
        const bool all = their_filter_->match_all() && rules_.reads_all();
        const bool held = all || given_.contains(set->records->item(c.index).key);
        if (!held || !is_worth_it(outgoing(c.on), delta->kept)) delta = nullptr;
      } else {
        delta = nullptr;
      }
      const bool taken = takes_all && c.position > outside_until_[c.on];
      if (!taken && !is_for_them(origin, *set, c)) {
        const bool own = set->source == this_node && origin == drawn_from::log;
        if (own && c.position > outside_until_[c.on]) passed_over[index_of(c.on)].push_back(c.position);
        continue;
      }
      auto& g = lanes[index_of(c.on)];
      bytes_view record = set->records->bytes(c.index);
      if (g.bytes + record.size() > limits::batch_bytes || g.records.size() >= config_.batch_patterns ||
          !(g.access == set->access) || (!g.deltas.empty() && g.records.size() == limits::delta_block_records) ||
          (delta != nullptr && g.records.size() >= limits::delta_block_records))
        flush(c.on);
      if (g.records.empty()) {
        g.access = set->access;
        g.records.reserve(batch);
        g.positions.reserve(batch);
      }
      auto& to = outgoing(c.on);
      if (delta != nullptr && to.deltas.size() < limits::deltas_unsettled) {
        const auto place = static_cast<std::uint32_t>(g.records.size());
        g.deltas.push_back({place, delta->kept, delta_check(set->records->item(c.index).hash)});
        to.deltas.push_back({to.next_sequence + place, set->records, c.index});
      }
      __builtin_prefetch(record.data());  // it is packed with its batch, a while later
      __builtin_prefetch(record.data() + record.size() - 1);
      g.records.push_back(record);
      g.positions.push_back(c.position);
      g.bytes += record.size();
    }
  }
  for (lane l : all_lanes) {
    flush(l);
    send_on(l, std::move(lanes[index_of(l)].frames));
    if (auto& positions = passed_over[index_of(l)]; !positions.empty()) host_.passed_over(l, std::move(positions));
  }
  if (!sent_again_.empty() &&
      std::all_of(all_lanes.begin(), all_lanes.end(), [this](lane l) { return read_to_[l] >= sent_before_[l]; }))
    sent_again_.clear();
}

peer_session::under_way peer_session::unacknowledged() const noexcept {
  under_way out;
  for (const auto& to : outgoing_) {
    if (to.applied.blocks.empty()) continue;
    out.since = std::min(out.since, to.applied.blocks.front()->sent_at);
    for (const auto& block : to.applied.blocks) {
      out.records += block->positions.size();
      out.bytes += block->bytes;
    }
  }
  return out;
}

// -- deltas

delta_reader peer_session::deltas_wanted(std::uint64_t tag) const {
  const bool wanted = tag == reading_tag_ && config_.deltas && config_.compress && their_hello_ &&
                      their_hello_->role == node_role::node &&
                      (their_hello_->capabilities & capability::takes_deltas) != 0;
  return {wanted ? number_ : this_node, sent_from_};
}

/// A side that lets go of what it was sent costs more than it saves.
bool peer_session::sends_deltas(const change_set& set, drawn_from origin) const {
  const bool doubted =
      statistics_.deltas_missed > limits::deltas_doubted && statistics_.deltas_missed * 8 > statistics_.deltas_sent;
  return origin == drawn_from::log && !set.deltas.empty() && !doubted;
}

/// What a delta leaves out would have been compressed, too; its check and its two sizes cannot be.
bool peer_session::is_worth_it(const outgoing_lane& to, common_ends kept) const noexcept {
  constexpr std::size_t delta_bytes = 12;
  return to.whole_record_bytes == 0 || kept.bytes() * to.whole_wire_bytes > delta_bytes * to.whole_record_bytes;
}

result<void> peer_session::take_unknown_base(const unknown_base_frame& unknown) {
  if (unknown.lane == index_of(lane::control) || unknown.lane >= lane_count)
    return fail(errc::bad_frame, fmt::format("an unknown base for lane {}", unknown.lane));
  const lane on = static_cast<lane>(unknown.lane);
  auto& to = outgoing(on);
  const auto sent = std::lower_bound(to.deltas.begin(), to.deltas.end(), unknown.sequence,
                                     [](const sent_delta& d, std::uint64_t sequence) { return d.sequence < sequence; });
  const auto is_asked_for = [&] {
    return std::binary_search(to.asked_for.begin(), to.asked_for.end(), unknown.sequence);
  };
  if (sent == to.deltas.end() || sent->sequence != unknown.sequence || !sent->records || is_asked_for())
    return fail(errc::bad_frame, fmt::format("an unknown base of record {}, which is no delta", unknown.sequence));
  ++statistics_.deltas_missed;
  if (!to.asked_for.empty() && to.asked_for.back() > unknown.sequence)
    return fail(errc::bad_frame, "unknown bases out of order");
  to.asked_for.push_back(unknown.sequence);
  send_whole(on);
  return {};
}

/// What the other side could not rebuild, as far as there is room on the lane.
void peer_session::send_whole(lane on) {
  auto& to = outgoing(on);
  byte_buffer frames, block;
  while (!over_ && !to.asked_for.empty() && to.in_flight_bytes + frames.size() < limits::lane_in_flight_bytes) {
    const auto sequence = to.asked_for.front();
    to.asked_for.pop_front();
    const auto sent = std::lower_bound(to.deltas.begin(), to.deltas.end(), sequence,
                                       [](const sent_delta& d, std::uint64_t number) { return d.sequence < number; });
    if (sent == to.deltas.end() || sent->sequence != sequence || !sent->records) continue;  // settled otherwise
    const auto records = std::exchange(sent->records, nullptr);
    const bytes_view record = records->bytes(sent->index);
    block.clear();
    to.encoder.append(block, std::span(&record, 1));
    append_frame(frames, again_frame{sequence, block});
  }
  send_on(on, std::move(frames));
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
  if (!caught_up_) return;
  auto& to = outgoing(on);
  if (to.applied.blocks.empty() || planted(bug::early_acknowledgement))
    host_.reached(on, read_to_[on], ack_level::applied);
  if (to.stored.blocks.empty() && their_hello_->level >= ack_level::stored)
    host_.reached(on, read_to_[on], ack_level::stored);
}

void peer_session::advance(lane on, ack_level level, acknowledged_level& track) {
  log_position_number reached = 0;
  bool popped = false;
  std::uint64_t settled = track.settled.settled_before();
  while (!track.blocks.empty() && track.blocks.front()->end_sequence() <= settled) {
    const auto& block = *track.blocks.front();
    if (block.in_order && block.first_sequence >= outgoing(on).in_order_from) reached = block.positions.back();
    popped = true;
    if (level == ack_level::applied) {
      ++statistics_.batches_acknowledged;
      statistics_.latency = host_.now() - track.blocks.front()->sent_at;
      statistics_.latencies.add(statistics_.latency);
    }
    track.blocks.pop_front();
  }
  if (auto& deltas = outgoing(on).deltas; popped && level == ack_level::applied)
    while (!deltas.empty() && deltas.front().sequence < settled) deltas.pop_front();
  if (track.blocks.empty() && popped) reached = read_to_[on];
  if (reached != 0 && caught_up_) host_.reached(on, reached, level);
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
  return compare_when_settled();
}

result<void> peer_session::take_refusal(const refusal_frame& refusal) {
  ++statistics_.refused_there[refusal.reason.code];
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
  if (their_hello_->level < ack_level::stored) return compare_when_settled();
  if (auto added = to.stored.settled.add(settled, to.next_sequence); !added) return added;
  advance(on, ack_level::stored, to.stored);
  return compare_when_settled();
}

}  // namespace quicsync
