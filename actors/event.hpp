// Events of a node ("peer:connected", ...).
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include <quicsync/codec/error.hpp>

namespace quicsync {

/// One event; which fields are set depends on its name (docs/ARCHITECTURE.md, "Events").
struct event {
  std::string name;  ///< "server:started", "peer:connected", ...
  std::string peer_id;
  std::string address;
  error failure;
  std::string message;
  std::string pattern_id;
  std::uint64_t pattern_count = 0;
  double latency_ms = 0;
  std::uint16_t port = 0;
};

/// {"event":NAME, ...} with the fields of that event, one line without the newline.
std::string to_json(const event& what);

}  // namespace quicsync
