#include <algorithm>

#include <fmt/format.h>

#include <quicsync/actors/peer/ledger.hpp>

namespace quicsync {

bool ledger::has_all(const peer_entry& peer, ack_level level, const share_entry& share) const noexcept {
  const auto& reached = peer.reached[static_cast<std::size_t>(level)];
  for (std::size_t l = 0; l < lane_count; ++l)
    if (reached[l] < share.last[l]) return false;
  return true;
}

void ledger::find_bounds(share_entry& share) noexcept {
  share.last.fill(0);
  share.lowest = share.highest = share.places.front().second;
  for (const auto& [on, position] : share.places) {
    share.last[index_of(on)] = std::max(share.last[index_of(on)], position);
    share.lowest = std::min(share.lowest, position);
    share.highest = std::max(share.highest, position);
  }
}

void ledger::moved(const std::vector<messages::moved::place>& places) {
  for (auto& share : shares_) {
    bool hit = false;
    for (const auto& move : places) {
      if (move.from < share.lowest || move.from > share.highest) continue;
      for (std::size_t i = 0; i < share.places.size(); ++i)
        if (auto& [on, position] = share.places[i]; position == move.from) {
          if (!move.same_version)
            for (auto& wait : share.peers)
              if (!wait.settled && reached_by(wait, on) < position) mark(share, wait, i, pattern_fate::superseded);
          on = move.on;
          position = move.to;
          hit = true;
          share.highest = std::max(share.highest, move.to);  // it may move again in the same list
        }
    }
    if (hit) find_bounds(share);
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

void ledger::finish_settled() {
  std::erase_if(shares_, [this](share_entry& share) {
    if (!std::all_of(share.peers.begin(), share.peers.end(), [](const waiting_for& w) { return w.settled; }))
      return false;
    sync_report outcome;
    outcome.local = std::move(share.local);
    for (auto& w : share.peers) outcome.peers.push_back(std::move(w.outcome));
    due_.push_back({std::move(share.requester), {share.number, std::move(outcome)}});
    return true;
  });
}

void ledger::report_without_waiting(messages::track& share, error failure) {
  sync_report outcome;
  outcome.local = std::move(share.local);
  outcome.failure = std::move(failure);
  due_.push_back({std::move(share.requester), {share.number, std::move(outcome)}});
}

void ledger::peer_up(peer_number peer, connection_id connection, std::string name, bool counts, ack_level level) {
  auto it = peers_.find(peer);
  if (it != peers_.end() && it->second.connection == connection) return;  // it only wants something else
  peers_.insert_or_assign(peer, peer_entry{connection, std::move(name), counts, level, {}});
}

void ledger::peer_down(peer_number peer, connection_id connection, const error& reason, time_point now) {
  auto it = peers_.find(peer);
  if (it == peers_.end() || it->second.connection != connection) return;
  for (auto& share : shares_)
    for (auto& wait : share.peers)
      if (wait.peer == peer && !wait.settled) settle(share, wait, reason, now);
  peers_.erase(peer);
  finish_settled();
}

void ledger::reached(peer_number peer, lane on, log_position_number position, ack_level level, time_point now) {
  auto it = peers_.find(peer);
  if (it == peers_.end()) return;
  for (std::size_t l = 0; l <= static_cast<std::size_t>(level); ++l) {
    auto& at = it->second.reached[l][index_of(on)];
    at = std::max(at, position);
  }
  bool any = false;
  for (auto& share : shares_)
    for (auto& wait : share.peers)
      if (wait.peer == peer && !wait.settled && has_all(it->second, wait.level, share)) {
        settle(share, wait, {}, now);
        any = true;
      }
  if (any) finish_settled();
}

void ledger::refused(peer_number peer, lane on, log_position_number position, const error& reason) {
  for (auto& share : shares_) {
    auto place = std::find(share.places.begin(), share.places.end(), std::pair{on, position});
    if (place == share.places.end()) continue;
    auto index = static_cast<std::uint32_t>(place - share.places.begin());
    for (auto& wait : share.peers)
      if (wait.peer == peer && !wait.settled) {
        wait.outcome.refused.emplace_back(index, reason);
        mark(share, wait, index, pattern_fate::refused);
      }
  }
}

void ledger::passed_over(peer_number peer, lane on, const std::vector<log_position_number>& positions) {
  if (positions.empty()) return;
  for (auto& share : shares_) {
    if (positions.front() > share.highest || positions.back() < share.lowest) continue;
    for (auto& wait : share.peers) {
      if (wait.peer != peer || wait.settled) continue;
      for (std::size_t i = 0; i < share.places.size(); ++i)
        if (share.places[i].first == on &&
            std::binary_search(positions.begin(), positions.end(), share.places[i].second))
          mark(share, wait, i, pattern_fate::filtered);
    }
  }
}

void ledger::forgotten(const error& reason, time_point now) {
  for (auto& share : shares_)
    for (auto& wait : share.peers)
      if (!wait.settled) settle(share, wait, reason, now);
  finish_settled();
}

void ledger::track(messages::track share, time_point now) {
  if (share.places.empty()) return report_without_waiting(share, {errc::no_patterns, "there are no patterns to share"});

  share_entry entry;
  entry.requester = share.requester;
  entry.number = share.number;
  entry.started = share.handed_over.value_or(now);
  entry.deadline = now + share.wish.deadline;
  entry.places = std::move(share.places);
  find_bounds(entry);

  auto wait_for = [&](peer_number number, std::string name, ack_level highest) -> waiting_for& {
    entry.peers.push_back({number, std::min(share.wish.level, highest), {}, false});
    entry.peers.back().outcome.peer = std::move(name);
    return entry.peers.back();
  };
  const auto& named = share.wish.peers.empty() ? share.wish.only_to : share.wish.peers;
  if (named.empty()) {
    for (const auto& [number, peer] : peers_)
      if (peer.counts) wait_for(number, peer.name, peer.level);
  } else {
    const auto access = sharing::only_to(share.wish.only_to);
    for (const auto& name : named) {
      auto it = std::find_if(peers_.begin(), peers_.end(), [&](const auto& p) { return p.second.name == name; });
      if (!access.allows(name))
        settle(entry, wait_for(this_node, name, share.wish.level),
               {errc::not_allowed, fmt::format("peer '{}' is not among those it is shared to", name)}, now);
      else if (it != peers_.end())
        wait_for(it->first, name, it->second.level);
      else
        settle(entry, wait_for(this_node, name, share.wish.level),
               {errc::not_connected, fmt::format("no connection to peer '{}'", name)}, now);
    }
  }
  if (entry.peers.empty()) return report_without_waiting(share, {errc::no_peers, "nobody is connected to share with"});

  entry.local = std::move(share.local);
  for (auto& wait : entry.peers)
    if (auto it = peers_.find(wait.peer); !wait.settled && it != peers_.end() && has_all(it->second, wait.level, entry))
      settle(entry, wait, {}, now);
  shares_.push_back(std::move(entry));
  finish_settled();
}

void ledger::handle_deadline(time_point now) {
  for (auto& share : shares_) {
    if (share.deadline > now) continue;
    for (auto& wait : share.peers)
      if (!wait.settled)
        settle(share, wait, {errc::timed_out, fmt::format("peer '{}' has not acknowledged in time", wait.outcome.peer)},
               now);
  }
  finish_settled();
}

std::optional<time_point> ledger::deadline() const {
  std::optional<time_point> first;
  for (const auto& share : shares_)
    if (!first || share.deadline < *first) first = share.deadline;
  return first;
}

std::vector<ledger::due> ledger::take_due() { return std::exchange(due_, {}); }

}  // namespace quicsync
