// What a client keeps of the servers that it was connected to, to be quicker the next time: the address token of a
// NEW_TOKEN frame (RFC 9000 section 8.1.3), a session ticket, and the transport parameters that early data goes by.
// Owned by the endpoint; bounded: the server not dialled for longest goes first.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <utility>

#include <quicsync/codec/bytes.hpp>
#include <quicsync/transport/address.hpp>
#include <quicsync/transport/tls_session.hpp>

namespace quicsync {

class server_memory {
 public:
  struct record {
    byte_buffer address_token;
    std::optional<tls::kept_session> session;
    byte_buffer
        transport_parameters;  ///< the server's, of the connection that brought the ticket (RFC 9000 section 7.4.1)
  };

  /// Null where there is none.
  record* find(const address& remote, const std::string& expected_name);
  /// The record of the server at this address under the name that is expected of it; made where there is none.
  record& of(const address& remote, const std::string& expected_name);
  /// Sessions were made by a trust that is no more.
  void forget_sessions();
  std::size_t size() const noexcept { return records_.size(); }

 private:
  struct kept {
    record what;
    std::uint64_t used = 0;
  };
  std::map<std::pair<std::string, std::string>, kept> records_;
  std::uint64_t clock_ = 0;
};

}  // namespace quicsync
