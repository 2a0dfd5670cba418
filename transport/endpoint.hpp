// The QUIC endpoint, sans-IO: datagrams and a time go in; datagrams, events and the next deadline come out. It makes no
// system call, owns no thread and reads no clock, so it runs the same on a socket and in a simulated network.
#pragma once
#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include <quicsync/codec/bytes.hpp>
#include <quicsync/codec/error.hpp>
#include <quicsync/codec/limits.hpp>
#include <quicsync/transport/address.hpp>
#include <quicsync/transport/certificates.hpp>
#include <quicsync/transport/key_log.hpp>
#include <quicsync/transport/lane.hpp>
#include <quicsync/transport/packet_buffer.hpp>
#include <quicsync/transport/refusal_counters.hpp>
#include <quicsync/transport/trust_rules.hpp>

namespace quicsync {

class connection_traces;

/// Monotonic time as the loop or the simulation gives it.
using time_point = std::chrono::steady_clock::time_point;

/// Names one connection of one endpoint; never reused while the endpoint lives. 0 is none.
using connection_id = std::uint64_t;

inline constexpr std::string_view alpn_protocol = "quicsync/1";

/// How the other side's certificate is checked.
struct verification {
  bool check_peer = true;                  ///< false: `--insecure`, anything goes
  bool require_client_certificate = true;  ///< false: `enableAuth: false`, a client may give none
};

/// How many handshakes from outside go on side by side. Beyond `unproven` a client must first prove its address
/// (Retry).
struct handshake_limits {
  std::size_t at_once = limits::handshakes_at_once;
  std::size_t unproven = limits::handshakes_unproven;  ///< 0: every client is sent a Retry
  std::size_t of_host = limits::handshakes_of_host;
  double per_second = limits::handshakes_per_second;
};

struct endpoint_config {
  std::shared_ptr<const credentials> identity;  ///< null: only where it accepts nobody and checks nobody
  verification verify;
  std::chrono::milliseconds idle_timeout = limits::idle_timeout;
  std::chrono::milliseconds keep_alive = limits::keep_alive;  ///< 0: none
  std::chrono::milliseconds handshake_timeout = limits::handshake_timeout;
  handshake_limits handshakes;
  std::uint64_t lane_window_first_bytes = limits::lane_window_first_bytes;  ///< of a new lane; no more than the next
  std::uint64_t lane_window_bytes = limits::lane_window_bytes;              ///< what it grows to
  std::uint64_t control_window_bytes = limits::control_window_bytes;
  trust_rules trust;       ///< keys that are known beside the CA
  bool resumption = true;  ///< session tickets: later handshakes need no certificate and may carry early data
  key_log log_secrets;     ///< null: none; see open_key_log()
  /// Where connections tell what happens on them; null: nowhere. Outlives the endpoint.
  connection_traces* traces = nullptr;
  double idle_packets_at_once = limits::idle_packets_at_once;
  bool accept = true;                   ///< false: a client that only dials
  std::string protocol{alpn_protocol};  ///< ALPN, RFC 7301
  /// The largest datagram to send, 1200 to 16000. Above 1452 only where the socket never fragments (IP_PMTUDISC_PROBE):
  /// path MTU discovery then finds what fits.
  std::size_t datagram_bytes = 1452;
  /// Where randomness comes from; null: GnuTLS. A simulation gives a seeded one.
  std::function<void(std::uint8_t* out, std::size_t count)> random;
};

/// One or more datagrams of equal size to one destination (only the last may be shorter): what one sendmsg with
/// UDP_SEGMENT carries.
struct transmit {
  address local;  ///< AF_UNSPEC: any
  address remote;
  std::uint8_t ecn = 0;  ///< RFC 3168 code point
  std::size_t segment_bytes = 0;
  packet_buffer bytes;
};

/// What became of the bytes that connect() was given.
enum class early_data : std::uint8_t {
  none,      ///< there was no ticket to send them early with: they were sent when the connection opened
  accepted,  ///< they went with the first packet
  rejected,  ///< they went with the first packet in vain and were sent again when the connection opened
};

/// A connection is up: the handshake is complete and the other side's certificate is accepted by this side. (A client
/// does not know yet whether the server accepts its own: the server's first frame says so.)
struct connection_opened {
  connection_id id = 0;
  bool incoming = false;
  peer_identity peer;
  address remote;
  bool resumed = false;  ///< by a session ticket
  early_data early = early_data::none;
};
/// Early bytes of a client follow (lane_bytes with `early`), before its connection_opened: its session ticket is good
/// and it is who `peer` says, but somebody may be repeating what it said once. What they ask for must do no harm when
/// it is done twice. Either connection_opened or connection_ended comes of it.
struct connection_early {
  connection_id id = 0;
  peer_identity peer;
  address remote;
};
/// In order, without gaps; what arrived in one burst comes in one piece, or few. The window opens again with
/// consumed().
struct lane_bytes {
  connection_id id = 0;
  lane on = lane::control;
  shared_bytes bytes;
  bool early = false;  ///< came before the handshake was complete, see connection_early
};
/// So many bytes of a lane were acknowledged by the other side's QUIC (not yet by its application) and are released
/// here.
struct lane_acknowledged {
  connection_id id = 0;
  lane on = lane::control;
  std::uint64_t bytes = 0;
};
/// The end, once for each connection, also for one that never opened. `reason.code`: connection_closed (with the other
/// side's text), connection_lost or timed_out (idle, handshake), certificate_* and no_common_protocol (either side's
/// refusal, with text that says whose), overloaded (the other side takes no more), quic_failed, cancelled (own
/// close()).
struct connection_ended {
  connection_id id = 0;
  bool opened = false;  ///< it had been open before
  bool incoming = false;
  address remote;
  error reason;
  errc peer_code = errc::none;  ///< with connection_closed: the code that the other side's close() was given
};
using endpoint_event =
    std::variant<connection_opened, connection_early, lane_bytes, lane_acknowledged, connection_ended>;

/// Counters since the start; bytes are UDP payload.
struct endpoint_statistics {
  std::uint64_t datagrams_sent = 0, datagrams_received = 0, bytes_sent = 0, bytes_received = 0;
  std::uint64_t handshakes_completed = 0, handshakes_refused = 0, datagrams_dropped = 0;
  refusal_counters refusals;
};

struct lane_statistics {
  std::uint64_t bytes_sent = 0;            ///< handed to send()
  std::uint64_t unacknowledged_bytes = 0;  ///< of those, by QUIC
  std::uint64_t bytes_received = 0;
  std::uint64_t unconsumed_bytes = 0;  ///< of those; the window stays shut for them
  std::uint64_t window_bytes = 0;      ///< of what comes in, as far as it has grown
};

struct connection_statistics {
  std::uint64_t bytes_sent = 0;  ///< UDP payload
  std::uint64_t bytes_received = 0;
  std::uint64_t lane_bytes_sent = 0;  ///< handed to send()
  std::uint64_t lane_bytes_received = 0;
  std::chrono::microseconds smoothed_rtt{0};
  std::uint64_t congestion_window_bytes = 0;
  std::uint64_t packets_lost = 0;
  std::uint64_t receive_window_bytes = 0;  ///< of all lanes, as far as they have grown
  std::uint64_t key_updates = 0;           ///< by either side, RFC 9001 section 6
  std::array<lane_statistics, lane_count> lanes{};
};

/// One endpoint: all connections of one UDP port, dialled and accepted. Single-threaded.
class endpoint {
 public:
  /// Errors: crypto_failed, bad_certificate (an identity that its checks need is missing, or it trusts no CA),
  /// bad_config.
  static result<std::unique_ptr<endpoint>> make(endpoint_config config);
  virtual ~endpoint() = default;

  // -- input
  // --------------------------------------------------------------------------------------------------------------
  /// One datagram. Anything a stranger may send is taken without harm: what makes no sense is counted and dropped.
  virtual void handle_datagram(const address& local, const address& remote, std::uint8_t ecn, bytes_view datagram,
                               time_point now) = 0;
  /// To be called when deadline() has passed.
  virtual void handle_deadline(time_point now) = 0;

  /// Starts a handshake. With `expected_name` the certificate must name it (else only the chain counts).
  /// `early` is the first to be sent on the control lane: with the first packet where a session ticket of the server is
  /// at hand, else when the connection opens; connection_opened says which. Who repeats that packet repeats the bytes,
  /// so they may hold only what does no harm twice. At most limits::early_bytes. Errors: bad_address, overloaded,
  /// too_large. All later failures come as connection_ended.
  virtual result<connection_id> connect(const address& remote, std::string expected_name, time_point now,
                                        shared_bytes early = {}) = 0;

  /// Another identity, trust and rules from now on. Connections whose certificate they do not accept are closed, with
  /// the reason; all others go on. Session tickets given and got so far are void. Errors: as make(); nothing has
  /// changed then.
  virtual result<void> reload(std::shared_ptr<const credentials> identity, trust_rules trust, time_point now) = 0;

  /// Queues bytes on a lane; they are kept (not copied) until acknowledged, see lane_acknowledged. The caller bounds
  /// what it has in flight by limits::unacked_bytes. Errors: not_connected.
  virtual result<void> send(connection_id id, lane on, shared_bytes bytes) = 0;

  /// Opens the lane's receive window by so many bytes: they have been dealt with.
  virtual void consumed(connection_id id, lane on, std::uint64_t bytes) = 0;

  /// Changes the keys of this connection, RFC 9001 section 6; that happens by itself every limits::key_update_bytes.
  /// Errors: not_connected, blocked (too soon after the handshake or the last change).
  virtual result<void> update_keys(connection_id id, time_point now) = 0;

  /// Sends CONNECTION_CLOSE with the application code and text (RFC 9000 section 10.2) after what send() queued has
  /// left (at most one probe timeout later), and reports connection_ended with errc::cancelled.
  virtual void close(connection_id id, errc code, std::string_view text, time_point now) = 0;

  // -- output
  // -------------------------------------------------------------------------------------------------------------
  /// Fills `out` (its buffer is reused) with the next datagrams to send; false: nothing to send now. Call until false
  /// after each burst of input and before waiting.
  virtual bool poll_transmit(transmit& out, time_point now) = 0;
  /// The next event, in the order they happened. Poll until empty after each burst of input.
  virtual std::optional<endpoint_event> poll_event() = 0;
  /// When handle_deadline() is due; time_point::max(): never.
  virtual time_point deadline() const = 0;

  virtual std::size_t connection_count() const noexcept = 0;
  virtual endpoint_statistics statistics() const = 0;
  virtual std::optional<connection_statistics> statistics(connection_id id) const = 0;
};

}  // namespace quicsync
