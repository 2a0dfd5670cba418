#include <algorithm>

#include <quicsync/actors/agent/agent.hpp>

namespace quicsync {

namespace {
// The ledger reports when the wish's time is over; only a node that has ended does not.
constexpr std::chrono::seconds report_grace{5};
}  // namespace

share_operation::share_operation(agent& self, std::span<const pattern> what, delivery_wish wish)
    : agent_operation<sync_report>(self, wish.deadline + report_grace), wish_(std::move(wish)) {
  slab_builder builder(self.environment().key_seed);
  std::vector<std::uint32_t> places;
  whole_.local.resize(what.size());
  for (std::uint32_t i = 0; i < what.size(); ++i) {
    if (auto added = builder.add(what[i]); !added) {
      whole_.local.set(i, {share_outcome::verdict::refused, std::move(added.error())});
      continue;
    }
    places.push_back(i);
    if (builder.full()) parts_.push_back({builder.finish(), std::exchange(places, {}), 0});
  }
  if (!builder.empty()) parts_.push_back({builder.finish(), std::move(places), 0});
}

bool share_operation::begin() {
  const auto& cache = self().environment().cache;
  if (parts_.empty()) {
    outcome_ = fail(whole_.local.empty() ? error{errc::no_patterns, "there are no patterns to share"}
                                         : whole_.local.front().reason);
    return true;
  }
  if (!cache) {
    outcome_ = fail(errc::not_running, "this agent has no node to share with");
    return true;
  }
  self().flush_posted();
  missing_ = parts_.size();
  for (auto& p : parts_) {
    p.number = self().next_number();
    caf_compat::tell(&self().actor(), cache, messages::share{p.number, std::move(p.patterns), wish_, self().handle()});
  }
  return false;
}

bool share_operation::offer(delivery& message) {
  if (!message.is<messages::report>()) return false;
  const auto& report = message.peek<messages::report>();
  const auto which =
      std::find_if(parts_.begin(), parts_.end(), [&](const part& p) { return p.number == report.number; });
  if (which == parts_.end()) return false;
  add(*which, report.outcome);
  if (--missing_ != 0) {
    parts_.erase(which);
    return false;
  }
  outcome_ = std::move(whole_);
  return true;
}

void share_operation::add(const part& which, const sync_report& reported) {
  for (std::size_t i = 0; i < reported.local.size() && i < which.places.size(); ++i)
    whole_.local.set(which.places[i], reported.local[i]);
  for (const auto& outcome : reported.peers) {
    auto known = std::find_if(whole_.peers.begin(), whole_.peers.end(),
                              [&](const peer_outcome& p) { return p.peer == outcome.peer; });
    if (known == whole_.peers.end()) known = whole_.peers.insert(known, {outcome.peer, {}, outcome.level, {}, {}});
    if (outcome.failure.code != errc::none) known->failure = outcome.failure;
    known->latency = std::max(known->latency, outcome.latency);
    for (const auto& [index, reason] : outcome.refused) known->refused.emplace_back(which.places[index], reason);
  }
  if (reported.failure.code != errc::none) whole_.failure = reported.failure;
}

}  // namespace quicsync
