// Whether the certificate of the other side is good enough: of a handshake, of a session ticket, or of a connection
// that is up while trust has changed. Internal to the QUIC core; a pure function but for the clock of certificates.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include <quicsync/transport/certificates.hpp>
#include <quicsync/transport/tls_credentials.hpp>
#include <quicsync/transport/tls_handles.hpp>
#include <quicsync/transport/tls_refusal.hpp>
#include <quicsync/transport/trust_rules.hpp>

namespace quicsync::tls {

/// A certificate and what was sent with it, leaf first, as it came (DER).
using raw_chain = std::vector<std::string>;

/// By what it is judged.
struct judgement_basis {
  const loaded_credentials* trust = nullptr;  ///< null only where nothing is checked
  const trust_rules* rules = nullptr;
  bool peer_is_client = false;
  bool check = true;          ///< false: anything goes, but for denied keys
  bool required = true;       ///< false: a certificate that is worthless is as good as none, and none is fine
  std::string expected_name;  ///< of a server; empty: any
};

struct judgement {
  peer_identity who;  ///< what the certificate claims, also where it is refused
  std::optional<refusal> refused;
};

judgement judge(const raw_chain& chain, const judgement_basis& basis);

}  // namespace quicsync::tls
