#include <algorithm>

#include <ngtcp2/ngtcp2_crypto.h>

#include <quicsync/transport/stateless_answers.hpp>

namespace quicsync {

namespace {

// A reset looks like a short packet of a connection; shorter than this nobody takes it for one. RFC 9000 section 10.3.
constexpr std::size_t reset_bytes_min = 21, reset_bytes_max = 42;

}  // namespace

std::optional<byte_buffer> stateless_answers::version_negotiation(const ngtcp2_version_cid& asked, time_point now) {
  if (!budget_.take(now)) return std::nullopt;
  byte_buffer out(NGTCP2_MAX_UDP_PAYLOAD_SIZE);
  std::uint8_t unused = 0;
  host_.random(&unused, 1);
  const std::uint32_t spoken = NGTCP2_PROTO_VER_V1;
  const auto bytes = ngtcp2_pkt_write_version_negotiation(out.data(), out.size(), unused, asked.scid, asked.scidlen,
                                                          asked.dcid, asked.dcidlen, &spoken, 1);
  if (bytes <= 0) return std::nullopt;
  out.resize(static_cast<std::size_t>(bytes));
  return out;
}

std::optional<byte_buffer> stateless_answers::reset(const ngtcp2_cid& unknown, std::size_t datagram_bytes,
                                                    time_point now) {
  // Always shorter than what it answers, so that two endpoints never reset each other in a loop.
  if (datagram_bytes <= reset_bytes_min || !budget_.take(now)) return std::nullopt;
  const auto size = std::min(datagram_bytes - 1, reset_bytes_max);
  std::array<std::uint8_t, NGTCP2_STATELESS_RESET_TOKENLEN> token;
  host_.reset_token(unknown, token.data());
  std::array<std::uint8_t, reset_bytes_max> noise;
  const auto noise_bytes = size - token.size();
  host_.random(noise.data(), noise_bytes);
  byte_buffer out(size);
  const auto bytes = ngtcp2_pkt_write_stateless_reset(out.data(), out.size(), token.data(), noise.data(), noise_bytes);
  if (bytes <= 0) return std::nullopt;
  out.resize(static_cast<std::size_t>(bytes));
  return out;
}

std::optional<byte_buffer> stateless_answers::refusal(const ngtcp2_pkt_hd& first, std::uint64_t code, time_point now) {
  if (!budget_.take(now)) return std::nullopt;
  byte_buffer out(NGTCP2_MAX_UDP_PAYLOAD_SIZE);
  const auto bytes = ngtcp2_crypto_write_connection_close(out.data(), out.size(), first.version, &first.scid,
                                                          &first.dcid, code, nullptr, 0);
  if (bytes <= 0) return std::nullopt;
  out.resize(static_cast<std::size_t>(bytes));
  return out;
}

std::optional<byte_buffer> stateless_answers::retry(const ngtcp2_pkt_hd& first, const address& remote, time_point now) {
  if (!retries_.take(now)) return std::nullopt;
  return tokens_.retry(first, remote, now);
}

}  // namespace quicsync
