// A bare endpoint at an address of a simulated network, with what it has told so far; and a world that drives such
// endpoints on virtual time. (Whole nodes, with their actors, live in tests/sim/simulated_world.hpp.)
#pragma once
#include <tests/transport/simulated_network.hpp>

namespace quicsync::tests {

/// An endpoint at an address of a simulated network, with what it has told so far.
class simulated_endpoint {
 public:
  simulated_endpoint(simulated_network& network, const address& at, std::unique_ptr<endpoint> core)
      : network_(network), at_(at), core_(std::move(core)) {
    plug_in();
  }
  ~simulated_endpoint() { unplug(); }
  simulated_endpoint(const simulated_endpoint&) = delete;
  simulated_endpoint& operator=(const simulated_endpoint&) = delete;

  void plug_in() {
    network_.attach(at_, [this](const address& local, const address& remote, std::uint8_t ecn, bytes_view datagram) {
      core_->handle_datagram(local, remote, ecn, datagram, network_.now());
    });
    plugged_in_ = true;
  }
  /// As if the machine were gone: it neither hears nor speaks.
  void unplug() {
    network_.detach(at_);
    plugged_in_ = false;
  }

  /// Sends and tells everything that is ready.
  void flush() {
    transmit out;
    while (core_->poll_transmit(out, network_.now()))
      if (plugged_in_) network_.send(at_, out);
    while (auto event = core_->poll_event()) take(std::move(*event));
  }
  void handle_deadline() {
    if (core_->deadline() <= network_.now()) core_->handle_deadline(network_.now());
  }

  endpoint& operator*() noexcept { return *core_; }
  endpoint* operator->() noexcept { return core_.get(); }
  const address& at() const noexcept { return at_; }
  void set_address(const address& at) {
    unplug();
    at_ = at;
    plug_in();
  }

  bool consume = true;  ///< open windows again at once
  std::vector<connection_opened> opened;
  std::vector<connection_early> early;
  /// Of `received`: what came before the handshake was complete.
  std::map<connection_id, byte_buffer> received_early;
  std::vector<connection_ended> ended;
  /// What came and what was acknowledged, by connection and lane.
  std::map<std::pair<connection_id, lane>, byte_buffer> received;
  std::map<std::pair<connection_id, lane>, std::uint64_t> acknowledged;
  /// One line an event, with its virtual time: equal runs have equal traces.
  std::vector<std::string> trace;

 private:
  void note(std::string what) {
    trace.push_back(std::to_string((network_.now() - time_point{}).count()) + " " + at_.to_string() + " " + what);
  }
  void take(endpoint_event event) {
    if (auto* up = std::get_if<connection_opened>(&event)) {
      note("opened " + up->peer.name);
      opened.push_back(*up);
    } else if (auto* soon = std::get_if<connection_early>(&event)) {
      note("early " + soon->peer.name);
      early.push_back(*soon);
    } else if (auto* bytes = std::get_if<lane_bytes>(&event)) {
      if (bytes->early) {
        auto& so_far = received_early[bytes->id];
        so_far.insert(so_far.end(), bytes->bytes.view().begin(), bytes->bytes.view().end());
      }
      note("bytes " + std::string(to_string(bytes->on)) + " " + std::to_string(bytes->bytes.size()));
      auto& into = received[{bytes->id, bytes->on}];
      into.insert(into.end(), bytes->bytes.view().begin(), bytes->bytes.view().end());
      if (consume) core_->consumed(bytes->id, bytes->on, bytes->bytes.size());
    } else if (auto* done = std::get_if<lane_acknowledged>(&event)) {
      note("acknowledged " + std::string(to_string(done->on)) + " " + std::to_string(done->bytes));
      acknowledged[{done->id, done->on}] += done->bytes;
    } else if (auto* over = std::get_if<connection_ended>(&event)) {
      note("ended " + over->reason.context);
      ended.push_back(*over);
    }
  }

  simulated_network& network_;
  address at_;
  std::unique_ptr<endpoint> core_;
  bool plugged_in_ = false;
};

/// Drives endpoints until something is so, or virtual time is up.
class endpoint_world {
 public:
  explicit endpoint_world(std::uint64_t seed) : network(seed) {}

  simulated_network network;

  /// The endpoint at 10.0.0.`host`:4433; the world owns it.
  simulated_endpoint& add(int host, std::unique_ptr<endpoint> core) {
    return add(address::parse("10.0.0." + std::to_string(host) + ":4433").value(), std::move(core));
  }
  simulated_endpoint& add(const address& at, std::unique_ptr<endpoint> core) {
    return *endpoints_.emplace_back(std::make_unique<simulated_endpoint>(network, at, std::move(core)));
  }

  /// Whether `done` came true within `patience` of virtual time.
  bool run_until(const std::function<bool()>& done, std::chrono::nanoseconds patience = std::chrono::seconds(60)) {
    const auto limit = network.now() + patience;
    for (;;) {
      for (auto& each : endpoints_) each->flush();
      if (done()) return true;
      auto next = network.next_arrival();
      for (auto& each : endpoints_) next = std::min(next, (*each)->deadline());
      if (next > limit) {
        network.advance_to(limit);
        return false;
      }
      network.advance_to(next);
      for (auto& each : endpoints_) each->handle_deadline();
    }
  }
  void run_for(std::chrono::nanoseconds time) {
    run_until([] { return false; }, time);
  }

 private:
  std::vector<std::unique_ptr<simulated_endpoint>> endpoints_;
};

}  // namespace quicsync::tests
