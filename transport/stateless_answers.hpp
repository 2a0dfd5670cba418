// Answers to datagrams that belong to no connection: version negotiation, stateless reset, refusal, Retry. Each is
// smaller than what it answers, and their rate is limited. None: the rate is used up. Owned by the endpoint; pure.
#pragma once
#include <optional>

#include <ngtcp2/ngtcp2.h>

#include <quicsync/transport/address_tokens.hpp>
#include <quicsync/transport/connection_host.hpp>
#include <quicsync/transport/token_bucket.hpp>

namespace quicsync {

class stateless_answers {
 public:
  explicit stateless_answers(connection_host& host) : host_(host), tokens_(host) {}

  /// RFC 9000 section 6.1; the only version spoken is 1.
  std::optional<byte_buffer> version_negotiation(const ngtcp2_version_cid& asked, time_point now);
  /// RFC 9000 section 10.3, for a datagram of `datagram_bytes` to a connection id that nobody has.
  std::optional<byte_buffer> reset(const ngtcp2_cid& unknown, std::size_t datagram_bytes, time_point now);
  /// CONNECTION_CLOSE with `code`: NGTCP2_CONNECTION_REFUSED (RFC 9000 section 5.2.2) or NGTCP2_INVALID_TOKEN (8.1.3).
  std::optional<byte_buffer> refusal(const ngtcp2_pkt_hd& first, std::uint64_t code, time_point now);
  /// RFC 9000 section 17.2.5.
  std::optional<byte_buffer> retry(const ngtcp2_pkt_hd& first, const address& remote, time_point now);

  const address_tokens& tokens() const noexcept { return tokens_; }

 private:
  connection_host& host_;
  address_tokens tokens_;
  token_bucket budget_{limits::stateless_answers_per_second};
  // Of its own: while others flood, it is how honest clients come in.
  token_bucket retries_{limits::retries_per_second};
};

}  // namespace quicsync
