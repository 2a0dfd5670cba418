// One QUIC connection, RFC 9000, over ngtcp2 and GnuTLS: its four lanes, its timers and its end. Owned by the endpoint,
// which hands it datagrams and times and takes its datagrams; never used from another thread.
#pragma once
#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <ngtcp2/ngtcp2.h>

#include <quicsync/transport/address_tokens.hpp>
#include <quicsync/transport/connection_host.hpp>
#include <quicsync/transport/endpoint.hpp>
#include <quicsync/transport/event_queue.hpp>
#include <quicsync/transport/lane_outbox.hpp>
#include <quicsync/transport/tls_session.hpp>
#include <quicsync/transport/token_bucket.hpp>

namespace quicsync {

/// What remains when a connection is over, for the closing period (RFC 9000 section 10.2).
struct connection_ending {
  error reason;
  errc peer_code = errc::none;
  bool opened = false;
  refusal_reason counted = refusal_reason::handshake_failed;  ///< of those that never opened, or were refused later
  bool refused = false;                                       ///< this side ended it for what the other did or is
  bool silent = false;                                        ///< a stranger's noise: nobody is told
  std::vector<byte_buffer> datagrams;  ///< CONNECTION_CLOSE, to be sent now and again when packets still arrive
  std::chrono::nanoseconds linger{0};  ///< how long late packets are to be expected
};

class connection {
 public:
  /// Starts a handshake as client. Errors: crypto_failed, overloaded.
  static result<std::unique_ptr<connection>> dial(connection_host& host, connection_id id, const address& remote,
                                                  std::string expected_name, shared_bytes early, time_point now);
  /// Takes a client's first packet, whose header is `first`; the datagram itself is then to be read. `proof`: what the
  /// packet's token says of the client's address. Errors: crypto_failed, overloaded.
  static result<std::unique_ptr<connection>> accept(connection_host& host, connection_id id, const ngtcp2_pkt_hd& first,
                                                    const address_proof& proof, const address& local,
                                                    const address& remote, time_point now);
  ~connection();
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  connection_id id() const noexcept { return id_; }
  bool incoming() const noexcept { return incoming_; }
  bool opened() const noexcept { return opened_; }
  /// Incoming: the first packet's token proved the client's address.
  bool address_proven() const noexcept { return proof_.good(); }
  /// AF_UNSPEC: whatever the socket has.
  address local() const;
  const address& remote() const noexcept { return remote_; }

  void read(const address& local, const address& remote, std::uint8_t ecn, bytes_view datagram, time_point now);
  void expire(time_point now);
  /// The next datagrams; false: none now.
  bool write(transmit& out, time_point now);
  time_point deadline() const;

  void send(lane on, shared_bytes bytes);
  void consumed(lane on, std::uint64_t bytes);
  void close(errc code, std::string_view text, time_point now);
  /// False: not now. Precondition: opened and not closing.
  bool update_keys(time_point now);
  /// Closes it where its certificate is worth nothing by the host's identity, trust and rules of today.
  void judge_again(time_point now);

  /// True from close() on: send() is over.
  bool closing() const noexcept { return closing_.has_value(); }

  /// Set once, when the connection is over; it is good for nothing then but to be removed.
  std::optional<connection_ending>& ending() noexcept { return ending_; }
  /// Ends the trace of one that came in and never opened.
  void trace_unopened(const connection_ending& ending) const;

  /// The stateless resets that it expects.
  const std::vector<reset_token_bytes>& reset_tokens() const noexcept { return reset_tokens_; }
  /// The connection ids that datagrams to it may carry.
  std::vector<ngtcp2_cid> cids() const;
  connection_statistics statistics() const;
  std::uint64_t bytes_received() const noexcept { return bytes_received_; }
  std::uint64_t bytes_sent() const noexcept { return bytes_sent_; }

 private:
  friend struct connection_callbacks;

  struct outgoing_lane {
    std::int64_t stream = -1;  ///< -1: not opened yet
    bool used = false;         ///< the lane byte is in the outbox
    std::uint64_t bytes = 0;   ///< handed to send()
    lane_outbox outbox;
    event_queue::ticket acknowledged_event = 0;
  };
  struct incoming_lane {
    std::int64_t stream = -1;
    std::uint64_t bytes = 0;  ///< received
    std::uint64_t unconsumed_bytes = 0;
    std::uint64_t window_bytes = 0;  ///< as far as it has grown
    std::uint64_t round_bytes = 0;   ///< consumed since round_began
    ngtcp2_tstamp round_began = 0;
    event_queue::ticket bytes_event = 0;
  };
  /// What is asked to happen once everything has left.
  struct pending_close {
    errc code = errc::none;
    std::string text;
    time_point latest;
  };
  /// Where a packet goes, as ngtcp2 says it.
  struct packet_route {
    ngtcp2_path_storage path;
    ngtcp2_pkt_info info{};
    packet_route() { ngtcp2_path_storage_zero(&path); }
    bool operator==(const packet_route& other) const {
      return info.ecn == other.info.ecn && ngtcp2_path_eq(&path.path, &other.path.path) != 0;
    }
  };

  connection(connection_host& host, connection_id id, bool incoming, const address& local, const address& remote,
             time_point now);

  // connection.cpp
  ngtcp2_tstamp stamp(time_point now);
  time_point now() const;  ///< of the latest call that brought a time
  ngtcp2_transport_params transport_params(const ngtcp2_pkt_hd* first, const ngtcp2_cid& own_cid) const;
  ngtcp2_settings settings() const;
  std::uint64_t first_window() const;
  result<void> start(const ngtcp2_cid& their_cid, const ngtcp2_cid& own_cid, const ngtcp2_pkt_hd* first,
                     bytes_view token, tls::session_plan plan);
  static transmit transmit_by(const packet_route& route, std::size_t segment_bytes);
  void end(int code, time_point now);
  error describe(int code) const;
  void end_with(const ngtcp2_ccerr& said, connection_ending ending, time_point now);
  void finish_close(time_point now);
  void on_opened();
  void give_address_token();
  void keep_address_token(bytes_view token);

  // connection_lanes.cpp
  int on_stream_data(std::int64_t stream, bool fin, bool early, bytes_view data);
  int on_acknowledged(std::int64_t stream, std::uint64_t end);
  int break_lanes(errc code, std::string text);
  std::optional<lane> lane_of_stream(std::int64_t stream) const;
  int open_lanes();
  std::size_t write_packet(std::span<std::uint8_t> into, packet_route& route, ngtcp2_tstamp now);
  ngtcp2_ssize write_lanes(std::span<std::uint8_t> into, packet_route& route, ngtcp2_tstamp now);
  bool all_acknowledged() const;
  void watch_path(ngtcp2_tstamp now);
  bool is_stuck(time_point now);
  void grow_window(incoming_lane& of);
  bool brings_nothing(time_point now);
  time_point silent_until() const;
  time_point idle_timeouts_after(ngtcp2_tstamp when, int count) const;
  int break_with(refusal_reason why, errc code, std::string text);

  // connection_resumption.cpp
  std::optional<tls::kept_session> prepare_early(const shared_bytes& early);
  int settle_early_data();
  int on_early_data(lane on, std::size_t bytes);
  void keep_ticket();
  bool may_send() const noexcept { return opened_ || early_offered_; }
  int on_handshake_completed();

  // connection_told.cpp: what is written down of it, where somebody asked for that
  bool traced() const noexcept;
  void trace(std::string_view what, const std::string& fields = {}) const;
  void trace_start(const std::string& name);
  void trace_keys(const char* way, ngtcp2_encryption_level level) const;
  void trace_stream(const char* way, lane on, std::int64_t stream) const;
  void trace_lane(std::string_view what, lane on, const std::string& fields) const;
  void trace_blocked(lane on);
  void trace_path();
  std::uint64_t lost_packets() const;
  void keep_up_with_trace();

  connection_host& host_;
  const connection_id id_;
  const bool incoming_;
  const time_point started_;
  address local_, remote_;
  address_proof proof_;                   ///< incoming
  std::string expected_name_;             ///< dialled
  std::optional<ngtcp2_cid> client_cid_;  ///< incoming: the id that the client made up for its first packets
  std::vector<reset_token_bytes> reset_tokens_;
  ngtcp2_tstamp last_stamp_ = 0;

  std::unique_ptr<tls::tls_session> tls_;
  ngtcp2_conn* quic_ = nullptr;
  bool opened_ = false;
  bool address_heard_ = false;  ///< a packet came that only who receives at its address can make (RFC 9000 section 8.1)
  bool heard_ = false;          ///< the other side has answered with something that made sense
  bool narrow_ = false;         ///< the path has become narrower than its discovery had found
  ngtcp2_tstamp heard_at_ = 0, genuine_at_ = 0, progress_at_ = 0;
  ngtcp2_tstamp waits_from_ = 0;  ///< nothing of the lanes was acknowledged since, or there was nothing to be
  bool window_was_full_ = false;  ///< when that was looked at last
  bool early_offered_ = false;    ///< dialled, not yet open: the control lane may send
  byte_buffer early_parameters_;  ///< dialled: the server's transport parameters of last time
  std::size_t early_bytes_ = 0;   ///< incoming: taken before the handshake was complete
  early_data early_ = early_data::none;

  std::array<outgoing_lane, lane_count> outgoing_;
  std::array<incoming_lane, lane_count> incoming_lanes_;
  lane_schedule schedule_;
  std::optional<transmit> held_;  ///< a packet that did not fit into the batch before it
  std::optional<pending_close> closing_;
  std::optional<error> broken_;  ///< why a callback stopped ngtcp2
  std::optional<refusal_reason> broken_for_;
  std::optional<connection_ending> ending_;
  token_bucket idle_packets_;
  std::uint64_t acknowledged_bytes_ = 0, progress_bytes_ = 0;
  std::uint64_t keys_from_bytes_ = 0;  ///< bytes_sent_ when the keys last changed
  std::uint64_t keys_made_ = 0;        ///< sets of keys derived beside the first
  std::uint64_t bytes_sent_ = 0, bytes_received_ = 0, lane_bytes_sent_ = 0, lane_bytes_received_ = 0;
  /// What its trace told last.
  struct {
    std::uint64_t generation = 0;  ///< of the traces that were told it
    std::uint64_t window = 0, lost = 0;
    std::array<std::uint64_t, lane_count> blocked_at{};
  } told_;
};

}  // namespace quicsync
