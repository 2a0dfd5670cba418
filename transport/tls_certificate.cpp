#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <gnutls/crypto.h>
#include <sys/stat.h>
#include <unistd.h>

#include <quicsync/transport/crypto.hpp>
#include <quicsync/transport/tls_certificate.hpp>

namespace quicsync {

namespace {

constexpr std::int64_t system_clock = -1;
std::atomic<std::int64_t> fixed_time{system_clock};

time_t gnutls_clock(time_t* out) {
  const auto fixed = fixed_time.load(std::memory_order_relaxed);
  const time_t now = fixed == system_clock ? ::time(nullptr) : static_cast<time_t>(fixed);
  if (out != nullptr) *out = now;
  return now;
}

}  // namespace

void fix_certificate_time(std::optional<std::int64_t> unix_seconds) {
  fixed_time = unix_seconds.value_or(system_clock);
  gnutls_global_set_time_function(gnutls_clock);
}

namespace tls {

namespace {

constexpr std::size_t file_bytes = 1u << 20;  // a chain with many CAs takes tens of KB
constexpr std::size_t cn_bytes = 64;

std::string common_name(gnutls_x509_crt_t crt,
                        int (*read)(gnutls_x509_crt_t, const char*, unsigned, unsigned, void*, std::size_t*)) {
  std::array<char, 512> text;
  std::size_t size = text.size();
  if (read(crt, GNUTLS_OID_X520_COMMON_NAME, 0, 0, text.data(), &size) != 0) return {};
  return {text.data(), size};
}

std::vector<std::string> dns_names(gnutls_x509_crt_t crt) {
  std::vector<std::string> names;
  for (unsigned index = 0; index < 256; ++index) {
    std::array<char, 1024> text;
    std::size_t size = text.size();
    const int kind = gnutls_x509_crt_get_subject_alt_name(crt, index, text.data(), &size, nullptr);
    if (kind == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE) break;
    if (kind == GNUTLS_SAN_DNSNAME) names.push_back(printable({text.data(), size}));
  }
  return names;
}

std::string key_type(gnutls_x509_crt_t crt) {
  unsigned bits = 0;
  const int algorithm = gnutls_x509_crt_get_pk_algorithm(crt, &bits);
  switch (algorithm) {
    case GNUTLS_PK_EDDSA_ED25519:
      return "Ed25519";
    case GNUTLS_PK_EDDSA_ED448:
      return "Ed448";
    case GNUTLS_PK_ECDSA:
      return fmt::format("ECDSA P-{}", bits);
    case GNUTLS_PK_RSA:
      return fmt::format("RSA {}", bits);
    default:
      break;
  }
  const char* name = gnutls_pk_get_name(static_cast<gnutls_pk_algorithm_t>(algorithm));
  return name != nullptr ? name : "unknown";
}

tl::unexpected<error> not_made(int code) {
  return fail(errc::crypto_failed, fmt::format("cannot make the certificate: {}", gnutls_strerror(code)));
}

// A positive number of 16 random bytes, RFC 5280 section 4.1.2.2.
std::array<std::uint8_t, 16> make_serial() {
  std::array<std::uint8_t, 16> serial;
  crypto::random_bytes(serial.data(), serial.size());
  serial[0] = static_cast<std::uint8_t>((serial[0] & 0x7f) | 0x40);
  return serial;
}

int set_extensions(gnutls_x509_crt_t crt, const certificate_plan& plan) {
  if (plan.is_ca) {
    // No CA below this one.
    const int code = gnutls_x509_crt_set_basic_constraints(crt, 1, 0);
    return code != 0 ? code : gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN);
  }
  if (const int code = gnutls_x509_crt_set_basic_constraints(crt, 0, -1); code != 0) return code;
  if (const int code = gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_DIGITAL_SIGNATURE); code != 0) return code;
  // Every node is client and server at once.
  for (const char* purpose : {GNUTLS_KP_TLS_WWW_SERVER, GNUTLS_KP_TLS_WWW_CLIENT})
    if (const int code = gnutls_x509_crt_set_key_purpose_oid(crt, purpose, 0); code != 0) return code;
  if (!plan.in_dns) return 0;
  return gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, plan.name.data(),
                                              static_cast<unsigned>(plan.name.size()), GNUTLS_FSAN_SET);
}

// Subject and authority key identifiers, RFC 5280 sections 4.2.1.1 and 4.2.1.2.
int set_key_ids(gnutls_x509_crt_t crt, gnutls_x509_crt_t issuer) {
  std::array<std::uint8_t, 64> id;
  std::size_t size = id.size();
  if (const int code = gnutls_x509_crt_get_key_id(crt, GNUTLS_KEYID_USE_SHA1, id.data(), &size); code != 0) return code;
  if (const int code = gnutls_x509_crt_set_subject_key_id(crt, id.data(), size); code != 0) return code;
  size = id.size();
  if (const int code = gnutls_x509_crt_get_subject_key_id(issuer, id.data(), &size, nullptr); code != 0)
    return code == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE ? 0 : code;
  return gnutls_x509_crt_set_authority_key_id(crt, id.data(), size);
}

}  // namespace

bool is_node_name(std::string_view name) noexcept {
  if (name.empty() || name.size() > cn_bytes) return false;
  std::size_t label = 0;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    const bool last = i + 1 == name.size() || name[i + 1] == '.';
    if (c == '.') {
      if (label == 0) return false;
      label = 0;
      continue;
    }
    if (!letter && !(c == '-' && label > 0 && !last)) return false;
    if (++label > 63) return false;
  }
  return label > 0;
}

std::string node_name_of(gnutls_x509_crt_t crt) {
  auto name = common_name(crt, gnutls_x509_crt_get_dn_by_oid);
  return is_node_name(name) ? name : std::string{};
}

certificate_facts facts_of(gnutls_x509_crt_t crt) {
  certificate_facts facts;
  facts.name = printable(common_name(crt, gnutls_x509_crt_get_dn_by_oid));
  facts.issuer = printable(common_name(crt, gnutls_x509_crt_get_issuer_dn_by_oid));
  facts.dns_names = dns_names(crt);
  facts.not_before = gnutls_x509_crt_get_activation_time(crt);
  facts.not_after = gnutls_x509_crt_get_expiration_time(crt);
  facts.key_type = key_type(crt);
  facts.fingerprint = fingerprint_of(crt);
  facts.is_ca = gnutls_x509_crt_get_basic_constraints(crt, nullptr, nullptr, nullptr) > 0;
  return facts;
}

std::string fingerprint_of(gnutls_x509_crt_t crt) {
  std::array<std::uint8_t, 32> id;
  std::size_t size = id.size();
  if (gnutls_x509_crt_get_key_id(crt, GNUTLS_KEYID_USE_SHA256, id.data(), &size) != 0) return {};
  return crypto::to_hex({id.data(), size});
}

std::int64_t certificate_time() noexcept { return gnutls_clock(nullptr); }

std::string date_of(std::int64_t unix_seconds) {
  const auto seconds = static_cast<time_t>(unix_seconds);
  std::tm parts{};
  if (gmtime_r(&seconds, &parts) == nullptr) return "?";
  return fmt::format("{:04}-{:02}-{:02}", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday);
}

std::string printable(std::string_view text, std::size_t limit) {
  std::string out(text.substr(0, limit));
  for (char& c : out)
    if (c < 0x20 || c > 0x7e) c = '?';
  return out;
}

result<std::string> read_file(const std::filesystem::path& file, bool secret) {
  const auto failed = [&](const char* why) {
    return fail(errc::no_file, fmt::format("cannot read {}: {}", file.string(), why));
  };
  // O_NONBLOCK: a FIFO in the file's place must not hang the program.
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return failed(std::strerror(errno));
  struct closer {
    int descriptor;
    ~closer() { ::close(descriptor); }
  } const owner{descriptor};
  struct stat facts{};
  if (::fstat(descriptor, &facts) != 0) return failed(std::strerror(errno));
  if (!S_ISREG(facts.st_mode)) return failed("not a regular file");
  if (static_cast<std::size_t>(facts.st_size) > file_bytes) return failed("larger than a certificate or key can be");
  if (secret && (facts.st_mode & 077) != 0)
    return fail(errc::key_exposed, fmt::format("private key {} can be read by others (mode {:03o}): run chmod 600 {}",
                                               file.string(), facts.st_mode & 0777, file.string()));
  std::string text(static_cast<std::size_t>(facts.st_size), '\0');
  std::size_t filled = 0;
  while (filled < text.size()) {
    const auto got = ::read(descriptor, text.data() + filled, text.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed(std::strerror(errno));
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  text.resize(filled);
  return text;
}

result<std::vector<certificate>> parse_certificates(std::string_view pem, const std::filesystem::path& file) {
  gnutls_x509_crt_t* list = nullptr;
  unsigned count = 0;
  const auto text = view_of(pem);
  const int code = gnutls_x509_crt_list_import2(&list, &count, &text, GNUTLS_X509_FMT_PEM, 0);
  if (code < 0 || count == 0)
    return fail(errc::bad_certificate,
                fmt::format("{} holds no certificate in PEM: {}", file.string(), gnutls_strerror(code)));
  std::vector<certificate> found;
  for (unsigned i = 0; i < count; ++i) found.emplace_back(list[i]);
  gnutls_free(list);
  return found;
}

result<x509_key> parse_key(std::string_view pem, const std::filesystem::path& file) {
  x509_key key;
  int code = gnutls_x509_privkey_init(key.out());
  const auto text = view_of(pem);
  if (code == 0) code = gnutls_x509_privkey_import2(key.get(), &text, GNUTLS_X509_FMT_PEM, nullptr, 0);
  if (code != 0)
    return fail(errc::bad_certificate,
                fmt::format("{} holds no usable private key in PEM: {}", file.string(), gnutls_strerror(code)));
  return key;
}

bool belongs_together(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key) {
  std::array<std::uint8_t, 32> of_crt{}, of_key{};
  std::size_t crt_size = of_crt.size(), key_size = of_key.size();
  return gnutls_x509_crt_get_key_id(crt, GNUTLS_KEYID_USE_SHA256, of_crt.data(), &crt_size) == 0 &&
         gnutls_x509_privkey_get_key_id(key, GNUTLS_KEYID_USE_SHA256, of_key.data(), &key_size) == 0 &&
         crt_size == key_size && of_crt == of_key;
}

result<x509_key> make_key() {
  x509_key key;
  int code = gnutls_x509_privkey_init(key.out());
  if (code == 0) code = gnutls_x509_privkey_generate(key.get(), GNUTLS_PK_EDDSA_ED25519, 256, 0);
  if (code != 0) return fail(errc::crypto_failed, fmt::format("cannot make a key: {}", gnutls_strerror(code)));
  return key;
}

result<certificate> make_certificate(const certificate_plan& plan, gnutls_x509_privkey_t key, gnutls_x509_crt_t issuer,
                                     gnutls_x509_privkey_t issuer_key) {
  certificate made;
  if (const int code = gnutls_x509_crt_init(made.out()); code != 0) return not_made(code);
  const auto crt = made.get();
  if (issuer == nullptr) {
    issuer = crt;
    issuer_key = key;
  }
  private_key signer;
  int code = gnutls_privkey_init(signer.out());
  if (code == 0) code = gnutls_privkey_import_x509(signer.get(), issuer_key, 0);
  const auto serial = make_serial();
  if (code == 0) code = gnutls_x509_crt_set_version(crt, 3);
  if (code == 0) code = gnutls_x509_crt_set_serial(crt, serial.data(), serial.size());
  if (code == 0) code = gnutls_x509_crt_set_activation_time(crt, static_cast<time_t>(plan.not_before));
  if (code == 0) code = gnutls_x509_crt_set_expiration_time(crt, static_cast<time_t>(plan.not_after));
  if (code == 0)
    code = gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, plan.name.data(),
                                         static_cast<unsigned>(plan.name.size()));
  if (code == 0) code = gnutls_x509_crt_set_key(crt, key);
  if (code == 0) code = set_extensions(crt, plan);
  if (code == 0) code = set_key_ids(crt, issuer);
  // EdDSA has its digest built in; GnuTLS picks the one that the issuer's key goes with.
  if (code == 0) code = gnutls_x509_crt_privkey_sign(crt, issuer, signer.get(), GNUTLS_DIG_UNKNOWN, 0);
  if (code != 0) return not_made(code);
  return made;
}

}  // namespace tls
}  // namespace quicsync
