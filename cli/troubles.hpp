// What somebody who looks at a node has to see first, in words: the same in `quicsync inspect` and `quicsync top`.
#pragma once
#include <string>
#include <vector>

#include <quicsync/actors/inspect/admin_view.hpp>

namespace quicsync::cli {

/// "stuck: one handler has run for 12 s", "waiting for a pattern", …
std::string described(const actor_view& actor);
/// "slow: nothing acknowledged for 8.5 s", "not connected", "3 errors", "well".
std::string described(const peer_view& peer);

/// Those in trouble first; the others keep their order.
void troubled_first(std::vector<actor_view>& actors);
/// Those in trouble first, then by what is not acknowledged, then by name.
void troubled_first(std::vector<peer_view>& peers);

/// "worker-42, worker-43 and 5 more" of those that are in trouble; empty: none is.
std::string names_of_troubled(const std::vector<actor_view>& actors, std::uint64_t in_all);
std::string names_of_troubled(const std::vector<peer_view>& peers);

}  // namespace quicsync::cli
