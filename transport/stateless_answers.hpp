// Answers to datagrams that belong to no connection: version negotiation, stateless reset, refusal. Each is smaller
// than what it answers, and all together are rate limited. Owned by the endpoint; pure.
#pragma once
#include <optional>

#include <ngtcp2/ngtcp2.h>

#include <quicsync/transport/connection.hpp>

namespace quicsync {

/// So many a second, and no more at once.
class token_bucket {
 public:
  explicit token_bucket(unsigned per_second) : per_second_(per_second), tokens_(per_second) {}
  bool take(time_point now);

 private:
  unsigned per_second_;
  double tokens_;
  std::optional<time_point> filled_;
};

class stateless_answers {
 public:
  explicit stateless_answers(connection_host& host) : host_(host) {}

  /// RFC 9000 section 6.1; the only version spoken is 1.
  std::optional<byte_buffer> version_negotiation(const ngtcp2_version_cid& asked, time_point now);
  /// RFC 9000 section 10.3, for a datagram of `datagram_bytes` to a connection id that nobody has.
  std::optional<byte_buffer> reset(const ngtcp2_cid& unknown, std::size_t datagram_bytes, time_point now);
  /// CONNECTION_REFUSED, RFC 9000 section 5.2.2.
  std::optional<byte_buffer> refusal(const ngtcp2_pkt_hd& first, time_point now);

 private:
  connection_host& host_;
  token_bucket budget_{200};
};

}  // namespace quicsync
