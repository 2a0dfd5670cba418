// The one implementation of `credentials`: an identity and its trust in the shape that GnuTLS takes. Immutable after it
// was made; sessions on any thread may share it.
#pragma once
#include <vector>

#include <quicsync/transport/certificates.hpp>
#include <quicsync/transport/crypto.hpp>
#include <quicsync/transport/tls_handles.hpp>

namespace quicsync::tls {

class loaded_credentials final : public credentials {
 public:
  /// `chain`: own certificate first. Errors: crypto_failed.
  static result<std::shared_ptr<const loaded_credentials>> make(std::vector<certificate> chain, x509_key key,
                                                                std::string_view trusted_pem);
  ~loaded_credentials() override;

  const std::string& name() const noexcept override { return name_; }
  const std::string& fingerprint() const noexcept override { return fingerprint_; }
  bool has_trust() const noexcept override { return has_trust_; }

  /// For gnutls_credentials_set.
  gnutls_certificate_credentials_t native() const noexcept { return native_.get(); }
  /// Secret and the same after each start with the same key: what stateless reset tokens are made from, RFC 9000
  /// section 10.3.2.
  const crypto::digest& reset_secret() const noexcept { return reset_secret_; }

  /// The own chain and key, for GnuTLS to send.
  const std::vector<gnutls_pcert_st>& chain() const noexcept { return chain_; }
  gnutls_privkey_t key() const noexcept { return key_.get(); }

 private:
  loaded_credentials() = default;
  int adopt(std::vector<certificate>& chain, x509_key& key, std::string_view trusted_pem);

  std::string name_;
  std::string fingerprint_;
  bool has_trust_ = false;
  trust native_;
  private_key key_;
  std::vector<gnutls_pcert_st> chain_;
  crypto::digest reset_secret_{};
};

}  // namespace quicsync::tls
