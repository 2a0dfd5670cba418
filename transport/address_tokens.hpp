// Address validation tokens, RFC 9000 section 8.1: what a client shows to prove that it receives at its address. Owned
// by the endpoint; the secret is new with each start, so that no clock has to agree with the last one's.
#pragma once
#include <optional>

#include <ngtcp2/ngtcp2.h>

#include <quicsync/transport/connection_host.hpp>
#include <quicsync/transport/crypto.hpp>

namespace quicsync {

/// What a first packet's token says.
struct address_proof {
  enum class kind {
    none,     ///< no token, or one that nobody here made: as good as none
    retry,    ///< an answer to our Retry
    earlier,  ///< given to the same host in an earlier connection (NEW_TOKEN)
    invalid,  ///< looks like ours and is not good: the handshake would fail later
  };
  kind what = kind::none;
  ngtcp2_cid original_dcid{};  ///< with `retry`: of the client's very first packet

  bool good() const noexcept { return what == kind::retry || what == kind::earlier; }
};

class address_tokens {
 public:
  explicit address_tokens(connection_host& host) : host_(host) { host_.random(secret_.data(), secret_.size()); }

  address_proof read(const ngtcp2_pkt_hd& first, const address& remote, time_point now) const;

  /// A Retry packet that answers `first`; it is smaller than that.
  std::optional<byte_buffer> retry(const ngtcp2_pkt_hd& first, const address& remote, time_point now);

  /// For a NEW_TOKEN frame to a client at this address; empty where none can be made.
  byte_buffer for_later(const address& remote, time_point now) const;

 private:
  connection_host& host_;
  crypto::digest secret_{};
};

}  // namespace quicsync
