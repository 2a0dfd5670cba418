#include <algorithm>

#include <ngtcp2/ngtcp2_crypto.h>

#include <quicsync/transport/address_tokens.hpp>

namespace quicsync {

namespace {

ngtcp2_tstamp stamp_of(time_point now) {
  const auto since_epoch = std::chrono::duration_cast<std::chrono::nanoseconds>(now.time_since_epoch());
  return static_cast<ngtcp2_tstamp>(std::max<std::int64_t>(since_epoch.count(), 0));
}

ngtcp2_duration duration_of(std::chrono::nanoseconds time) { return static_cast<ngtcp2_duration>(time.count()); }

}  // namespace

address_proof address_tokens::read(const ngtcp2_pkt_hd& first, const address& remote, time_point now) const {
  address_proof proof;
  if (first.tokenlen == 0) return proof;
  switch (first.token[0]) {
    case NGTCP2_CRYPTO_TOKEN_MAGIC_RETRY2: {
      const int code = ngtcp2_crypto_verify_retry_token2(
          &proof.original_dcid, first.token, first.tokenlen, secret_.data(), secret_.size(), first.version,
          remote.raw(), remote.length(), &first.dcid, duration_of(limits::retry_token_lifetime), stamp_of(now));
      proof.what = code == 0 ? address_proof::kind::retry : address_proof::kind::invalid;
      return proof;
    }
    case NGTCP2_CRYPTO_TOKEN_MAGIC_REGULAR:
      if (ngtcp2_crypto_verify_regular_token(first.token, first.tokenlen, secret_.data(), secret_.size(), remote.raw(),
                                             remote.length(), duration_of(limits::address_token_lifetime),
                                             stamp_of(now)) == 0)
        proof.what = address_proof::kind::earlier;
      return proof;
    default:
      return proof;
  }
}

std::optional<byte_buffer> address_tokens::retry(const ngtcp2_pkt_hd& first, const address& remote, time_point now) {
  ngtcp2_cid fresh;
  fresh.datalen = cid_bytes;
  host_.random(fresh.data, fresh.datalen);
  // ngtcp2 asserts it.
  if (ngtcp2_cid_eq(&fresh, &first.dcid) != 0) return std::nullopt;
  std::array<std::uint8_t, NGTCP2_CRYPTO_MAX_RETRY_TOKENLEN2> token;
  const auto token_bytes =
      ngtcp2_crypto_generate_retry_token2(token.data(), secret_.data(), secret_.size(), first.version, remote.raw(),
                                          remote.length(), &fresh, &first.dcid, stamp_of(now));
  if (token_bytes <= 0) return std::nullopt;
  byte_buffer out(NGTCP2_MAX_UDP_PAYLOAD_SIZE);
  const auto bytes = ngtcp2_crypto_write_retry(out.data(), out.size(), first.version, &first.scid, &fresh, &first.dcid,
                                               token.data(), static_cast<std::size_t>(token_bytes));
  if (bytes <= 0) return std::nullopt;
  out.resize(static_cast<std::size_t>(bytes));
  return out;
}

byte_buffer address_tokens::for_later(const address& remote, time_point now) const {
  byte_buffer token(NGTCP2_CRYPTO_MAX_REGULAR_TOKENLEN);
  const auto bytes = ngtcp2_crypto_generate_regular_token(token.data(), secret_.data(), secret_.size(), remote.raw(),
                                                          remote.length(), stamp_of(now));
  token.resize(bytes > 0 ? static_cast<std::size_t>(bytes) : 0);
  return token;
}

}  // namespace quicsync
