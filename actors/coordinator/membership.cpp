#include <algorithm>

#include <fmt/format.h>

#include <quicsync/actors/coordinator/membership.hpp>

namespace quicsync {

member_id membership::add(member first) {
  member_id id = next_id_++;
  members_.emplace(id, std::move(first));
  return id;
}

void membership::remove(member_id id) { members_.erase(id); }

// Two nodes that dialled each other have two connections: both keep the one that the smaller name dialled. A new
// instance replaces the old connection: a node that was restarted is let in at once. Whether the old one still answers
// is not asked, so two nodes that run under one name push each other out.
bool membership::new_one_stays(const member& standing, const hello_frame& hello, bool incoming) const {
  if (standing.instance != hello.instance) return true;
  if (standing.incoming == incoming) return false;
  bool they_dial = hello.name < own_.name;
  return incoming == they_dial;
}

error membership::refusal_of(const std::string& name, const std::string& fingerprint) const {
  if (std::find(trust_.denied.begin(), trust_.denied.end(), fingerprint) != trust_.denied.end())
    return {errc::not_allowed, fmt::format("the key of '{}' is denied", name)};
  for (const auto& pin : trust_.pinned)
    if (pin.name == name && pin.fingerprint != fingerprint)
      return {errc::not_allowed, fmt::format("'{}' has another key than the one that is pinned", name)};
  if (!trust_.allowed.empty() && std::find(trust_.allowed.begin(), trust_.allowed.end(), name) == trust_.allowed.end())
    return {errc::not_allowed, fmt::format("'{}' is not among the allowed peers", name)};
  return {};
}

std::vector<std::pair<member_id, error>> membership::set_trust(trust next) {
  trust_ = std::move(next);
  std::vector<std::pair<member_id, error>> out;
  for (const auto& [id, m] : members_) {
    if (m.instance == 0) continue;
    if (auto refusal = refusal_of(m.name, m.fingerprint); refusal.code != errc::none)
      out.emplace_back(id, std::move(refusal));
  }
  return out;
}

membership::decision membership::greet(member_id id, const hello_frame& hello, bool incoming,
                                       const std::string& fingerprint) {
  auto it = members_.find(id);
  if (it == members_.end()) return {{errc::unknown_peer, "a peer that is being removed"}, 0, {}};
  member& m = it->second;
  m.name = hello.name;
  m.role = hello.role;
  m.incoming = incoming;
  m.fingerprint = fingerprint;
  if (hello.instance == own_.instance) return {{errc::self_dial, "this is the node itself"}, 0, {}};
  if (auto refusal = refusal_of(hello.name, fingerprint); refusal.code != errc::none)
    return {std::move(refusal), 0, {}};

  decision d;
  if (hello.role == node_role::client) {
    d.number = m.number;
  } else {
    if (hello.name == own_.name)
      return {{errc::not_allowed, fmt::format("two nodes are called '{}'", hello.name)}, 0, {}};
    for (const auto& [other_id, other] : members_) {
      if (other_id == id || other.name != hello.name || other.role != node_role::node || other.instance == 0) continue;
      if (!new_one_stays(other, hello, incoming)) {
        m.turned_away = true;
        return {{errc::duplicate_peer, fmt::format("'{}' is connected already", hello.name)}, 0, {}};
      }
      d.replaces = other_id;
    }
    auto& [instance, number] = numbers_[hello.name];
    if (instance != hello.instance) {
      instance = hello.instance;
      number = m.taken_number ? next_number() : m.number;
    }
    m.number = d.number = number;
    m.taken_number = true;
  }
  if (d.replaces) {
    auto& old = members_.at(*d.replaces);
    old.instance = 0;
    old.turned_away = true;
  }
  m.instance = hello.instance;
  m.turned_away = false;
  names_[d.number] = hello.name;
  if (names_.size() > names_kept) names_.erase(names_.begin());
  return d;
}

void membership::set_connection(member_id id, connection_id connection) {
  if (auto it = members_.find(id); it != members_.end()) it->second.connection = connection;
}

void membership::ready(member_id id, std::string address) {
  auto it = members_.find(id);
  if (it == members_.end()) return;
  it->second.ready = true;
  it->second.address = std::move(address);
}

std::vector<member_id> membership::lost(member_id id) {
  std::vector<member_id> free;
  auto it = members_.find(id);
  if (it == members_.end()) return free;
  bool stood = it->second.instance != 0;
  it->second.ready = false;
  it->second.instance = 0;
  // One that was turned away for another that is gone by now dials again, too.
  bool alone = std::none_of(members_.begin(), members_.end(), [&](const auto& other) {
    return other.first != id && other.second.name == it->second.name && other.second.instance != 0;
  });
  if (it->second.turned_away && alone) {
    it->second.turned_away = false;
    free.push_back(id);
  }
  if (!stood) return free;
  for (auto& [other_id, other] : members_)
    if (other_id != id && other.turned_away && other.name == it->second.name) {
      other.turned_away = false;
      free.push_back(other_id);
    }
  return free;
}

const membership::member* membership::find(member_id id) const {
  auto it = members_.find(id);
  return it == members_.end() ? nullptr : &it->second;
}

std::vector<member_id> membership::with_name(const std::string& name) const {
  std::vector<member_id> found;
  for (const auto& [id, m] : members_)
    if (m.name == name) found.push_back(id);
  return found;
}

std::string membership::name_of(peer_number number) const {
  auto it = names_.find(number);
  return it == names_.end() ? std::string() : it->second;
}

std::size_t membership::connections() const noexcept {
  return static_cast<std::size_t>(
      std::count_if(members_.begin(), members_.end(), [](const auto& m) { return m.second.ready; }));
}

}  // namespace quicsync
