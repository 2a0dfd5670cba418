// Everything that was written in a run, by content: who may have it, and where it stands in the merge rule. Nothing
// else may be seen on any node. Owned by a fault run; a plain class.
#pragma once
#include <compare>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <quicsync/codec/slab.hpp>

namespace quicsync::sim {

/// record_order with a name of its own to keep.
struct kept_order {
  std::uint64_t version = 0;
  std::int64_t timestamp = 0;
  std::string agent_id;
  bool deleted = false;
  content_hash hash;
  auto operator<=>(const kept_order&) const = default;

  static kept_order of(const slab& records, std::size_t index);
};

/// "pattern-1@2 of agent a (deleted)".
std::string say(const std::string& id, const kept_order& order);

class written_patterns {
 public:
  struct entry {
    std::string id;
    kept_order order;
    byte_buffer bytes;
    bool for_all = false;
    std::set<std::string> allowed;  ///< names of nodes; of use where it is not for all
    bool corrupt = false;           ///< its checksum is wrong: nobody may take it
    bool expires = false;

    bool may_be_at(const std::string& node) const { return for_all || allowed.contains(node); }
  };

  /// `by` shares it to these, or with none to everybody. Written before: it may have more readers now.
  void note(const slab& records, std::size_t index, const std::string& by, const std::vector<std::string>& only_to,
            bool corrupt);
  /// Null: nobody wrote that.
  const entry* find(const content_hash& hash) const;
  /// A version of this id that expires, or is a deletion where `or_deleted`, and is greater than `order`: it may have
  /// left nothing but its place in the merge rule, or not even that.
  bool gone_beyond(const std::string& id, const kept_order& order, bool or_deleted) const;
  bool ever_expires(const std::string& id) const { return expiring_.contains(id); }
  std::size_t size() const noexcept { return by_hash_.size(); }

 private:
  std::map<content_hash, entry> by_hash_;
  std::map<std::string, kept_order> expiring_, deleted_;  ///< the greatest of each id
};

}  // namespace quicsync::sim
