// One node of a simulation: an actor system that runs step by step, its loop, and its place in the network. What lives
// on it (a transport, or a whole quicsync node) is spawned by the test, from the parts given here. Owned by a simulated
// world.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include <caf/scheduler/test_coordinator.hpp>
#include <tests/sim/stepped_loop.hpp>
#include <tests/transport/simulated_network.hpp>

#include <quicsync/transport/datagram_socket.hpp>

namespace quicsync::sim {

class simulated_world;

class simulated_node {
 public:
  ~simulated_node();
  simulated_node(const simulated_node&) = delete;
  simulated_node& operator=(const simulated_node&) = delete;

  const std::string& name() const noexcept { return name_; }
  /// Where it listens: 10.0.0.N:4433.
  const address& at() const noexcept { return at_; }

  // -- what a node is made from -----------------------------------------------------------------------------------
  caf::actor_system& system() noexcept { return *system_; }
  loop& home() noexcept { return *loop_; }
  /// One at a time, at at(). Errors: address_in_use.
  result<std::unique_ptr<datagram_socket>> open_socket();
  /// Seeded; for endpoint_config::random, and for anything else that must repeat itself.
  std::function<void(std::uint8_t* out, std::size_t count)> random() const;
  /// With this identity and the seeded randomness.
  endpoint_config quic(std::shared_ptr<const credentials> identity) const;
  /// Unix milliseconds of this node's wall clock.
  std::function<std::int64_t()> wall_clock_ms() const;
  /// Drawn once from the world's seed.
  std::uint64_t seed() const noexcept { return seed_; }

  // -- driven by the world ----------------------------------------------------------------------------------------
  /// What could happen now: the loop's choices and each actor of the pool that has something to do.
  std::size_t choices() const;
  void step(std::size_t choice, std::size_t messages);
  /// The next deadline of the loop or timer of CAF; max: none.
  time_point next_event() const;
  void advance(std::chrono::nanoseconds time);
  /// Tells every actor that was ever seen here to end at once; they do in the next steps.
  void kill_actors();

 private:
  friend class simulated_world;
  simulated_node(simulated_world& world, std::string name, const address& at, int descriptor, std::uint64_t seed);

  caf::scheduler::test_coordinator& scheduler() const;
  void remember(caf::resumable& job);

  simulated_world& world_;
  std::string name_;
  address at_;
  int descriptor_;
  std::uint64_t seed_;
  std::shared_ptr<tests::seeded_random> random_;
  bool listening_ = false;
  bool paused_ = false;
  const std::int64_t* ahead_ms_ = nullptr;  ///< of the right time; the world's

  caf::actor_system_config config_;
  std::unique_ptr<caf::actor_system> system_;
  std::unique_ptr<stepped_loop> loop_;
  caf::actor_id own_actors_ = 0;  ///< up to this id they are CAF's own
  std::map<caf::actor_id, caf::weak_actor_ptr> seen_;
  bool is_dying_ = false;
  std::vector<caf::strong_actor_ptr> held_to_the_end_;
};

}  // namespace quicsync::sim
