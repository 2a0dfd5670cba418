// Which records two nodes compare: those that both want and the other side may have. A value; made by a peer's session,
// used by the cache.
#pragma once
#include <string>

#include <quicsync/actors/messages.hpp>
#include <quicsync/actors/peer/peer_rules.hpp>
#include <quicsync/actors/sharing.hpp>
#include <quicsync/codec/filter.hpp>
#include <quicsync/codec/slab.hpp>

namespace quicsync {

/// What is known here of a record that only the store has.
struct cold_identity {
  std::string id;
  std::uint64_t version = 0;
  content_hash hash;
};

/// One record that is held, and what is known beside it. Views: valid during a call.
struct held_record {
  const slab* records;        ///< null: only the store has it
  const cold_identity* cold;  ///< then
  std::size_t index;
  peer_number source;
  const sharing& access;
  std::uint32_t entry;  ///< its place in the table

  std::string_view id() const noexcept { return records != nullptr ? records->id(index) : std::string_view(cold->id); }
  std::uint64_t version() const noexcept { return records != nullptr ? records->item(index).version : cold->version; }
  const content_hash& hash() const noexcept { return records != nullptr ? records->item(index).hash : cold->hash; }
};

struct comparison_view {
  filter wanted;     ///< by both sides
  peer_rules rules;  ///< what the other side may read here
  std::string peer;  ///< its name
  peer_number number = 0;

  /// By content alone, whoever may have it. What only the store has is not known well enough for a filter or a rule.
  bool wants_all() const { return wanted.match_all() && rules.reads_all(); }
  bool wants(const held_record& held) const {
    if (wants_all()) return true;
    if (held.records == nullptr) return false;
    const auto record = held.records->record(held.index);
    return wanted.matches(record) && rules.may_read(record);
  }
  /// As peer_session::may_be_sent(): what may not be sent must not be missed either.
  bool may_have(const held_record& held) const {
    if (held.access.for_all()) return true;
    if (!held.access.allows(peer)) return false;
    return !held.access.no_relay || held.source == this_node || held.source == number;
  }
  bool covers(const held_record& held) const { return may_have(held) && wants(held); }
};

}  // namespace quicsync
