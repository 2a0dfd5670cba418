// A real node on a real socket of 127.0.0.1 that remembers its events, for the seed's cases. Waiting ends with what is
// waited for, or fails the test after half a minute.
#pragma once
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <tests/actors/memory_store.hpp>

#include <quicsync/actors/server.hpp>

namespace quicsync::seed {

/// The patterns of the cases; `data` stands in it byte for byte.
pattern make_pattern(std::string id, std::uint64_t version = 1, std::string data = R"({"testCase":"checkout"})");
std::vector<pattern> make_patterns(std::size_t count);

class seed_node {
 public:
  using tuning = std::function<void(node_config&)>;
  /// Not started. The certificate is made under a CA that all nodes of the process share.
  explicit seed_node(const std::string& name, const tuning& tune = {});
  /// It keeps its patterns there.
  seed_node(const std::string& name, std::shared_ptr<tests::memory_disk> disk, const tuning& tune = {});

  server* operator->() { return node_.get(); }
  server& operator*() { return *node_; }

  seed_node& start();
  /// As the configuration of a peer that dials this node.
  peer_config as_peer();
  std::string address() const;
  /// Connects to it; returns when both sides are connected.
  void connect(seed_node& other);
  node_state state();
  /// The state of the connection with this peer.
  connection_state state_of(const std::string& peer);

  /// The first event of this name (and, where one is given, of this peer) that was not awaited before.
  event await(const std::string& name, const std::string& peer = {});
  /// How many events of this name have come so far.
  std::size_t count(const std::string& name) const;
  bool holds(const std::string& id);

 private:
  struct memory {
    std::mutex mutex;
    std::condition_variable grown;
    std::vector<event> events;
    std::vector<bool> taken;
  };

  std::shared_ptr<memory> memory_ = std::make_shared<memory>();
  std::string name_;
  std::unique_ptr<server> node_;
};

/// Asks until it is so; fails the test where it is not after half a minute. For what no event tells.
void until(const std::function<bool()>& condition);

}  // namespace quicsync::seed
