// The state of a node and of a connection as JSON, one line, with the names that docs/OPERATIONS.md gives the fields.
#pragma once
#include <string>

#include <quicsync/actors/report.hpp>

namespace quicsync {

std::string to_json(const connection_state& state);
/// The lanes of all connections, one entry a lane and direction. `peer`: only of this one; empty: of all.
std::string streams_json(const node_state& state, const std::string& peer);
std::string to_json(const node_state& state);

}  // namespace quicsync
