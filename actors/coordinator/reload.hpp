// What a new configuration changes at a node that runs, and whether it may. Decisions only; owned by nobody.
#pragma once
#include <vector>

#include <quicsync/actors/config.hpp>
#include <quicsync/codec/error.hpp>

namespace quicsync {

struct reload_plan {
  std::vector<peer_config> added;
  std::vector<peer_config> removed;
};

/// `host:port` as it is dialled; an IPv6 address in brackets.
std::string host_port_of(const peer_config& peer);

/// A peer whose name, address, filter or limits are other than before is removed and added; the others keep their
/// connections. Errors: bad_config, with what stands in the way: a list of allowed peers that becomes empty (it would
/// let everyone in), or something that only a new start can change.
result<reload_plan> plan_reload(const node_config& now, const node_config& next);

}  // namespace quicsync
