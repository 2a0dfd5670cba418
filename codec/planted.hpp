// Bugs that the tests of the simulation switch on to see that it finds them. In the product planted() is a constant
// false, so that its branch costs nothing; tests/planted compiles the sources that include this header once more, with
// QUICSYNC_PLANTED_BUGS. To be included by sources only, never by a header. docs/SIMULATION.md, "planted bugs".
#pragma once
#include <cstdint>

namespace quicsync {

enum class bug : std::uint8_t {
  none,
  wrong_tie_break,              ///< of two contents of one version the first that came stays
  older_version_replaces,       ///< what comes last wins
  double_application,           ///< a record that is held is taken as new
  lost_tombstone,               ///< a deletion is forgotten at once
  expiry_forgets_order,         ///< an expired record leaves nothing, so that an older one can come back
  conflation_loses_newest,      ///< a version that replaces the log's last one is not logged
  widening_is_not_told,         ///< more may have a record, and nobody tells them
  early_acknowledgement,        ///< what was sent counts as acknowledged
  audience_leak,                ///< a record goes to whoever is connected
  filter_forgets_last_version,  ///< a version that stops matching is not told to who has the one before
  read_rules_forgotten,         ///< a peer is sent what it may not read
  write_rules_forgotten,        ///< a peer may write what it may not
  checksum_is_not_checked,      ///< damaged data is taken and passed on
};

#ifdef QUICSYNC_PLANTED_BUGS
extern bug planted_bug;  ///< the one that is switched on
inline bool planted(bug which) noexcept { return which == planted_bug; }
#else
constexpr bool planted(bug) noexcept { return false; }
#endif

}  // namespace quicsync
