#include <algorithm>

#include <fmt/format.h>

#include <quicsync/actors/peer/ledger.hpp>
#include <quicsync/codec/limits.hpp>

namespace quicsync {
namespace {

error nobody_to_share_with() { return {errc::no_peers, "nobody is connected to share with"}; }

}  // namespace

// -- by position

void ledger::add_runs(share_id id, const share_entry& share) {
  const auto& places = share.places;
  for (std::uint32_t first = 0, end = 0; first < places.size(); first = end) {
    end = first + 1;
    if (places[first].second == 0) continue;  // refused here
    while (end < places.size() && places[end].second == places[end - 1].second + 1) ++end;
    runs_.emplace(places[first].second, run{id, first, end - first});
    longest_run_ = std::max(longest_run_, end - first);
  }
}

void ledger::remove_runs(share_id id, const share_entry& share) {
  for (std::uint32_t index = 0; index < share.places.size();) {
    auto [it, end] = runs_.equal_range(share.places[index].second);
    while (it != end && (it->second.share != id || it->second.first_index != index)) ++it;
    if (it == end) {
      ++index;  // refused here
      continue;
    }
    index += it->second.count;
    runs_.erase(it);
  }
}

// Runs of what was new do not overlap, so few begin within the longest one's length before a position.
std::vector<ledger::place_of_share> ledger::shares_at(log_position_number position) const {
  std::vector<place_of_share> found;
  const auto first = position < longest_run_ ? 0 : position - longest_run_ + 1;
  for (auto it = runs_.lower_bound(first); it != runs_.end() && it->first <= position; ++it)
    if (position - it->first < it->second.count)
      found.push_back({it->second.share, it->second.first_index + static_cast<std::uint32_t>(position - it->first)});
  return found;
}

/// Its run is cut at the place, which becomes one of its own.
void ledger::move_place(const place_of_share& at, const messages::moved::place& move) {
  const auto first = move.from < longest_run_ ? 0 : move.from - longest_run_ + 1;
  auto it = runs_.lower_bound(first);
  while (it->second.share != at.share || it->second.first_index > at.index ||
         at.index - it->second.first_index >= it->second.count)
    ++it;
  const auto [begin, whole] = *it;
  runs_.erase(it);
  const std::uint32_t before = at.index - whole.first_index;
  const std::uint32_t after = whole.count - before - 1;
  if (before != 0) runs_.emplace(begin, run{at.share, whole.first_index, before});
  if (after != 0) runs_.emplace(move.from + 1, run{at.share, at.index + 1, after});
  runs_.emplace(move.to, run{at.share, at.index, 1});
}

void ledger::await(share_id id, const share_entry& share) {
  for (const auto& wait : share.peers) {
    auto it = peers_.find(wait.peer);
    if (wait.settled || it == peers_.end()) continue;
    const auto level = static_cast<std::size_t>(wait.level);
    for (std::size_t l = 0; l < lane_count; ++l)
      if (it->second.reached[level][l] < share.last[l]) it->second.awaited[level][l].emplace(share.last[l], id);
  }
}

void ledger::stop_awaiting(share_id id, const share_entry& share) {
  for (const auto& wait : share.peers)
    if (auto it = peers_.find(wait.peer); it != peers_.end())
      for (std::size_t l = 0; l < lane_count; ++l)
        it->second.awaited[static_cast<std::size_t>(wait.level)][l].erase({share.last[l], id});
}

// -- shares

bool ledger::has_all(const peer_entry& peer, ack_level level, const share_entry& share) const noexcept {
  const auto& reached = peer.reached[static_cast<std::size_t>(level)];
  for (std::size_t l = 0; l < lane_count; ++l)
    if (reached[l] < share.last[l]) return false;
  return true;
}

void ledger::find_last(share_entry& share) noexcept {
  share.last.fill(0);
  // From the end: nearly always they ascend, and nothing has to be written again.
  for (auto place = share.places.rbegin(); place != share.places.rend(); ++place)
    if (auto& last = share.last[index_of(place->first)]; last < place->second) last = place->second;
}

void ledger::moved(const std::vector<messages::moved::place>& places) {
  std::set<share_id> hit;
  for (const auto& move : places)
    for (const auto& at : shares_at(move.from)) {
      auto& share = shares_.at(at.share);
      if (hit.insert(at.share).second) stop_awaiting(at.share, share);
      move_place(at, move);
      auto& [on, position] = share.places[at.index];
      if (!move.same_version)
        for (auto& wait : share.peers)
          if (!wait.settled && reached_by(wait, on) < position) mark(share, wait, at.index, pattern_fate::superseded);
      on = move.on;
      position = move.to;
    }
  for (const auto id : hit) {
    find_last(shares_.at(id));
    await(id, shares_.at(id));
  }
}

log_position_number ledger::reached_by(const waiting_for& wait, lane on) const noexcept {
  auto it = peers_.find(wait.peer);
  return it == peers_.end() ? 0 : it->second.reached[static_cast<std::size_t>(wait.level)][index_of(on)];
}

void ledger::mark(const share_entry& share, waiting_for& wait, std::size_t index, pattern_fate fate) {
  wait.outcome.fates.resize(share.places.size());
  wait.outcome.fates[index] = fate;
}

void ledger::note_refusal(const share_entry& share, waiting_for& wait, std::uint32_t index, const error& reason) {
  if (reason.code == errc::not_wanted) return mark(share, wait, index, pattern_fate::filtered);
  wait.outcome.refused.emplace_back(index, reason);
  mark(share, wait, index, pattern_fate::refused);
}

void ledger::settle(const share_entry& share, waiting_for& wait, error failure, time_point now) {
  wait.settled = true;
  if (failure.code != errc::none)
    for (std::size_t i = 0; i < share.places.size(); ++i) {
      const auto& [on, position] = share.places[i];
      const auto fate = wait.outcome.fate(i);
      if ((fate == pattern_fate::acknowledged || fate == pattern_fate::superseded) && reached_by(wait, on) < position)
        mark(share, wait, i, pattern_fate::pending);
    }
  wait.outcome.failure = std::move(failure);
  wait.outcome.level = wait.level;
  // A loop's turn has one time: what was handed over within it can seem to lie ahead.
  wait.outcome.latency =
      std::chrono::duration_cast<std::chrono::microseconds>(std::max(now, share.started) - share.started);
}

void ledger::settle_all(const error& reason, time_point now, std::optional<peer_number> peer) {
  for (auto it = shares_.begin(); it != shares_.end();) {
    const auto id = it->first;
    auto& share = (it++)->second;
    for (auto& wait : share.peers)
      if (!wait.settled && (!peer || wait.peer == *peer)) settle(share, wait, reason, now);
    finish_if_settled(id);
  }
}

bool ledger::finish_if_settled(share_id id) {
  auto it = shares_.find(id);
  if (it == shares_.end()) return true;
  auto& share = it->second;
  if (!std::all_of(share.peers.begin(), share.peers.end(), [](const waiting_for& w) { return w.settled; }))
    return false;
  stop_awaiting(id, share);
  remove_runs(id, share);
  deadlines_.erase({share.deadline, id});
  sync_report outcome;
  outcome.local = std::move(share.local);
  if (share.alone) outcome.failure = nobody_to_share_with();
  for (auto& w : share.peers)
    if (w.peer != this_store)
      outcome.peers.push_back(std::move(w.outcome));
    else if (w.outcome.failure.code == errc::none)
      outcome.own_level = w.level;
  due_.push_back({std::move(share.requester), {share.number, std::move(outcome)}, share.takes_bundles});
  shares_.erase(it);
  if (shares_.empty()) longest_run_ = 1;
  return true;
}

void ledger::report_without_waiting(messages::track& share, error failure) {
  sync_report outcome;
  outcome.local = std::move(share.local);
  outcome.failure = std::move(failure);
  due_.push_back({std::move(share.requester), {share.number, std::move(outcome)}, share.takes_bundles});
}

ledger::peer_entry ledger::own_store() { return {0, {}, false, ack_level::stored, {}, {}}; }

void ledger::peer_up(peer_number peer, connection_id connection, std::string name, bool counts, ack_level level) {
  auto it = peers_.find(peer);
  if (it != peers_.end() && it->second.connection == connection) return;  // it only wants something else
  const bool replaces = it != peers_.end();
  // Under another number it has begun anew, and is sent everything again.
  std::erase_if(refusals_, [&](const auto& kept) { return kept.second.name == name && kept.first != peer; });
  peers_.insert_or_assign(peer, peer_entry{connection, std::move(name), counts, level, {}, {}});
  if (!replaces) return;
  for (const auto& [id, share] : shares_) await(id, share);
}

void ledger::peer_down(peer_number peer, connection_id connection, const error& reason, time_point now) {
  auto it = peers_.find(peer);
  if (it == peers_.end() || it->second.connection != connection) return;
  settle_all(reason, now, peer);
  if (!it->second.counts) refusals_.erase(peer);  // it never comes again
  peers_.erase(it);
}

void ledger::reached(peer_number peer, lane on, log_position_number position, ack_level level, time_point now) {
  auto it = peer == this_store ? peers_.try_emplace(this_store, own_store()).first : peers_.find(peer);
  if (it == peers_.end()) return;
  for (std::size_t l = 0; l <= static_cast<std::size_t>(level); ++l) {
    auto& at = it->second.reached[l][index_of(on)];
    at = std::max(at, position);
    auto& awaited = it->second.awaited[l][index_of(on)];
    while (!awaited.empty() && awaited.begin()->first <= at) {
      const auto id = awaited.begin()->second;
      awaited.erase(awaited.begin());
      auto& share = shares_.at(id);
      for (auto& wait : share.peers)
        if (wait.peer == peer && !wait.settled && has_all(it->second, wait.level, share)) settle(share, wait, {}, now);
      finish_if_settled(id);
    }
  }
}

void ledger::refused(peer_number peer, lane on, log_position_number position, const error& reason) {
  if (auto known = peers_.find(peer); known != peers_.end()) {
    auto& kept = refusals_[peer];
    kept.name = known->second.name;
    kept.reasons.insert_or_assign(position, reason);
    if (kept.reasons.size() > limits::refusals_remembered) {
      kept.unknown_until = std::max(kept.unknown_until, kept.reasons.begin()->first);
      kept.reasons.erase(kept.reasons.begin());
    }
  }
  for (const auto& at : shares_at(position)) {
    auto& share = shares_.at(at.share);
    if (share.places[at.index].first != on) continue;
    for (auto& wait : share.peers)
      if (wait.peer == peer && !wait.settled) note_refusal(share, wait, at.index, reason);
  }
}

void ledger::passed_over(peer_number peer, lane on, const std::vector<log_position_number>& positions) {
  if (shares_.empty()) return;
  for (const auto position : positions)
    for (const auto& at : shares_at(position)) {
      auto& share = shares_.at(at.share);
      if (share.places[at.index].first != on) continue;
      for (auto& wait : share.peers)
        if (wait.peer == peer && !wait.settled) mark(share, wait, at.index, pattern_fate::filtered);
    }
}

void ledger::forgotten(const error& reason, time_point now) { settle_all(reason, now, std::nullopt); }

void ledger::wait_for_peers(share_entry& entry, const delivery_wish& wish, time_point now) {
  auto wait_for = [&](peer_number number, std::string name, ack_level highest) -> waiting_for& {
    entry.peers.push_back({number, std::min(wish.level, highest), {}, false});
    entry.peers.back().outcome.peer = std::move(name);
    return entry.peers.back();
  };
  const auto& named = wish.wait_for.empty() ? wish.only_to : wish.wait_for;
  if (named.empty()) {
    for (const auto& [number, peer] : peers_)
      if (peer.counts) wait_for(number, peer.name, peer.level);
    return;
  }
  const auto access = sharing::only_to(wish.only_to);
  for (const auto& name : named) {
    auto it = std::find_if(peers_.begin(), peers_.end(), [&](const auto& p) { return p.second.name == name; });
    if (!access.allows(name))
      settle(entry, wait_for(this_node, name, wish.level),
             {errc::not_allowed, fmt::format("peer '{}' is not among those it is shared to", name)}, now);
    else if (it != peers_.end())
      wait_for(it->first, name, it->second.level);
    else
      settle(entry, wait_for(this_node, name, wish.level),
             {errc::not_connected, fmt::format("no connection to peer '{}'", name)}, now);
  }
}

// Of what a share brings again, a peer that has passed its place is not asked once more.
void ledger::recall_refusals(share_entry& entry) {
  for (auto& wait : entry.peers) {
    const auto kept = refusals_.find(wait.peer);
    if (wait.settled || kept == refusals_.end()) continue;
    for (std::size_t i = 0; i < entry.places.size(); ++i) {
      const auto& [on, position] = entry.places[i];
      if (position == 0 || reached_by(wait, on) < position) continue;
      if (auto why = kept->second.reasons.find(position); why != kept->second.reasons.end())
        note_refusal(entry, wait, static_cast<std::uint32_t>(i), why->second);
      else if (position <= kept->second.unknown_until)
        mark(entry, wait, i, pattern_fate::pending);
    }
  }
}

void ledger::track(messages::track share, time_point now) {
  if (share.places.empty()) return report_without_waiting(share, {errc::no_patterns, "there are no patterns to share"});

  share_entry entry;
  entry.requester = share.requester;
  entry.number = share.number;
  entry.started = share.handed_over.value_or(now);
  entry.deadline = now + share.wish.deadline;
  entry.places = std::move(share.places);
  find_last(entry);
  wait_for_peers(entry, share.wish, now);
  entry.alone = entry.peers.empty();
  if (share.own_store && share.wish.level == ack_level::stored) {
    peers_.try_emplace(this_store, own_store());
    entry.peers.push_back({this_store, ack_level::stored, {}, false});
  }
  if (entry.peers.empty()) return report_without_waiting(share, nobody_to_share_with());

  entry.local = std::move(share.local);
  entry.takes_bundles = share.takes_bundles;
  recall_refusals(entry);
  for (auto& wait : entry.peers)
    if (auto it = peers_.find(wait.peer); !wait.settled && it != peers_.end() && has_all(it->second, wait.level, entry))
      settle(entry, wait, {}, now);
  const auto id = ++last_share_;
  const auto& tracked = shares_.emplace(id, std::move(entry)).first->second;
  deadlines_.emplace(tracked.deadline, id);
  add_runs(id, tracked);
  await(id, tracked);
  finish_if_settled(id);
}

void ledger::handle_deadline(time_point now) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    const auto id = deadlines_.begin()->second;
    auto& share = shares_.at(id);
    for (auto& wait : share.peers)
      if (!wait.settled)
        settle(share, wait, {errc::timed_out, fmt::format("peer '{}' has not acknowledged in time", wait.outcome.peer)},
               now);
    finish_if_settled(id);
  }
}

std::optional<time_point> ledger::deadline() const {
  if (deadlines_.empty()) return std::nullopt;
  return deadlines_.begin()->first;
}

std::vector<ledger::due> ledger::take_due() { return std::exchange(due_, {}); }

}  // namespace quicsync
