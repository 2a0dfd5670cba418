// What a connection needs from its endpoint. Implemented by endpoint_core; one thread.
#pragma once
#include <array>
#include <cstdint>
#include <string>

#include <ngtcp2/ngtcp2.h>

#include <quicsync/transport/endpoint.hpp>
#include <quicsync/transport/event_queue.hpp>
#include <quicsync/transport/tls_environment.hpp>

namespace quicsync {

/// Length of every connection id that this side gives out: long enough that none is guessed.
inline constexpr std::size_t cid_bytes = 16;

using reset_token_bytes = std::array<std::uint8_t, NGTCP2_STATELESS_RESET_TOKENLEN>;

class address_tokens;
class server_memory;

class connection_host {
 public:
  virtual ~connection_host() = default;
  virtual const endpoint_config& config() const noexcept = 0;
  virtual event_queue& events() noexcept = 0;
  virtual void random(std::uint8_t* out, std::size_t count) = 0;
  /// From now on datagrams to this connection id belong to the connection. False: the id is taken.
  virtual bool claim(const ngtcp2_cid& cid, connection_id id) = 0;
  virtual void release(const ngtcp2_cid& cid, connection_id id) = 0;
  /// A datagram that ends in this token, whatever its connection id, is a stateless reset of the connection (RFC 9000
  /// section 10.3.1).
  virtual void expect_reset(const reset_token_bytes& token, connection_id id) = 0;
  virtual void forget_reset(const reset_token_bytes& token, connection_id id) = 0;
  /// RFC 9000 section 10.3.2.
  virtual void reset_token(const ngtcp2_cid& cid, std::uint8_t* token) = 0;
  /// What proves a client's address.
  virtual const address_tokens& tokens() const noexcept = 0;
  /// Identity and trust of today.
  virtual const tls::environment& tls() const noexcept = 0;
  /// What servers gave us for the next time.
  virtual server_memory& memory() noexcept = 0;
};

}  // namespace quicsync
