// One question to one node, its answer printed: what `list` and `get` have in common.
#pragma once
#include <string>

#include "client.hpp"

namespace quicsync::cli {

struct query_options {
  client_options client;
  std::string argument;  ///< list: a filter expression; get: an id
  bool json = false;
};

/// Connects, asks, prints each page as it comes. A reader of stdout that has gone ends it without an error.
/// Errors: those of connecting; not_found; connection_lost; io_failed (stdout); cancelled.
result<void> run_query(query_frame::kind what, const query_options& options);

}  // namespace quicsync::cli
