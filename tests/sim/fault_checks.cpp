// What must hold in a fault run: at every change, at every report, and at the end.
#include <algorithm>

#include <fmt/format.h>
#include <tests/sim/fault_run.hpp>

#include <quicsync/actors/peer/peer_rules.hpp>
#include <quicsync/codec/filter.hpp>

namespace quicsync::sim {

namespace {

/// After that nothing may be sent any more but what keeps connections alive.
constexpr auto quiet_for = std::chrono::seconds(5);
constexpr std::size_t violations_kept = 20;

filter wanted_by(const observed_node& node) { return filter::parse(node.config().filter).value_or(filter{}); }

}  // namespace

void fault_run::violated(const std::string& what) {
  const auto since = std::chrono::duration<double>(world_.now() - began_).count();
  if (outcome_.violations.size() < violations_kept)
    outcome_.violations.push_back(fmt::format("{:.3f} s: {}", since, what));
  world_.note("VIOLATED: " + what);
}

void fault_run::check_change(observed_node& at, const change_set& set, const change& c) {
  const auto& records = *set.records;
  const std::string id(records.id(c.index));
  const auto order = kept_order::of(records, c.index);
  if (trace_is_wanted())
    world_.remark(fmt::format("{} has {} from {}, at {}", at.name(), say(id, order), set.source, c.position));
  const auto* written = written_.find(order.hash);
  if (written == nullptr || !std::equal(written->bytes.begin(), written->bytes.end(), records.bytes(c.index).begin(),
                                        records.bytes(c.index).end()))
    return violated(fmt::format("{} holds {}, which nobody wrote", at.name(), say(id, order)));
  if (written->corrupt) violated(fmt::format("{} took {}, whose checksum is wrong", at.name(), say(id, order)));
  if (!written->may_be_at(at.name()))
    violated(fmt::format("{} holds {}, which is not for it", at.name(), say(id, order)));

  const auto record = records.record(c.index);
  auto& newest = at.newest();
  const auto known = newest.find(id);
  // What is gone for good by a node's clock may come back to it; and so may what it let go of for its room.
  const bool may_forget = at.forgets() || plan_.steps_clocks();
  if (known != newest.end() && order < known->second && !may_forget)
    violated(fmt::format("{} went back from {} to {}", at.name(), say(id, known->second), say(id, order)));
  // What it has from its store it was sent long ago; a deletion comes to whoever could hold what it deletes. What it
  // held before may have been replaced too fast for a reader of its log.
  const bool may_be_from_store = at.disk() != 0 && at.incarnation() > 1;
  if (!may_be_from_store && set.source != this_node && known == newest.end() && !order.deleted &&
      !wanted_by(at).matches(record) && !written_.ever_expires(id))
    at.ask_why(id, [this, &at, what = say(id, order)](const pattern_table::reason& why) {
      if (!why.over_version) violated(fmt::format("{} was sent {}, which it does not want", at.name(), what));
    });
  if (set.source != this_node) {
    bool may_read = order.deleted, may_write = false;
    for (const auto* other : neighbours_of(at)) {
      may_read |= peer_rules(other->config().rules, at.name()).may_read(record);
      may_write |= !peer_rules(at.config().rules, other->name()).check_write(record);
    }
    if (!may_read) violated(fmt::format("{} was sent {}, which it may not read", at.name(), say(id, order)));
    if (!may_write) violated(fmt::format("{} took {}, which nobody may hand it", at.name(), say(id, order)));
  }
  auto& last = at.last_access()[id];
  if (known != newest.end() && order == known->second && last == set.access && !may_forget)
    violated(fmt::format("{} took {} twice", at.name(), say(id, order)));
  last = set.access;
  auto& greatest = newest[id];
  greatest = std::max(greatest, order);
}

void fault_run::check_report(observed_node& at, std::uint64_t number, const sync_report& report) {
  const auto found = waiting_.find(number);
  if (found == waiting_.end()) return violated(fmt::format("{} got a second report of share {}", at.name(), number));
  const auto share = std::move(found->second);
  waiting_.erase(found);
  for (const auto& peer : report.peers) {
    auto* there = find(peer.peer);
    if (there == nullptr) {
      violated(fmt::format("share {} is reported for '{}', which is nobody", number, peer.peer));
      continue;
    }
    if (!there->is_up() || there->incarnation() != share.incarnations.at(peer.peer)) continue;
    for (std::size_t i = 0; i < share.records->size(); ++i) {
      // What is not taken here goes nowhere: something newer is held, and who may not have that keeps what they have.
      if (report.local.size() <= i || report.local[i].what == share_outcome::verdict::refused ||
          report.local[i].what == share_outcome::verdict::superseded)
        continue;
      const auto fate = peer.fate(i);
      if (fate != pattern_fate::acknowledged) continue;
      // Shared again, what the peer does not want or may not read is not told from what it has.
      const auto record = share.records->record(i);
      const bool for_it =
          wanted_by(*there).matches(record) && peer_rules(at.config().rules, peer.peer).may_read(record);
      if (report.local[i].what == share_outcome::verdict::duplicate && !for_it) continue;
      const auto id = std::string(share.records->id(i));
      const auto order = kept_order::of(*share.records, i);
      // It may have come when its time was over, and left nothing that a reader sees.
      if (share.records->item(i).expires || written_.gone_beyond(id, order, false)) continue;
      ++outcome_.acknowledged;
      const auto known = there->newest().find(id);
      if (known == there->newest().end() || known->second < order) {
        violated(fmt::format("share {} of {} is reported as acknowledged by {} for {}, which has {}", number, at.name(),
                             peer.peer, say(id, order),
                             known == there->newest().end() ? "nothing of it" : say(id, known->second)));
        continue;
      }
      auto promise = [&](promises& of, std::uint64_t which) {
        auto& promised = of[{peer.peer, which}][id];
        promised = std::max(promised, order);
      };
      promise(acknowledged_, there->incarnation());
      if (peer.level == ack_level::stored && there->disk() == share.disks.at(peer.peer))
        promise(stored_, there->disk());
    }
  }
}

std::vector<const observed_node*> fault_run::neighbours_of(const observed_node& node) const {
  std::vector<const observed_node*> found;
  for (const auto& l : plan_.links) {
    if (nodes_[l.from].get() == &node) found.push_back(nodes_[l.to].get());
    if (nodes_[l.to].get() == &node) found.push_back(nodes_[l.from].get());
  }
  return found;
}

// -- at the end -----------------------------------------------------------------------------------------------------

bool fault_run::may_reach(const observed_node& from, const observed_node& to,
                          const observed_node::held_record& held) const {
  if (!held.access.allows(to.name())) return false;
  if (held.access.no_relay && held.source != this_node) return false;
  const auto record = held.records->record(held.index);
  if (peer_rules(to.config().rules, from.name()).check_write(record)) return false;
  return peer_rules(from.config().rules, to.name()).may_read(record);
}

std::string fault_run::difference(const observed_node& from, const held_state& there, const observed_node& to,
                                  const held_state& here) const {
  const auto wanted = wanted_by(to);
  for (const auto& [id, held] : there) {
    if (!may_reach(from, to, held)) continue;
    // By a clock that is wrong it is over already, and its place stays taken.
    const bool expires = held.records->item(held.index).expires;
    if (expires && plan_.steps_clocks()) continue;
    // Something newer may have expired there and left nothing to see.
    if (written_.gone_beyond(id, held.order, plan_.steps_clocks())) continue;
    // By its clock it has forgotten the deletion, and then it was given what somebody else had kept.
    if (held.order.deleted && plan_.steps_beyond_horizon(to.name())) continue;
    const auto same = here.find(id);
    const bool is_there = same != here.end();
    if (is_there && same->second.order >= held.order) continue;
    const auto record = held.records->record(held.index);
    // Who has no older version need not hear of a deletion, or of a version that it does not want; but nobody goes on
    // with a version that it wants, and that its neighbour would be told of, where that has a newer one.
    const bool must_be_there = !held.order.deleted && wanted.matches(record);
    const auto goes_on_with_it = [&] {
      const auto older = same->second.records->record(same->second.index);
      const bool may_miss_one = from.config().cache_entries || to.config().cache_entries || to.config().rules.write;
      return !may_miss_one && wanted.matches(older) && wanted_by(from).matches(older) &&
             may_reach(to, from, same->second);
    };
    const bool is_stale = is_there && !same->second.order.deleted && (wanted.matches(record) || goes_on_with_it());
    if (!must_be_there && !is_stale) continue;
    return fmt::format("{} has {}, and {} has {}", from.name(), say(id, held.order), to.name(),
                       is_there ? say(id, same->second.order) : "nothing of it");
  }
  return {};
}

std::string fault_run::difference() {
  std::vector<held_state> states;
  for (auto& each : nodes_) states.push_back(each->held());
  for (const auto& l : plan_.links) {
    const auto &one = *nodes_[l.from], &other = *nodes_[l.to];
    if (one.forgets() || other.forgets()) continue;
    auto missing = difference(one, states[l.from], other, states[l.to]);
    if (missing.empty()) missing = difference(other, states[l.to], one, states[l.from]);
    if (!missing.empty()) return missing;
  }
  return {};
}

void fault_run::check_promises(observed_node& node, const std::map<std::string, kept_order>& promised) {
  const auto held = node.held();
  for (const auto& [id, order] : promised) {
    const auto here = held.find(id);
    if (here != held.end() && here->second.order >= order) continue;
    if (order.deleted || written_.gone_beyond(id, order, true)) continue;
    violated(fmt::format("{} has acknowledged {} and has lost it", node.name(), say(id, order)));
  }
}

void fault_run::check_at_the_end() {
  // No share waits longer than its deadline, which the last ones have before them.
  world_.advance(std::max<std::chrono::nanoseconds>(std::chrono::seconds(31) - outcome_.equal_after, quiet_for));
  for (const auto& [number, share] : waiting_)
    violated(fmt::format("share {} of {} was never reported", number, nodes_[share.by]->name()));

  for (auto& each : nodes_) {
    const auto state = each->state();
    for (const auto* other : neighbours_of(*each)) {
      const auto ways = std::count_if(state.peers.begin(), state.peers.end(), [&](const connection_state& c) {
        return c.connected && c.peer_id == other->name();
      });
      if (ways != 1) violated(fmt::format("{} has {} connections to {}", each->name(), ways, other->name()));
    }
    if (each->forgets()) continue;
    check_promises(*each, acknowledged_[{each->name(), each->incarnation()}]);
    if (each->disk() != 0) check_promises(*each, stored_[{each->name(), each->disk()}]);
  }

  // Equal nodes have nothing to tell each other; what is sent all the same is counted.
  auto sent = [&] {
    std::uint64_t sum = 0;
    for (auto& each : nodes_)
      for (const auto& peer : each->state().peers) sum += peer.patterns_sent;
    return sum;
  };
  const auto before = sent();
  world_.advance(quiet_for);
  outcome_.sent_when_equal = sent() - before;
}

}  // namespace quicsync::sim
