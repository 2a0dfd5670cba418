// The implementation of `endpoint`: which datagram belongs to which connection, whose timer is due, who has something
// to send. Private to endpoint::make.
#pragma once
#include <deque>
#include <set>
#include <string_view>

#include <absl/container/flat_hash_map.h>
#include <ngtcp2/ngtcp2.h>

#include <quicsync/transport/admission.hpp>
#include <quicsync/transport/closed_connections.hpp>
#include <quicsync/transport/connection.hpp>
#include <quicsync/transport/crypto.hpp>
#include <quicsync/transport/endpoint.hpp>
#include <quicsync/transport/event_queue.hpp>
#include <quicsync/transport/server_memory.hpp>
#include <quicsync/transport/stateless_answers.hpp>

namespace quicsync {

/// Whether an endpoint can be made of this; `identity` is the config's, in the shape that the core knows.
result<void> check_config(const endpoint_config& config, const tls::loaded_credentials* identity);

class endpoint_core final : public endpoint, private connection_host {
 public:
  /// Errors: crypto_failed.
  static result<std::unique_ptr<endpoint>> make(endpoint_config config,
                                                std::shared_ptr<const tls::loaded_credentials> identity);
  ~endpoint_core() override;

  void handle_datagram(const address& local, const address& remote, std::uint8_t ecn, bytes_view datagram,
                       time_point now) override;
  void handle_deadline(time_point now) override;
  result<connection_id> connect(const address& remote, std::string expected_name, time_point now,
                                shared_bytes early) override;
  result<void> reload(std::shared_ptr<const credentials> identity, trust_rules trust, time_point now) override;
  result<void> send(connection_id id, lane on, shared_bytes bytes) override;
  void consumed(connection_id id, lane on, std::uint64_t bytes) override;
  result<void> update_keys(connection_id id, time_point now) override;
  void close(connection_id id, errc code, std::string_view text, time_point now) override;
  bool poll_transmit(transmit& out, time_point now) override;
  std::optional<endpoint_event> poll_event() override { return events_.pop(); }
  time_point deadline() const override;
  std::size_t connection_count() const noexcept override { return connections_.size(); }
  endpoint_statistics statistics() const override { return totals_; }
  std::optional<connection_statistics> statistics(connection_id id) const override;

 private:
  endpoint_core(endpoint_config config, std::shared_ptr<const tls::loaded_credentials> identity);

  struct cid_key {
    std::array<std::uint8_t, NGTCP2_MAX_CIDLEN> bytes{};
    std::uint8_t size = 0;
    explicit cid_key(const ngtcp2_cid& cid);
    bool operator==(const cid_key&) const = default;
    template <class H>
    friend H AbslHashValue(H state, const cid_key& key) {
      return H::combine_contiguous(std::move(state), key.bytes.data(), key.size);
    }
  };
  struct entry {
    std::unique_ptr<connection> quic;
    time_point timer = time_point::max();  ///< as it stands in timers_
    bool queued = false;                   ///< stands in ready_
    std::optional<address> admitted;       ///< its handshake is counted in admission_ under this address
    bool counted = false;                  ///< in handshakes_completed
  };

  // connection_host
  const endpoint_config& config() const noexcept override { return config_; }
  event_queue& events() noexcept override { return events_; }
  void random(std::uint8_t* out, std::size_t count) override;
  const address_tokens& tokens() const noexcept override { return answers_.tokens(); }
  const tls::environment& tls() const noexcept override { return tls_; }
  server_memory& memory() noexcept override { return memory_; }
  bool claim(const ngtcp2_cid& cid, connection_id id) override;
  void release(const ngtcp2_cid& cid, connection_id id) override;
  void expect_reset(const reset_token_bytes& token, connection_id id) override {
    by_reset_token_.try_emplace(token, id);
  }
  void forget_reset(const reset_token_bytes& token, connection_id id) override;
  void reset_token(const ngtcp2_cid& cid, std::uint8_t* token) override;

  entry* find(connection_id id);
  void add(connection_id id, std::unique_ptr<connection> quic);
  void touch(connection_id id, entry& of);
  void set_timer(connection_id id, entry& of, time_point when);
  void settle(connection_id id, entry& of, time_point now);
  void remove(connection_id id, time_point now);
  void expire_closed(time_point now);
  void handle_known(connection_id id, const address& local, const address& remote, std::uint8_t ecn,
                    bytes_view datagram, time_point now);
  void handle_unknown_short(const ngtcp2_version_cid& header, const address& local, const address& remote,
                            std::uint8_t ecn, bytes_view datagram, time_point now);
  void handle_unknown_long(const ngtcp2_version_cid& header, const address& local, const address& remote,
                           std::uint8_t ecn, bytes_view datagram, time_point now);
  void accept(const ngtcp2_pkt_hd& first, const address& local, const address& remote, std::uint8_t ecn,
              bytes_view datagram, time_point now);
  void answer(const address& local, const address& remote, std::optional<byte_buffer> datagram);
  void drop(refusal_reason why);
  void end_admission(entry& of);

  result<std::shared_ptr<tls::session_tickets>> make_tickets();

  endpoint_config config_;
  tls::environment tls_;
  crypto::digest reset_secret_{};
  event_queue events_;
  stateless_answers answers_{*this};
  connection_id next_id_ = 1;
  // Looked up only, never walked: the order would change from run to run.
  absl::flat_hash_map<cid_key, connection_id> by_cid_;
  absl::flat_hash_map<reset_token_bytes, connection_id> by_reset_token_;
  absl::flat_hash_map<connection_id, entry> connections_;
  std::set<std::pair<time_point, connection_id>> timers_;
  std::deque<connection_id> ready_;  ///< who may have something to send, each once, in turn
  std::deque<transmit> outgoing_;    ///< what belongs to no living connection
  closed_connections closed_;
  admission admission_;
  server_memory memory_;
  endpoint_statistics totals_;
};

}  // namespace quicsync
