// Who is connected, and which of two connections with the same node stays. Decisions only; owned by the coordinator.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <quicsync/actors/config.hpp>
#include <quicsync/actors/messages.hpp>

namespace quicsync {

/// Names a peer actor within the coordinator.
using member_id = std::uint64_t;

class membership {
 public:
  /// `own`: this node's hello.
  membership(hello_frame own, std::vector<std::string> allowed_peers) : own_(std::move(own)) {
    trust_.allowed = std::move(allowed_peers);
  }
  /// The node has begun anew: this is what it says in its hellos from now on.
  void set_instance(std::uint64_t instance) noexcept { own_.instance = instance; }

  /// Who is let in, and with which keys.
  struct trust {
    std::vector<std::string> allowed;  ///< names; empty: any that authenticates
    std::vector<pinned_key> pinned;
    std::vector<std::string> denied;  ///< fingerprints
  };
  /// From now on; returns those that are connected and would not be let in any more, with why.
  std::vector<std::pair<member_id, error>> set_trust(trust next);

  struct member {
    std::string name;  ///< from its hello; before that the expected one
    std::string address;
    std::string fingerprint;
    peer_number number = 0;
    connection_id connection = 0;  ///< the one that last said hello
    node_role role = node_role::node;
    std::uint64_t instance = 0;  ///< of the connection that is welcome, 0: none
    bool incoming = false;
    bool ready = false;
    bool taken_number = false;  ///< `number` was given to an instance already
    bool turned_away = false;   ///< another connection with the same node stands
  };

  /// A peer actor begins.
  member_id add(member first);
  /// It ended.
  void remove(member_id id);

  /// What to do about a hello.
  struct decision {
    error refusal;  ///< code none: welcome
    peer_number number = 0;
    std::optional<member_id> replaces;  ///< this one leaves
  };
  decision greet(member_id id, const hello_frame& hello, bool incoming, const std::string& fingerprint = {});
  void set_connection(member_id id, connection_id connection);

  void ready(member_id id, std::string address);
  /// The connection is over. Returns the members that were turned away because of it and may dial again.
  std::vector<member_id> lost(member_id id);

  const member* find(member_id id) const;
  std::vector<member_id> with_name(const std::string& name) const;
  std::size_t connections() const noexcept;
  const std::map<member_id, member>& all() const noexcept { return members_; }

  peer_number next_number() noexcept { return next_number_++; }
  /// Somebody who is not here had this number.
  void remember(peer_number number, std::string name) { names_.insert_or_assign(number, std::move(name)); }
  /// Who has or had this number; of those that are gone, `names_kept` are remembered. Empty: unknown.
  std::string name_of(peer_number number) const;
  static constexpr std::size_t names_kept = 16384;

 private:
  error refusal_of(const std::string& name, const std::string& fingerprint) const;
  bool new_one_stays(const member& standing, const hello_frame& hello, bool incoming) const;

  hello_frame own_;
  trust trust_;
  std::map<member_id, member> members_;
  /// A node keeps its number as long as its process lives: a new instance may lack what the old one brought.
  std::map<std::string, std::pair<std::uint64_t, peer_number>> numbers_;  ///< name -> instance, number
  std::map<peer_number, std::string> names_;  ///< of all numbers that were welcome, the latest ones
  member_id next_id_ = 1;
  peer_number next_number_ = this_node + 1;
};

}  // namespace quicsync
