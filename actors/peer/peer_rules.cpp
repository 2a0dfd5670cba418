#include <algorithm>

#include <fmt/format.h>

#include <quicsync/actors/peer/peer_rules.hpp>
#include <quicsync/actors/validation.hpp>
#include <quicsync/codec/planted.hpp>

namespace quicsync {

std::optional<error> judge_record(const peer_rules* rules, const slab& records, std::size_t index) {
  if (rules == nullptr || (!records.item(index).has_checksum && rules->takes_all())) return std::nullopt;
  const auto record = records.record(index);
  auto reason = planted(bug::write_rules_forgotten) ? std::nullopt : rules->check_write(record);
  if (!reason && !planted(bug::checksum_is_not_checked)) reason = find_corruption(record);
  if (!reason && !rules->wants(record)) reason = error{errc::not_wanted, "its receiver does not want it"};
  return reason;
}

bool name_matches(std::string_view pattern, std::string_view name) noexcept {
  if (pattern.empty() || pattern.back() != '*') return pattern == name;
  pattern.remove_suffix(1);
  return name.substr(0, pattern.size()) == pattern;
}

peer_rules::peer_rules(const access_rules& rules, std::string_view peer) : peer_(peer) {
  if (rules.read) {
    reads_all_ = false;
    for (const auto& rule : *rules.read) {
      if (!name_matches(rule.peer, peer)) continue;
      auto readable = filter::parse(rule.filter);
      if (!readable) continue;
      reads_all_ = reads_all_ || readable->match_all();
      reads_.push_back(std::move(*readable));
    }
  }
  const bool relays = rules.relay ? std::any_of(rules.relay->begin(), rules.relay->end(),
                                                [&](const auto& name) { return name_matches(name, peer); })
                                  : !rules.write;
  if (!rules.write || relays) return;
  writes_all_ = false;
  for (const auto& rule : *rules.write)
    if (name_matches(rule.peer, peer)) agents_.insert(agents_.end(), rule.agents.begin(), rule.agents.end());
}

bool peer_rules::may_read(const record_view& record) const noexcept {
  return reads_all_ ||
         std::any_of(reads_.begin(), reads_.end(), [&](const filter& readable) { return readable.matches(record); });
}

std::optional<error> peer_rules::check_write(const record_view& record) const {
  if (writes_all_ || std::any_of(agents_.begin(), agents_.end(),
                                 [&](const auto& name) { return name_matches(name, record.agent_id()); }))
    return std::nullopt;
  return error{errc::not_allowed,
               fmt::format("peer '{}' may not write what agent '{}' does", peer_, record.agent_id())};
}

}  // namespace quicsync
