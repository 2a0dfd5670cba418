#include <fmt/format.h>

#include <quicsync/transport/tls_certificate.hpp>
#include <quicsync/transport/tls_credentials.hpp>
#include <quicsync/transport/tls_session.hpp>

namespace quicsync {

namespace tls {

loaded_credentials::~loaded_credentials() {
  for (auto& each : chain_) gnutls_pcert_deinit(&each);
}

int loaded_credentials::adopt(std::vector<certificate>& chain, x509_key& key, std::string_view trusted_pem) {
  for (auto& each : chain) {
    gnutls_pcert_st shape{};
    if (const int code = gnutls_pcert_import_x509(&shape, each.get(), 0); code != 0) return code;
    chain_.push_back(shape);
  }
  datum der;
  if (const int code =
          gnutls_x509_privkey_export2_pkcs8(key.get(), GNUTLS_X509_FMT_DER, nullptr, GNUTLS_PKCS_PLAIN, der.out());
      code != 0)
    return code;
  reset_secret_ = crypto::hmac_sha256(as_bytes(der.text()), as_bytes("quicsync stateless reset"));
  if (const int code = gnutls_privkey_init(key_.out()); code != 0) return code;
  // COPY: the key outlives `key`.
  if (const int code = gnutls_privkey_import_x509(key_.get(), key.get(), GNUTLS_PRIVKEY_IMPORT_COPY); code != 0)
    return code;
  if (const int code = gnutls_certificate_allocate_credentials(native_.out()); code != 0) return code;
  install_callbacks(native_.get());
  if (trusted_pem.empty()) return 0;
  const auto pem = view_of(trusted_pem);
  const int count = gnutls_certificate_set_x509_trust_mem(native_.get(), &pem, GNUTLS_X509_FMT_PEM);
  if (count < 0) return count;
  has_trust_ = count > 0;
  return 0;
}

result<std::shared_ptr<const loaded_credentials>> loaded_credentials::make(std::vector<certificate> chain, x509_key key,
                                                                           std::string_view trusted_pem) {
  std::shared_ptr<loaded_credentials> made(new loaded_credentials);
  made->name_ = node_name_of(chain.front().get());
  made->fingerprint_ = fingerprint_of(chain.front().get());
  if (const int code = made->adopt(chain, key, trusted_pem); code != 0)
    return fail(errc::crypto_failed, fmt::format("cannot use certificate and key: {}", gnutls_strerror(code)));
  return std::shared_ptr<const loaded_credentials>(std::move(made));
}

}  // namespace tls

namespace {

result<void> check_validity(const certificate_facts& facts, const std::filesystem::path& file) {
  const auto now = tls::certificate_time();
  if (now > facts.not_after)
    return fail(errc::certificate_expired,
                fmt::format("certificate {} of '{}' has expired on {}; `quicsync cert node` makes a new "
                            "one",
                            file.string(), facts.name, tls::date_of(facts.not_after)));
  if (now < facts.not_before)
    return fail(errc::certificate_expired,
                fmt::format("certificate {} of '{}' is not valid before {}; is the clock right?", file.string(),
                            facts.name, tls::date_of(facts.not_before)));
  return {};
}

}  // namespace

result<std::shared_ptr<const credentials>> credentials::load(const files& from, bool allow_expired) {
  auto certificate_pem = tls::read_file(from.certificate, false);
  if (!certificate_pem) return fail(certificate_pem.error());
  auto key_pem = tls::read_file(from.key, true);
  if (!key_pem) return fail(key_pem.error());
  auto ca_pem = tls::read_file(from.ca, false);
  if (!ca_pem) return fail(ca_pem.error());
  auto chain = tls::parse_certificates(*certificate_pem, from.certificate);
  if (!chain) return fail(chain.error());
  auto key = tls::parse_key(*key_pem, from.key);
  if (!key) return fail(key.error());
  if (auto trusted = tls::parse_certificates(*ca_pem, from.ca); !trusted) return fail(trusted.error());

  const auto own = chain->front().get();
  const auto facts = tls::facts_of(own);
  if (!tls::belongs_together(own, key->get()))
    return fail(errc::bad_certificate,
                fmt::format("{} is not the key of the certificate {}", from.key.string(), from.certificate.string()));
  if (facts.is_ca)
    return fail(errc::bad_certificate,
                fmt::format("{} is a CA's certificate, not a node's", from.certificate.string()));
  if (tls::node_name_of(own).empty())
    return fail(errc::bad_certificate,
                fmt::format("certificate {} names no node: its CN is '{}'", from.certificate.string(), facts.name));
  if (!allow_expired)
    if (auto valid = check_validity(facts, from.certificate); !valid) return fail(valid.error());
  auto made = tls::loaded_credentials::make(std::move(*chain), std::move(*key), *ca_pem);
  if (!made) return fail(errc::bad_certificate, made.error().context);
  return *made;
}

result<std::shared_ptr<const credentials>> credentials::make_insecure(const std::string& name) {
  auto key = tls::make_key();
  if (!key) return fail(key.error());
  const auto now = tls::certificate_time();
  constexpr std::int64_t year_seconds = 365 * 24 * 60 * 60;
  const tls::certificate_plan plan{.name = tls::is_node_name(name) ? name : "insecure",
                                   .is_ca = false,
                                   .in_dns = true,
                                   .not_before = now - 60 * 60,
                                   .not_after = now + year_seconds};
  auto certificate = tls::make_certificate(plan, key->get(), nullptr, nullptr);
  if (!certificate) return fail(certificate.error());
  std::vector<tls::certificate> chain;
  chain.push_back(std::move(*certificate));
  auto made = tls::loaded_credentials::make(std::move(chain), std::move(*key), {});
  if (!made) return fail(made.error());
  return *made;
}

}  // namespace quicsync
