// The end of a connection in words: what a CONNECTION_CLOSE of the other side, an ngtcp2 error or a TLS alert means as
// an error of ours. Pure.
#pragma once
#include <string>

#include <ngtcp2/ngtcp2.h>

#include <quicsync/codec/error.hpp>
#include <quicsync/transport/endpoint.hpp>

namespace quicsync {

/// What the other side said with its CONNECTION_CLOSE (RFC 9000 section 19.19), TLS alerts included (RFC 9001
/// section 4.8).
struct peer_close {
  error reason;
  errc peer_code = errc::none;  ///< the application's code, where it gave one
};
peer_close describe_close(const ngtcp2_ccerr& received, const endpoint_config& config);

/// An alert that this side's TLS raised itself.
error describe_own_alert(std::uint8_t alert, const endpoint_config& config);

}  // namespace quicsync
