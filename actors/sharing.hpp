// Who may have a record: kept beside it, never part of it and never hashed. A value; it only ever grows for one
// version, and each version has its own. docs/WIRE.md, "Audience".
#pragma once
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <quicsync/codec/limits.hpp>

namespace quicsync {

struct sharing {
  std::shared_ptr<const std::vector<std::string>> audience;  ///< sorted names of nodes and clients; null: everybody
  bool no_relay = false;                                     ///< whoever gets it keeps it to itself

  /// Only these; with `pass_on` they pass it on among themselves, else none of them does. No names: everybody.
  static sharing only_to(std::vector<std::string> names, bool pass_on = false);

  bool for_all() const noexcept { return !audience && !no_relay; }
  bool allows(std::string_view name) const noexcept;

  /// What the names take at most. O(1).
  std::size_t bytes_at_most() const noexcept { return audience ? audience->size() * name_bytes_at_most : 0; }

  /// Takes in whom `other` allows as well; true when that was more than before.
  bool widen(const sharing& other);

  static constexpr std::size_t name_bytes_at_most = sizeof(std::string) + limits::name_bytes;

  bool operator==(const sharing& other) const noexcept {
    return no_relay == other.no_relay &&
           (audience == other.audience || (audience && other.audience && *audience == *other.audience));
  }
};

}  // namespace quicsync
