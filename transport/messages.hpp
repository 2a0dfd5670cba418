// The messages between the transport actor and its users: peer actors and the coordinator. Each names one connection;
// all travel within one node's event loop.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include <quicsync/codec/bytes.hpp>
#include <quicsync/codec/error.hpp>
#include <quicsync/transport/address.hpp>
#include <quicsync/transport/caf_compat.hpp>
#include <quicsync/transport/endpoint.hpp>
#include <quicsync/transport/lane.hpp>

namespace quicsync::transport_messages {

// -- to the transport actor ---------------------------------------------------------------------------------------

/// Peer: open a connection. Everything about it goes to `user`: `opened` or `ended` follows.
struct dial {
  caf::actor user;
  std::uint64_t attempt = 0;  ///< chosen by the peer and given back, so that a late answer is told from a current one
  std::string host_port;      ///< "HOST:PORT"; names are looked up away from the loop
  std::string expected_name;  ///< empty: any name under the trusted CA
  shared_bytes early{};       ///< the first bytes of the control lane, see endpoint::connect(); may be empty
};
/// Coordinator: from now on everything about this incoming connection goes to `user` (what came meanwhile, first).
struct adopt {
  connection_id id = 0;
  caf::actor user;
};
/// Peer: send these bytes on the lane.
struct send_bytes {
  connection_id id = 0;
  lane on = lane::control;
  shared_bytes bytes;
};
/// Peer: so many bytes of the lane have been dealt with; its window may open again.
struct consumed {
  connection_id id = 0;
  lane on = lane::control;
  std::uint64_t bytes = 0;
};
/// Peer: close with this reason, after what was sent has left.
struct close_connection {
  connection_id id = 0;
  error reason;
};

/// Coordinator: another identity, trust and rules, see endpoint::reload(). A request, answered with `reloaded`.
struct reload {
  std::shared_ptr<const credentials> identity;
  trust_rules trust;
};
struct reloaded {
  error problem;  ///< errc::none: done; else nothing has changed
};

// -- from the transport actor -------------------------------------------------------------------------------------

/// To the coordinator: the socket is bound (once, after start).
struct listening {
  address local;
};
/// To the coordinator: somebody dialled in and is authenticated. Answered with `adopt` or `close_connection`.
struct accepted {
  connection_id id = 0;
  peer_identity peer;
  address remote;
};
/// To the coordinator: a handshake from outside came to nothing; for the log.
struct rejected {
  address remote;
  error reason;
};
/// To the peer that dialled.
struct opened {
  std::uint64_t attempt = 0;
  connection_id id = 0;
  peer_identity peer;
  address remote;
  bool resumed = false;                 ///< by a session ticket
  early_data early = early_data::none;  ///< what became of the dial's early bytes
};
/// To the connection's user: bytes of a lane, in order.
struct received_bytes {
  connection_id id = 0;
  lane on = lane::control;
  shared_bytes bytes;
  bool early = false;  ///< said before the handshake was complete (it is now: nobody has repeated it)
};
/// To the connection's user: so many bytes handed to `send_bytes` are acknowledged by QUIC, one message per lane and
/// burst.
struct acknowledged_bytes {
  connection_id id = 0;
  lane on = lane::control;
  std::uint64_t bytes = 0;
};
/// To the connection's user: it is over (or, with id 0, `attempt` never became a connection).
struct ended {
  connection_id id = 0;
  std::uint64_t attempt = 0;
  error reason;
};

/// Request to the transport actor, answered with `statistics_reply`.
struct statistics_request {
  connection_id id = 0;  ///< 0: only the endpoint's totals
};
struct statistics_reply {
  endpoint_statistics totals;
  connection_statistics connection;
};

}  // namespace quicsync::transport_messages

QUICSYNC_SHARED_MESSAGE(quicsync::transport_messages::dial)
QUICSYNC_SHARED_MESSAGE(quicsync::transport_messages::adopt)
QUICSYNC_SHARED_MESSAGE(quicsync::transport_messages::send_bytes)
QUICSYNC_SHARED_MESSAGE(quicsync::transport_messages::consumed)
QUICSYNC_SHARED_MESSAGE(quicsync::transport_messages::close_connection)
QUICSYNC_SHARED_MESSAGE(quicsync::transport_messages::reload)
QUICSYNC_SHARED_MESSAGE(quicsync::transport_messages::reloaded)
QUICSYNC_SHARED_MESSAGE(quicsync::transport_messages::listening)
QUICSYNC_SHARED_MESSAGE(quicsync::transport_messages::accepted)
QUICSYNC_SHARED_MESSAGE(quicsync::transport_messages::rejected)
QUICSYNC_SHARED_MESSAGE(quicsync::transport_messages::opened)
QUICSYNC_SHARED_MESSAGE(quicsync::transport_messages::received_bytes)
QUICSYNC_SHARED_MESSAGE(quicsync::transport_messages::acknowledged_bytes)
QUICSYNC_SHARED_MESSAGE(quicsync::transport_messages::ended)
QUICSYNC_SHARED_MESSAGE(quicsync::transport_messages::statistics_request)
QUICSYNC_SHARED_MESSAGE(quicsync::transport_messages::statistics_reply)
