// GnuTLS objects as values that free themselves, and its errors as text. Internal to the QUIC core: only the files that
// speak GnuTLS include it.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include <quicsync/codec/error.hpp>

namespace quicsync::tls {

/// A GnuTLS handle with the function that frees it. `make` is the handle's init function.
template <class Handle, void (*release)(Handle)>
class handle {
 public:
  handle() = default;
  explicit handle(Handle raw) noexcept : raw_(raw) {}
  handle(handle&& other) noexcept : raw_(std::exchange(other.raw_, nullptr)) {}
  handle& operator=(handle&& other) noexcept {
    std::swap(raw_, other.raw_);
    return *this;
  }
  ~handle() {
    if (raw_ != nullptr) release(raw_);
  }

  Handle get() const noexcept { return raw_; }
  /// For an init function to write to. Precondition: empty.
  Handle* out() noexcept { return &raw_; }
  explicit operator bool() const noexcept { return raw_ != nullptr; }

 private:
  Handle raw_ = nullptr;
};

using certificate = handle<gnutls_x509_crt_t, gnutls_x509_crt_deinit>;
using x509_key = handle<gnutls_x509_privkey_t, gnutls_x509_privkey_deinit>;
using private_key = handle<gnutls_privkey_t, gnutls_privkey_deinit>;
using session = handle<gnutls_session_t, gnutls_deinit>;
using trust = handle<gnutls_certificate_credentials_t, gnutls_certificate_free_credentials>;

/// Memory that GnuTLS allocated.
class datum {
 public:
  datum() = default;
  datum(const datum&) = delete;
  datum& operator=(const datum&) = delete;
  ~datum() { gnutls_free(raw_.data); }
  gnutls_datum_t* out() noexcept { return &raw_; }
  std::string_view text() const noexcept { return {reinterpret_cast<const char*>(raw_.data), raw_.size}; }

 private:
  gnutls_datum_t raw_{};
};

/// A view in the shape that GnuTLS takes; it does not write to it.
inline gnutls_datum_t view_of(std::string_view text) noexcept {
  return {reinterpret_cast<unsigned char*>(const_cast<char*>(text.data())), static_cast<unsigned>(text.size())};
}

}  // namespace quicsync::tls
