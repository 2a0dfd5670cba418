// Who may ask the admin endpoint what: the rules for hosts, origins, methods, tokens and cookies. Decisions only; time
// and randomness are arguments. Owned by the endpoint, which calls it from its threads one at a time.
#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include <quicsync/codec/error.hpp>

namespace quicsync {

/// What of a request its rules are about.
struct admin_request {
  std::string method;  ///< GET, HEAD, POST, ...
  std::string path;    ///< without the query
  std::string host;
  std::optional<std::string> origin, fetch_site;  ///< absent: no browser, or an old one
  std::string authorization, cookie, content_type;
  bool has_body = false;
};

class admin_access {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  /// A Unix socket: whoever could open it may ask.
  admin_access() = default;
  /// A port of this machine: whoever knows the token may.
  admin_access(std::uint16_t port, std::string token) : port_(port), token_(std::move(token)) {}

  enum class kind : std::uint8_t {
    page,     ///< holds nothing of the node
    health,   ///< for whatever watches the process
    reading,  ///< tells what the node is and does
    session,  ///< login and logout
    change,   ///< changes something
  };
  /// Errors: not_allowed, with what stands in the way.
  result<void> check(const admin_request& asked, kind what, time_point now) const;

  /// The cookie's value for this token; `fresh`: 32 random bytes in hexadecimal. Errors: not_allowed.
  result<std::string> log_in(std::string_view token, std::string fresh, time_point now);
  void log_out(std::string_view cookie_header);

  /// What the audit says of who asks.
  std::string_view who() const noexcept { return port_ == 0 ? "the socket's owner" : "the token's holder"; }

  static constexpr std::string_view cookie_name = "quicsync";

 private:
  result<void> check_place(const admin_request& asked) const;
  bool is_known(const admin_request& asked, time_point now) const;

  std::uint16_t port_ = 0;  ///< 0: a Unix socket
  std::string token_;
  std::map<std::string, time_point, std::less<>> sessions_;  ///< cookie -> when it ends
};

/// True when both are the same, in a time that does not tell where they differ.
bool is_same_secret(std::string_view one, std::string_view other) noexcept;
/// The value of the cookie of this name; empty: none.
std::string_view cookie_of(std::string_view header, std::string_view name) noexcept;

}  // namespace quicsync
