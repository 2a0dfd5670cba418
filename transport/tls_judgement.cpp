#include <algorithm>

#include <fmt/format.h>

#include <quicsync/transport/tls_certificate.hpp>
#include <quicsync/transport/tls_judgement.hpp>

namespace quicsync::tls {

namespace {

// More than anybody's chain; the rest is not looked at.
constexpr std::size_t chain_certificates_max = 8;

refusal refuse(alert told, errc code, std::string text) { return {told, {code, std::move(text)}}; }

std::string whose(const certificate_facts& facts) {
  return facts.name.empty() ? std::string("the peer's certificate") : fmt::format("certificate of '{}'", facts.name);
}

std::optional<refusal> judge_signatures(const std::vector<certificate>& chain, const certificate_facts& facts,
                                        const judgement_basis& basis) {
  const char* purpose = basis.peer_is_client ? GNUTLS_KP_TLS_WWW_CLIENT : GNUTLS_KP_TLS_WWW_SERVER;
  gnutls_typed_vdata_st wanted{GNUTLS_DT_KEY_PURPOSE_OID, reinterpret_cast<unsigned char*>(const_cast<char*>(purpose)),
                               0};
  std::vector<gnutls_x509_crt_t> handles;
  for (const auto& each : chain) handles.push_back(each.get());
  gnutls_x509_trust_list_t trusted = nullptr;
  gnutls_certificate_get_trust_list(basis.trust->native(), &trusted);
  unsigned status = 0;
  const int code =
      gnutls_x509_trust_list_verify_crt2(trusted, handles.data(), static_cast<unsigned>(handles.size()), &wanted, 1,
                                         GNUTLS_PROFILE_TO_VFLAGS(GNUTLS_PROFILE_LOW), &status, nullptr);
  if (code != 0) status |= GNUTLS_CERT_INVALID;
  constexpr unsigned not_signed = GNUTLS_CERT_SIGNER_NOT_FOUND | GNUTLS_CERT_SIGNER_NOT_CA |
                                  GNUTLS_CERT_SIGNATURE_FAILURE | GNUTLS_CERT_SIGNER_CONSTRAINTS_FAILURE;
  if (status & not_signed)
    return refuse(alert::unknown_ca, errc::certificate_untrusted,
                  facts.issuer.empty()
                      ? whose(facts) + " is not signed by a trusted CA"
                      : fmt::format("{} is not signed by a trusted CA but by '{}'", whose(facts), facts.issuer));
  if (status & GNUTLS_CERT_REVOKED)
    return refuse(alert::certificate_revoked, errc::certificate_untrusted, whose(facts) + " was revoked");
  if (status & GNUTLS_CERT_EXPIRED)
    return refuse(alert::certificate_expired, errc::certificate_expired,
                  certificate_time() > facts.not_after
                      ? fmt::format("{} has expired on {}", whose(facts), date_of(facts.not_after))
                      : fmt::format("a CA above the {} has expired", whose(facts)));
  if (status & GNUTLS_CERT_NOT_ACTIVATED)
    return refuse(alert::certificate_expired, errc::certificate_expired,
                  fmt::format("{} is not valid before {}", whose(facts), date_of(facts.not_before)));
  if (status & GNUTLS_CERT_PURPOSE_MISMATCH)
    return refuse(
        alert::unsupported_certificate, errc::certificate_untrusted,
        fmt::format("{} is not made for a QUIC {}", whose(facts), basis.peer_is_client ? "client" : "server"));
  if (status != 0)
    return refuse(alert::bad_certificate, errc::certificate_untrusted, whose(facts) + " is not acceptable");
  return std::nullopt;
}

// Who it is by a pinned key: the certificate around it need not be signed by anybody, but must be of today.
std::optional<refusal> judge_pinned(const certificate_facts& facts, const std::string& name,
                                    const judgement_basis& basis) {
  const auto now = certificate_time();
  if (now > facts.not_after || now < facts.not_before)
    return refuse(alert::certificate_expired, errc::certificate_expired,
                  now > facts.not_after
                      ? fmt::format("{} has expired on {}", whose(facts), date_of(facts.not_after))
                      : fmt::format("{} is not valid before {}", whose(facts), date_of(facts.not_before)));
  if (!basis.expected_name.empty() && basis.expected_name != name)
    return refuse(alert::bad_certificate, errc::certificate_name,
                  fmt::format("expected '{}', but the key is pinned as that of '{}'", basis.expected_name, name));
  return std::nullopt;
}

std::optional<refusal> judge_by_ca(const std::vector<certificate>& chain, const certificate_facts& facts,
                                   const std::string& name, const judgement_basis& basis) {
  if (auto refused = judge_signatures(chain, facts, basis)) return refused;
  if (name.empty())
    return refuse(alert::bad_certificate, errc::certificate_name, whose(facts) + " names no node in its CN");
  const auto& pinned = basis.rules->pinned;
  if (std::any_of(pinned.begin(), pinned.end(), [&](const auto& pin) { return pin.second == name; }))
    return refuse(alert::bad_certificate, errc::certificate_untrusted,
                  fmt::format("'{}' is pinned to another key than that of its certificate", name));
  if (!basis.expected_name.empty() && gnutls_x509_crt_check_hostname2(chain.front().get(), basis.expected_name.c_str(),
                                                                      GNUTLS_VERIFY_DO_NOT_ALLOW_WILDCARDS) == 0)
    return refuse(alert::bad_certificate, errc::certificate_name,
                  fmt::format("expected '{}', but the certificate is that of '{}'", basis.expected_name, facts.name));
  return std::nullopt;
}

std::vector<certificate> parse(const raw_chain& raw) {
  std::vector<certificate> chain;
  for (const auto& der : raw) {
    if (chain.size() == chain_certificates_max) break;
    certificate one;
    const auto view = view_of(der);
    if (gnutls_x509_crt_init(one.out()) != 0 || gnutls_x509_crt_import(one.get(), &view, GNUTLS_X509_FMT_DER) != 0) {
      // What follows an own certificate that is good may still be of use to nobody.
      if (chain.empty()) return {};
      break;
    }
    chain.push_back(std::move(one));
  }
  return chain;
}

}  // namespace

judgement judge(const raw_chain& raw, const judgement_basis& basis) {
  judgement out;
  if (raw.empty()) {
    if (basis.required)
      out.refused = refuse(alert::certificate_required, errc::certificate_missing, "the peer gave no certificate");
    return out;
  }
  const auto chain = parse(raw);
  if (chain.empty()) {
    if (basis.required)
      out.refused =
          refuse(alert::bad_certificate, errc::certificate_untrusted, "the peer's certificate cannot be read");
    return out;
  }
  const auto leaf = chain.front().get();
  const auto facts = facts_of(leaf);
  out.who.name = node_name_of(leaf);
  out.who.fingerprint = fingerprint_of(leaf);
  if (basis.rules->denied.contains(out.who.fingerprint)) {
    out.refused =
        refuse(alert::access_denied, errc::not_allowed, fmt::format("the key of the {} is denied here", whose(facts)));
    return out;
  }
  if (!basis.check) return out;
  const auto pin = basis.rules->pinned.find(out.who.fingerprint);
  auto refused = pin != basis.rules->pinned.end() ? judge_pinned(facts, pin->second, basis)
                                                  : judge_by_ca(chain, facts, out.who.name, basis);
  if (!refused) {
    if (pin != basis.rules->pinned.end()) out.who.name = pin->second;
    out.who.verified = true;
  } else if (basis.required) {
    out.refused = std::move(refused);
  }
  return out;
}

}  // namespace quicsync::tls
