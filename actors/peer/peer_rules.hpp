// What this node's rules (`access_rules`) say of one peer: what it may write and read, and whether what others wrote is
// taken from it unasked. Made anew with each session, when the peer's name is known. A value.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <quicsync/actors/config.hpp>
#include <quicsync/codec/filter.hpp>
#include <quicsync/codec/record.hpp>
#include <quicsync/codec/slab.hpp>

namespace quicsync {

class peer_rules {
 public:
  /// Everything is allowed.
  peer_rules() = default;
  /// A read rule whose filter cannot be parsed allows nothing.
  peer_rules(const access_rules& rules, std::string_view peer);

  bool reads_all() const noexcept { return reads_all_; }
  bool may_read(const record_view& record) const noexcept;

  bool takes_all() const noexcept { return writes_all_ && !wanted_; }
  /// Asked where the record enters the network: of what a peer that may relay passes on, the node where it entered has
  /// judged, and nodes that judge differently would not end in the same state. Errors: not_allowed.
  std::optional<error> check_write(const record_view& record) const;

  /// What this node wants of it. Deletions always: they may be of something that it did want.
  void set_wanted(filter wanted) {
    if (!wanted.match_all()) wanted_ = std::move(wanted);
  }
  bool wants(const record_view& record) const { return !wanted_ || record.deleted() || wanted_->matches(record); }

 private:
  std::string peer_;
  bool reads_all_ = true;
  bool writes_all_ = true;
  std::vector<filter> reads_;        ///< any of them
  std::vector<std::string> agents_;  ///< names, or prefixes that end in `*`
  std::optional<filter> wanted_;     ///< none: everything
};

/// Why a record is not to be taken from the peer of these rules; null: they allow everything. Errors: not_allowed,
/// bad_checksum, not_wanted.
std::optional<error> judge_record(const peer_rules* rules, const slab& records, std::size_t index);

/// `pattern` is a whole name, or ends in `*` and is a prefix.
bool name_matches(std::string_view pattern, std::string_view name) noexcept;

}  // namespace quicsync
