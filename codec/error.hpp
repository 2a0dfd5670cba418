// Errors as values: one numbered code, and text that names what and where.
// Every fallible function of the project returns `result<T>`; no exception crosses a folder.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

namespace quicsync {

/// What went wrong. Numbers are part of the protocol (docs/WIRE.md, frames `refusal`, `error` and `goodbye`): never
/// changed, never reused. 1xx input, 2xx protocol, 3xx network, 4xx identity, 5xx node, 6xx store, 7xx usage.
enum class errc : std::uint16_t {
  none = 0,

  bad_json = 100,         ///< not JSON, or not JSON as RFC 8259 defines it
  bad_field = 101,        ///< a pattern's field has the wrong type or value
  missing_field = 102,    ///< a pattern lacks a field that it must have
  duplicate_field = 103,  ///< a pattern names one of its own fields twice
  too_large = 104,        ///< over a limit of codec/limits.hpp
  too_deep = 105,         ///< nested deeper than `limits::json_depth`
  bad_utf8 = 106,         ///< text that is not UTF-8
  bad_filter = 107,       ///< a filter expression that cannot be read
  bad_checksum = 108,     ///< `metadata.checksum` does not match `data`
  no_patterns = 109,      ///< a request to share nothing

  truncated = 200,         ///< bytes end before the value does
  bad_frame = 201,         ///< a frame that breaks the wire format
  bad_record = 202,        ///< a record that breaks the wire format
  bad_block = 203,         ///< a compressed block that does not decode to what it announces
  wire_version = 204,      ///< no wire version in common
  unexpected_frame = 205,  ///< a known frame where it is not allowed
  unknown_base = 206,      ///< a delta against a version that is not held here
  hash_mismatch = 207,     ///< a record or block whose bytes do not give its hash
  flood = 208,             ///< more of something than a limit allows

  bad_address = 300,         ///< not HOST:PORT, or a name that does not resolve
  address_in_use = 301,      ///< the port is taken
  unreachable = 302,         ///< nobody answers at the address
  timed_out = 303,           ///< no answer within the deadline
  connection_lost = 304,     ///< the connection ended unexpectedly
  connection_closed = 305,   ///< the other side said goodbye
  no_common_protocol = 306,  ///< the other side does not speak ALPN `quicsync/1`
  io_failed = 307,           ///< a system call failed
  not_connected = 308,       ///< no connection to this peer
  quic_failed = 309,         ///< a QUIC transport error, RFC 9000 section 20
  blocked = 310,             ///< no credit left, try again after the peer has taken more

  certificate_untrusted = 400,  ///< not signed by a trusted CA
  certificate_expired = 401,    ///< outside its validity period
  certificate_name = 402,       ///< names somebody else than expected
  certificate_missing = 403,    ///< the other side gave none
  certificate_refused = 404,    ///< the other side does not accept ours
  bad_certificate = 405,        ///< a file that holds no usable certificate or key
  key_exposed = 406,            ///< a private key that others can read
  not_allowed = 407,            ///< authenticated, but a rule forbids it
  crypto_failed = 408,          ///< GnuTLS reported an error that is none of the above

  already_running = 500,  ///< start() of a node that runs
  not_running = 501,      ///< a call that needs a running node
  unknown_peer = 502,     ///< no peer of that name
  no_peers = 503,         ///< shared, but there is nobody to share with
  duplicate_peer = 504,   ///< a peer of that name is connected already
  self_dial = 505,        ///< a node that dialled itself
  superseded = 506,       ///< a newer version settled it
  older_version = 507,    ///< a version that is held already is newer
  expired = 508,          ///< past its expiry
  not_found = 509,        ///< no such pattern
  overloaded = 510,       ///< refused for want of room, nothing was dropped
  cancelled = 511,        ///< the wait was ended from this side
  not_wanted = 512,       ///< outside the receiver's filter, and it holds no other version
  internal = 599,         ///< a defect of ours

  store_failed = 600,   ///< the store could not write or read
  store_lost = 601,     ///< what was stored once is missing
  store_locked = 602,   ///< another process has the store open
  store_newer = 603,    ///< written in a format that this version does not know
  store_key = 604,      ///< the store's key is missing, wrong or not one
  store_full = 605,     ///< the store's size limit is reached, or the disk is full
  store_corrupt = 606,  ///< stored bytes that fail their check

  usage = 700,       ///< wrong command line
  bad_config = 701,  ///< wrong configuration
  no_file = 702,     ///< a file that is not there or cannot be read
};

/// The code's name, e.g. "bad_json"; "unknown" for a number that is none.
std::string_view to_string(errc code) noexcept;

/// A code and text for people. The text starts in lower case, has no full stop, and stands alone after "error: ".
struct error {
  errc code = errc::none;
  std::string context;

  error() = default;
  error(errc c, std::string text) : code(c), context(std::move(text)) {}
  bool operator==(const error&) const = default;
};

/// The context, or the code's name where there is none.
std::string to_string(const error& e);

template <class T>
using result = tl::expected<T, error>;

/// `return fail(errc::bad_json, "line 3: ...");` in any function that returns a result.
inline tl::unexpected<error> fail(errc code, std::string context) {
  return tl::unexpected<error>(error{code, std::move(context)});
}
inline tl::unexpected<error> fail(error e) { return tl::unexpected<error>(std::move(e)); }

}  // namespace quicsync
