// A network in memory on virtual time: datagrams between addresses with delay, jitter (which reorders), loss and
// duplication, all drawn from one seed; and a world that drives endpoints on it. Same seed, same run. One thread, no
// clock, no socket.
#pragma once
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <quicsync/transport/endpoint.hpp>

namespace quicsync::tests {

/// SplitMix64: small, the same on every machine.
class seeded_random {
 public:
  explicit seeded_random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    auto z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  /// From 0 to below `bound`.
  std::uint64_t below(std::uint64_t bound) { return bound == 0 ? 0 : next() % bound; }
  bool chance(double probability) { return static_cast<double>(next() >> 11) * 0x1.0p-53 < probability; }
  void fill(std::uint8_t* out, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) out[i] = static_cast<std::uint8_t>(next());
  }

 private:
  std::uint64_t state_;
};

struct network_conditions {
  std::chrono::nanoseconds delay = std::chrono::milliseconds(5);
  std::chrono::nanoseconds jitter{0};  ///< up to so much more, each datagram for itself
  double loss = 0;
  double duplication = 0;
  std::size_t datagram_bytes_max = 1472;  ///< larger ones vanish, as where fragmentation is forbidden
};

class simulated_network {
 public:
  using receiver =
      std::function<void(const address& local, const address& remote, std::uint8_t ecn, bytes_view datagram)>;
  using observer = std::function<void(const address& from, const address& to, bytes_view datagram)>;

  explicit simulated_network(std::uint64_t seed) : random_(seed) {}

  network_conditions conditions;
  /// Sees every datagram as it is sent, also those that will be lost.
  observer on_sent;

  time_point now() const noexcept { return now_; }
  seeded_random& random() noexcept { return random_; }

  void attach(const address& at, receiver to) { receivers_[at.to_string()] = std::move(to); }
  /// What is on its way to it vanishes.
  void detach(const address& at) { receivers_.erase(at.to_string()); }

  /// Each segment as a datagram.
  void send(const address& from, const transmit& what) {
    for (std::size_t at = 0; at < what.bytes.size(); at += what.segment_bytes) {
      const auto size = std::min(what.segment_bytes, what.bytes.size() - at);
      send_datagram(from, what.remote, what.ecn, bytes_view(what.bytes).subspan(at, size));
    }
  }
  void send_datagram(const address& from, const address& to, std::uint8_t ecn, bytes_view datagram) {
    if (on_sent) on_sent(from, to, datagram);
    const int copies = random_.chance(conditions.duplication) ? 2 : 1;
    for (int copy = 0; copy < copies; ++copy) {
      // Every draw is made for every datagram: a change of one figure then moves no other.
      const bool lost = random_.chance(conditions.loss);
      const auto extra = random_.below(static_cast<std::uint64_t>(conditions.jitter.count()) + 1);
      if (lost || datagram.size() > conditions.datagram_bytes_max) continue;
      const auto arrival = now_ + conditions.delay + std::chrono::nanoseconds(extra);
      under_way_.emplace(std::pair(arrival, ++sent_), flying{from, to, ecn, {datagram.begin(), datagram.end()}});
    }
  }

  /// When the next datagram arrives; max: none is under way.
  time_point next_arrival() const { return under_way_.empty() ? time_point::max() : under_way_.begin()->first.first; }

  /// Lets time pass and delivers what arrives meanwhile.
  void advance_to(time_point when) {
    now_ = std::max(now_, when);
    while (!under_way_.empty() && under_way_.begin()->first.first <= now_) {
      auto arrived = std::move(under_way_.begin()->second);
      under_way_.erase(under_way_.begin());
      const auto found = receivers_.find(arrived.to.to_string());
      if (found != receivers_.end()) found->second(arrived.to, arrived.from, arrived.ecn, arrived.bytes);
    }
  }

 private:
  struct flying {
    address from, to;
    std::uint8_t ecn;
    byte_buffer bytes;
  };
  seeded_random random_;
  time_point now_{std::chrono::hours(1)};
  std::uint64_t sent_ = 0;
  std::map<std::pair<time_point, std::uint64_t>, flying> under_way_;
  std::map<std::string, receiver> receivers_;
};

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
    } else if (auto* bytes = std::get_if<lane_bytes>(&event)) {
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
class simulated_world {
 public:
  explicit simulated_world(std::uint64_t seed) : network(seed) {}

  simulated_network network;

  /// The endpoint at 10.0.0.`host`:4433; the world owns it.
  simulated_endpoint& add(int host, std::unique_ptr<endpoint> core) {
    const auto at = address::parse("10.0.0." + std::to_string(host) + ":4433").value();
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
