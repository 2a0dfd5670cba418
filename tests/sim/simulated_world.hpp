// A world of simulated nodes: it owns the time, the network and the nodes, and decides from one seed what happens next
// among all that could. The same seed gives the same trace. One thread, no clock, no socket.
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <tests/sim/simulated_node.hpp>
#include <tests/transport/simulated_network.hpp>

namespace quicsync::sim {

/// Somebody will read the trace.
inline bool trace_is_wanted() { return std::getenv("QUICSYNC_TEST_TRACE") != nullptr; }

class simulated_world {
 public:
  explicit simulated_world(std::uint64_t seed);
  ~simulated_world();
  simulated_world(const simulated_world&) = delete;
  simulated_world& operator=(const simulated_world&) = delete;

  // -- nodes ------------------------------------------------------------------------------------------------------
  /// A node of this name, empty; with the address that an earlier one of the name had. Precondition: none has it now.
  simulated_node& add(const std::string& name);
  simulated_node& node(const std::string& name);
  /// As kill -9: its actors end without a word, its datagrams stop. Handles of its actors must be gone.
  void crash(const std::string& name);
  /// As kill -STOP: nothing happens on it until it is resumed, while its time goes on and datagrams pile up before it.
  void pause(const std::string& name);
  void resume(const std::string& name);

  // -- time -------------------------------------------------------------------------------------------------------
  time_point now() const noexcept { return network_.now(); }
  /// Unix milliseconds, as a clock that is right shows them.
  std::int64_t wall_clock_ms() const;
  /// From now on the node's wall clock is so much ahead of that, also after a crash.
  void set_clock(const std::string& name, std::chrono::milliseconds ahead);
  /// Lets so much time pass, and everything happen that happens in it.
  void advance(std::chrono::nanoseconds time);
  /// Until `done`, asked after each event; false where that took longer than `patience` of virtual time.
  bool run_until(const std::function<bool()>& done, std::chrono::nanoseconds patience = std::chrono::seconds(60));

  // -- network ----------------------------------------------------------------------------------------------------
  /// Loss, delay and the like are its `conditions`.
  tests::simulated_network& network() noexcept { return network_; }
  /// Cuts the way between two nodes, both directions; what is on its way vanishes.
  void cut(const std::string& one, const std::string& other);
  void mend(const std::string& one, const std::string& other);
  /// Only in this direction; mend() mends it too.
  void cut_one_way(const std::string& from, const std::string& to);
  /// From now on the others see the node at `outer`, and it knows nothing of that.
  void rebind(const std::string& name, const address& outer);
  /// Whether a socket is open there; where not, and the way is not cut, the sender hears of it.
  bool somebody_at(const address& where) const;

  // -- trace ------------------------------------------------------------------------------------------------------
  std::uint64_t seed() const noexcept { return seed_; }
  /// What a test wants to see repeated, with the virtual time.
  void note(const std::string& line);
  /// In the trace for who reads it, and not in its hash.
  void remark(const std::string& line);
  const std::vector<std::string>& trace() const noexcept { return trace_; }
  /// Of all notes and of every datagram's time, way and size.
  std::uint64_t trace_hash() const noexcept { return hash_; }

 private:
  void settle(const std::function<bool()>* done);
  time_point next_event() const;
  void advance_to(time_point when);
  void mix(std::string_view text) noexcept;
  void mix(std::uint64_t number) noexcept;
  std::size_t place_of(const std::string& name) const;

  std::uint64_t seed_;
  tests::seeded_random random_;  ///< of the order in which things happen
  tests::simulated_network network_;
  std::vector<std::string> names_;                      ///< of all nodes there ever were: the place is the address
  std::vector<std::unique_ptr<simulated_node>> nodes_;  ///< by the same places; null: gone
  std::deque<std::int64_t> clocks_ahead_ms_;            ///< by the same places
  std::vector<std::string> trace_;
  std::uint64_t hash_ = 0xcbf29ce484222325;  // FNV-1a
};

}  // namespace quicsync::sim
