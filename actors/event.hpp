// Events of a node ("peer:connected", ...).
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <quicsync/actors/report.hpp>
#include <quicsync/codec/error.hpp>
#include <quicsync/codec/pattern.hpp>

namespace quicsync {

/// One event; which fields are set depends on its name (docs/ARCHITECTURE.md, "Events").
struct event {
  std::string name;  ///< "server:started", "peer:connected", ...
  std::string peer_id;
  std::string address;
  error failure;
  std::string message;
  std::string pattern_id;
  std::shared_ptr<const pattern> loser;  ///< of two contents of one version, the one that is not held
  std::uint64_t pattern_count = 0;
  double latency_ms = 0;
  std::uint16_t port = 0;
  std::string source_id;                          ///< pattern:received: the peer that brought it
  std::shared_ptr<const pattern> received;        ///< pattern:received
  std::shared_ptr<const connection_state> state;  ///< peer:health:degraded
};

/// The event that costs something by itself: it is made only for who asks for it by this name.
inline constexpr std::string_view pattern_received = "pattern:received";

/// {"event":NAME, ...} with the fields of that event, one line without the newline.
std::string to_json(const event& what);

}  // namespace quicsync
