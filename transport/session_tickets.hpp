// The server's side of session resumption, RFC 8446 sections 2.2 and 8: the key that seals tickets, and the memory that
// lets each early data through once. One for each set of trust; sessions share it; made anew when trust changes, so
// that no ticket outlives the trust that it was given under. One thread.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include <quicsync/codec/error.hpp>
#include <quicsync/transport/tls_handles.hpp>

namespace quicsync::tls {

class session_tickets {
 public:
  /// `replayed` is called for each early data that has been seen before. Errors: crypto_failed.
  static result<std::shared_ptr<session_tickets>> make(std::function<void()> replayed);
  ~session_tickets();
  session_tickets(const session_tickets&) = delete;
  session_tickets& operator=(const session_tickets&) = delete;

  /// Makes a server's session give and take tickets, and early data where `early`. A GnuTLS error code.
  int enable(gnutls_session_t raw, bool early);

  /// For GnuTLS: 0 where this first message was not seen within the window. Public for its test.
  int remember(std::int64_t expires, std::string_view message);

 private:
  explicit session_tickets(std::function<void()> replayed) : replayed_(std::move(replayed)) {}

  std::function<void()> replayed_;
  gnutls_datum_t key_{};
  gnutls_anti_replay_t anti_replay_ = nullptr;
  std::map<std::int64_t, std::set<std::string, std::less<>>> seen_;  ///< by the second in which they expire
  std::size_t count_ = 0;
};

}  // namespace quicsync::tls
