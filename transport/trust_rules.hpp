// Whom a node knows by key rather than by CA. A value; part of an endpoint's configuration and replaced as a whole.
#pragma once
#include <map>
#include <set>
#include <string>

namespace quicsync {

/// Fingerprints are SHA-256 of the public key, lower-case hex, as peer_identity has them.
struct trust_rules {
  /// Fingerprint to name: whoever shows this key is that node, whatever signed its certificate; and nobody else is it.
  std::map<std::string, std::string> pinned;
  /// Refused, whatever else speaks for it.
  std::set<std::string> denied;

  bool operator==(const trust_rules&) const = default;
};

}  // namespace quicsync
