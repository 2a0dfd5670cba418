// What a certificate says, read through GnuTLS: names, dates, key. Internal to the QUIC core; pure functions.
#pragma once
#include <ctime>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <quicsync/transport/certificates.hpp>
#include <quicsync/transport/tls_handles.hpp>

namespace quicsync::tls {

/// A host name as RFC 1123 section 2.1 has it, at most 64 characters (the bound of a CN, RFC 5280 appendix A.1): the
/// only names that a node may have.
bool is_node_name(std::string_view name) noexcept;

/// The subject's CN where it is a node's name, else empty: what is not can stand in no log and match no rule.
std::string node_name_of(gnutls_x509_crt_t certificate);

/// Everything that `cert show` prints. Text in it is printable.
certificate_facts facts_of(gnutls_x509_crt_t certificate);

/// SHA-256 of the public key (SPKI), lower-case hex.
std::string fingerprint_of(gnutls_x509_crt_t certificate);

/// Now, as certificates are judged; see fix_certificate_time().
std::int64_t certificate_time() noexcept;

/// "2026-01-31", UTC.
std::string date_of(std::int64_t unix_seconds);

/// The text with everything that is not printable ASCII replaced, and cut to `limit` bytes.
std::string printable(std::string_view text, std::size_t limit = 256);

/// Reads a whole file of at most 1 MiB. With `secret`, refuses one that group or others may touch.
/// Errors: no_file, key_exposed.
result<std::string> read_file(const std::filesystem::path& file, bool secret);

/// The certificates in a PEM file, in its order, at least one. `file` names it in errors. Errors: bad_certificate.
result<std::vector<certificate>> parse_certificates(std::string_view pem, const std::filesystem::path& file);

/// A private key in PEM. Errors: bad_certificate.
result<x509_key> parse_key(std::string_view pem, const std::filesystem::path& file);

/// Whether the certificate is made for this key.
bool belongs_together(gnutls_x509_crt_t certificate, gnutls_x509_privkey_t key);

/// A new Ed25519 key (constant size on the wire, quick to sign). Errors: crypto_failed.
result<x509_key> make_key();

/// What becomes a certificate.
struct certificate_plan {
  std::string name;
  bool is_ca = false;
  bool in_dns = false;  ///< the name stands in the SAN as well
  std::int64_t not_before = 0;
  std::int64_t not_after = 0;
};
/// Signs it for `key` with the issuer's key; without an issuer, self-signed. Errors: crypto_failed.
result<certificate> make_certificate(const certificate_plan& plan, gnutls_x509_privkey_t key, gnutls_x509_crt_t issuer,
                                     gnutls_x509_privkey_t issuer_key);

}  // namespace quicsync::tls
