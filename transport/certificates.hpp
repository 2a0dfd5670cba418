// Certificates and identities: making them, reading them, and what a peer's certificate says of it. The only face of
// GnuTLS that the program and the store see.
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <quicsync/codec/error.hpp>

namespace quicsync {

/// Makes DIR/ca.pem and DIR/ca.key (Ed25519, 10 years). The directory is created 0700, files 0600.
/// Errors: io_failed; also when a CA is there already: none is ever overwritten.
result<void> make_ca(const std::filesystem::path& directory);

/// What `make_node_certificate` wrote.
struct certificate_files {
  std::filesystem::path certificate;  ///< PEM: the node's certificate
  std::filesystem::path key;          ///< PEM, 0600
};

/// Signs a certificate for `name` (subject CN and DNS name in the SAN; usable as client and server) with the CA in
/// `ca_directory`; files NAME.pem and NAME.key in `out`. `days` 0 gives one that has already expired.
/// Errors: bad_certificate, key_exposed, io_failed, usage (a name that is no host name).
result<certificate_files> make_node_certificate(const std::string& name, const std::filesystem::path& ca_directory,
                                                const std::filesystem::path& out, int days = 365);

/// One certificate, for people.
struct certificate_facts {
  std::string name;    ///< subject CN
  std::string issuer;  ///< issuer's CN
  std::vector<std::string> dns_names;
  std::int64_t not_before = 0;  ///< Unix seconds
  std::int64_t not_after = 0;   ///< Unix seconds
  std::string key_type;         ///< "Ed25519", "ECDSA P-256", ...
  std::string fingerprint;      ///< SHA-256 of the public key (SPKI), lower-case hex
  bool is_ca = false;
};
/// Errors: no_file, bad_certificate.
result<certificate_facts> read_certificate(const std::filesystem::path& file);

/// A node's certificate, key and trust, loaded; immutable and shared by the connections made with it.
class credentials {
 public:
  struct files {
    std::filesystem::path certificate;
    std::filesystem::path key;
    std::filesystem::path ca;
  };
  /// Checks that the key belongs to the certificate, that only the owner can read the key, and that the certificate is
  /// within its validity unless `allow_expired`.
  /// Errors: no_file, bad_certificate, key_exposed, certificate_expired.
  static result<std::shared_ptr<const credentials>> load(const files& from, bool allow_expired = false);

  /// A throw-away identity of a fresh key, self-signed, trusting nobody: `--insecure`.
  static result<std::shared_ptr<const credentials>> make_insecure(const std::string& name);

  virtual ~credentials() = default;
  /// The identity: the certificate's CN.
  virtual const std::string& name() const noexcept = 0;
  virtual const std::string& fingerprint() const noexcept = 0;
  /// False for a throw-away identity.
  virtual bool has_trust() const noexcept = 0;
};

/// The time by which validity is judged and certificates are dated: fixed (a simulation's virtual time, in Unix
/// seconds), or again the system's clock (nullopt). GnuTLS knows one clock a process, so this is for the whole process.
void fix_certificate_time(std::optional<std::int64_t> unix_seconds);

/// Who is at the other end, as its certificate says.
struct peer_identity {
  std::string name;         ///< CN; empty where it gave no certificate
  std::string fingerprint;  ///< SHA-256 of the public key, lower-case hex; empty likewise
  bool verified =
      false;  ///< under a trusted CA and valid now; false only where checks are off: then `name` is just a claim
  bool operator==(const peer_identity&) const = default;
};

}  // namespace quicsync
