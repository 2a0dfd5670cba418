// What whoever looks at a node asks its actors, beside what they say to each other anyway (messages.hpp).
#pragma once
#include <optional>
#include <string>
#include <vector>

#include <quicsync/actors/cache/pattern_table.hpp>
#include <quicsync/actors/config.hpp>
#include <quicsync/actors/log_cursor.hpp>
#include <quicsync/transport/caf_compat.hpp>

namespace quicsync::inspect_messages {

/// To the cache: how many records follow each of these cursors? Answered with `left`.
struct ask_left {
  std::vector<log_cursor> after;
};
struct left {
  std::vector<std::uint64_t> records;  ///< in the order asked; superseded ones beyond a few thousand may be among them
};
/// To the cache: why is the record of this id the one that is held? Answered with `because`.
struct ask_why {
  std::string id;
};
struct because {
  std::optional<pattern_table::reason> why;  ///< none: there is no such record
};
/// To the coordinator. Answered with a node_config: the one in force.
struct ask_config {};

}  // namespace quicsync::inspect_messages

QUICSYNC_LOCAL_MESSAGE(quicsync::inspect_messages::ask_left)
QUICSYNC_LOCAL_MESSAGE(quicsync::inspect_messages::left)
QUICSYNC_LOCAL_MESSAGE(quicsync::inspect_messages::ask_why)
QUICSYNC_LOCAL_MESSAGE(quicsync::inspect_messages::because)
QUICSYNC_LOCAL_MESSAGE(quicsync::inspect_messages::ask_config)
QUICSYNC_LOCAL_MESSAGE(quicsync::node_config)
