// Searches over a node's patterns for whoever looks at it: pages of the cache's log, as every reader gets them, so that
// no search holds up the node. Blocks; for the admin endpoint's threads.
#pragma once
#include <optional>
#include <string>

#include <quicsync/actors/log_cursor.hpp>
#include <quicsync/actors/messages.hpp>
#include <quicsync/actors/server.hpp>

namespace quicsync {

struct pattern_query {
  std::string filter;
  std::string after;  ///< what an answer gave as `next`; empty: the beginning
  std::size_t limit = 100;
};

/// One line of JSON (docs/ADMIN.md). Looks at no more than about limits::scanned_at_once records. Errors: bad_filter,
/// usage (an `after` that no answer gave, too long a page), not_running.
result<std::string> search_patterns(server& node, const pattern_query& query);
/// One pattern, and why this version of it won. Errors: not_found, not_running.
result<std::string> pattern_with_reason(server& node, const std::string& id);

/// A page of the log, without waiting for more. Errors: not_running.
result<messages::page> read_log(server& node, const log_cursor& after, std::size_t records_max);
/// Where the log ends. Errors: not_running.
result<log_position_number> log_end_of(server& node);

/// "1.2.3.4", a position a lane. Errors: usage.
std::string to_string(const log_cursor& cursor);
result<log_cursor> parse_log_cursor(std::string_view text);

}  // namespace quicsync
