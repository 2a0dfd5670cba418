#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <quicsync/transport/certificates.hpp>
#include <quicsync/transport/crypto.hpp>
#include <quicsync/transport/tls_certificate.hpp>

namespace quicsync {

namespace {

namespace fs = std::filesystem;

constexpr std::int64_t day_seconds = 24 * 60 * 60;
constexpr std::int64_t ca_days = 3650;
constexpr int node_days_max = 3650;
// Clocks of different machines disagree: a new certificate counts from an hour ago.
constexpr std::int64_t clock_skew_seconds = 60 * 60;

tl::unexpected<error> io_error(const char* what, const fs::path& path) {
  return fail(errc::io_failed, fmt::format("cannot {} {}: {}", what, path.string(), std::strerror(errno)));
}

// Component by component, so that each new directory is born 0700 and never stands open for a moment.
result<void> make_directory(const fs::path& directory) {
  fs::path grown;
  for (const auto& part : directory) {
    grown /= part;
    if (grown.empty() || ::mkdir(grown.c_str(), 0700) == 0 || errno == EEXIST) continue;
    struct stat facts{};
    const int problem = errno;
    if (::stat(grown.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode)) continue;
    errno = problem;
    return io_error("make the directory", grown);
  }
  struct stat facts{};
  if (::stat(directory.c_str(), &facts) != 0) return io_error("use the directory", directory);
  if (!S_ISDIR(facts.st_mode)) return fail(errc::io_failed, fmt::format("{} is not a directory", directory.string()));
  return {};
}

// Mode 0600, only where no file is; on failure nothing is left behind.
result<void> write_new_file(const fs::path& file, std::string_view text) {
  const int descriptor = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (descriptor < 0 && errno == EEXIST)
    return fail(errc::io_failed, fmt::format("{} exists already and is never overwritten", file.string()));
  if (descriptor < 0) return io_error("create", file);
  bool written = true;
  for (std::size_t done = 0; done < text.size() && written;) {
    const auto count = ::write(descriptor, text.data() + done, text.size() - done);
    if (count > 0) done += static_cast<std::size_t>(count);
    written = count > 0 || errno == EINTR;
  }
  written = written && ::fsync(descriptor) == 0;
  const int problem = errno;
  const bool closed = ::close(descriptor) == 0;
  if (written && closed) return {};
  if (!written) errno = problem;
  auto failed = io_error("write", file);
  ::unlink(file.c_str());
  return failed;
}

// Certificate and key, or neither.
result<void> write_pair(const fs::path& certificate_file, const fs::path& key_file, const tls::certificate& certificate,
                        const tls::x509_key& key) {
  tls::datum certificate_pem, key_pem;
  int code = gnutls_x509_crt_export2(certificate.get(), GNUTLS_X509_FMT_PEM, certificate_pem.out());
  if (code == 0)
    code = gnutls_x509_privkey_export2_pkcs8(key.get(), GNUTLS_X509_FMT_PEM, nullptr, GNUTLS_PKCS_PLAIN, key_pem.out());
  if (code != 0) return fail(errc::crypto_failed, fmt::format("cannot write PEM: {}", gnutls_strerror(code)));
  // The key first: where one lies already, nothing has been touched yet.
  if (auto done = write_new_file(key_file, key_pem.text()); !done) return done;
  if (auto done = write_new_file(certificate_file, certificate_pem.text()); !done) {
    ::unlink(key_file.c_str());
    return done;
  }
  return {};
}

struct authority {
  tls::certificate certificate;
  tls::x509_key key;
};

result<authority> load_authority(const fs::path& directory) {
  const auto certificate_file = directory / "ca.pem", key_file = directory / "ca.key";
  auto certificate_pem = tls::read_file(certificate_file, false);
  if (!certificate_pem)
    return fail(certificate_pem.error().code, certificate_pem.error().context + "; `quicsync cert ca` makes one");
  auto key_pem = tls::read_file(key_file, true);
  if (!key_pem) return fail(key_pem.error());
  auto certificates = tls::parse_certificates(*certificate_pem, certificate_file);
  if (!certificates) return fail(certificates.error());
  auto key = tls::parse_key(*key_pem, key_file);
  if (!key) return fail(key.error());
  authority made{std::move(certificates->front()), std::move(*key)};
  if (!tls::belongs_together(made.certificate.get(), made.key.get()))
    return fail(errc::bad_certificate,
                fmt::format("{} is not the key of {}", key_file.string(), certificate_file.string()));
  if (!tls::facts_of(made.certificate.get()).is_ca)
    return fail(errc::bad_certificate, fmt::format("{} is not a CA's certificate", certificate_file.string()));
  return made;
}

}  // namespace

result<void> make_ca(const fs::path& directory) {
  if (auto made = make_directory(directory); !made) return made;
  auto key = tls::make_key();
  if (!key) return fail(key.error());
  // A name of its own, so that people can tell two CAs apart and chain building never confuses them.
  std::array<std::uint8_t, 4> tag;
  crypto::random_bytes(tag.data(), tag.size());
  const auto now = tls::certificate_time();
  const tls::certificate_plan plan{.name = "quicsync CA " + crypto::to_hex(tag),
                                   .is_ca = true,
                                   .in_dns = false,
                                   .not_before = now - clock_skew_seconds,
                                   .not_after = now + ca_days * day_seconds};
  auto certificate = tls::make_certificate(plan, key->get(), nullptr, nullptr);
  if (!certificate) return fail(certificate.error());
  return write_pair(directory / "ca.pem", directory / "ca.key", *certificate, *key);
}

result<certificate_files> make_node_certificate(const std::string& name, const fs::path& ca_directory,
                                                const fs::path& out, int days) {
  if (!tls::is_node_name(name))
    return fail(errc::usage,
                fmt::format("'{}' is no node name: letters, digits, '-' and '.', at most 64 characters, as in a "
                            "host name",
                            tls::printable(name)));
  if (name == "ca") return fail(errc::usage, "a node cannot be named 'ca': its files would be the CA's");
  if (days < 0 || days > node_days_max)
    return fail(errc::usage, fmt::format("a certificate lasts from 0 to {} days, not {}", node_days_max, days));
  auto issuer = load_authority(ca_directory);
  if (!issuer) return fail(issuer.error());
  if (auto made = make_directory(out); !made) return fail(made.error());
  auto key = tls::make_key();
  if (!key) return fail(key.error());
  const auto now = tls::certificate_time();
  const tls::certificate_plan plan{.name = name,
                                   .is_ca = false,
                                   .in_dns = true,
                                   .not_before = now - clock_skew_seconds,
                                   .not_after = days == 0 ? now - 60 : now + days * day_seconds};
  auto certificate = tls::make_certificate(plan, key->get(), issuer->certificate.get(), issuer->key.get());
  if (!certificate) return fail(certificate.error());
  certificate_files files{out / (name + ".pem"), out / (name + ".key")};
  if (auto done = write_pair(files.certificate, files.key, *certificate, *key); !done) return fail(done.error());
  return files;
}

result<certificate_facts> read_certificate(const fs::path& file) {
  auto pem = tls::read_file(file, false);
  if (!pem) return fail(pem.error());
  auto certificates = tls::parse_certificates(*pem, file);
  if (!certificates) return fail(certificates.error());
  return tls::facts_of(certificates->front().get());
}

}  // namespace quicsync
