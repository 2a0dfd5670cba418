// What the TLS of one endpoint works with today: its identity and trust. Replaced as a whole when they are reloaded; a
// session keeps what it began with.
#pragma once
#include <memory>

#include <quicsync/transport/key_log.hpp>
#include <quicsync/transport/session_tickets.hpp>
#include <quicsync/transport/tls_credentials.hpp>
#include <quicsync/transport/trust_rules.hpp>

namespace quicsync::tls {

struct environment {
  std::shared_ptr<const loaded_credentials> identity;  ///< null: a client that gives no certificate
  std::shared_ptr<const trust_rules> rules;            ///< null: none
  std::shared_ptr<session_tickets> tickets;            ///< null: none are given and none taken
  key_log log;                                         ///< null: none
};

}  // namespace quicsync::tls
