#include "seed_node.hpp"

#include <algorithm>
#include <thread>

#include <catch2/catch_test_macros.hpp>
#include <tests/transport/identities.hpp>

namespace quicsync::seed {
namespace {

using namespace std::chrono_literals;
using tests::must;

constexpr auto patience = 30s;

node_config config_of(const std::string& name) {
  static tests::temporary_directory directory;
  const auto ca = directory.path() / "ca";
  if (!std::filesystem::exists(ca)) must(make_ca(ca));
  node_config config;
  config.cert = directory.path() / (name + ".pem");
  config.key = directory.path() / (name + ".key");
  config.ca = ca / "ca.pem";
  if (!std::filesystem::exists(config.cert)) must(make_node_certificate(name, ca, directory.path()));
  config.host = "127.0.0.1";
  config.port = 0;
  config.retry.base_delay = 5ms;
  config.retry.max_delay = 20ms;
  return config;
}

}  // namespace

pattern make_pattern(std::string id, std::uint64_t version, std::string data) {
  pattern p;
  p.id = std::move(id);
  p.agent_id = "test-executor";
  p.type = "test_execution";
  p.data = std::move(data);
  p.metadata.source = "test-executor";
  p.metadata.tags = {"seed"};
  p.timestamp = 1760000000000;
  p.version = version;
  return p;
}

std::vector<pattern> make_patterns(std::size_t count) {
  std::vector<pattern> patterns;
  for (std::size_t i = 0; i < count; ++i) patterns.push_back(make_pattern("pattern-" + std::to_string(i)));
  return patterns;
}

seed_node::seed_node(const std::string& name, const tuning& tune) : seed_node(name, nullptr, tune) {}

seed_node::seed_node(const std::string& name, std::shared_ptr<tests::memory_disk> disk, const tuning& tune)
    : name_(name) {
  auto config = config_of(name);
  if (tune) tune(config);
  node_ = must(server::make(std::move(config), disk ? tests::memory_store::on(std::move(disk)) : nullptr));
  for (const std::string& wanted : {std::string(), std::string(pattern_received)})
    node_->on(wanted, [m = memory_](const event& what) {
      std::lock_guard lock(m->mutex);
      m->events.push_back(what);
      m->taken.push_back(false);
      m->grown.notify_all();
    });
}

seed_node& seed_node::start() {
  must(node_->start());
  return *this;
}

std::string seed_node::address() const { return "127.0.0.1:" + std::to_string(node_->port()); }

peer_config seed_node::as_peer() {
  peer_config peer;
  peer.id = name_;
  peer.address = "127.0.0.1";
  peer.port = node_->port();
  return peer;
}

void seed_node::connect(seed_node& other) {
  CHECK(must(node_->connect_to_peer(other.address(), other.name_).get()) == other.name_);
  other.await("peer:connected", name_);
}

node_state seed_node::state() { return must(node_->state()); }

connection_state seed_node::state_of(const std::string& peer) {
  const auto whole = state();
  const auto found =
      std::find_if(whole.peers.begin(), whole.peers.end(), [&](const auto& p) { return p.peer_id == peer; });
  REQUIRE(found != whole.peers.end());
  return *found;
}

event seed_node::await(const std::string& name, const std::string& peer) {
  std::unique_lock lock(memory_->mutex);
  std::size_t at = 0;
  const bool came = memory_->grown.wait_for(lock, patience, [&] {
    for (at = 0; at < memory_->events.size(); ++at) {
      const auto& e = memory_->events[at];
      if (!memory_->taken[at] && e.name == name && (peer.empty() || e.peer_id == peer)) return true;
    }
    return false;
  });
  INFO("waited for " << name << " " << peer);
  REQUIRE(came);
  memory_->taken[at] = true;
  return memory_->events[at];
}

std::size_t seed_node::count(const std::string& name) const {
  std::lock_guard lock(memory_->mutex);
  return static_cast<std::size_t>(
      std::count_if(memory_->events.begin(), memory_->events.end(), [&](const event& e) { return e.name == name; }));
}

bool seed_node::holds(const std::string& id) { return node_->get(id).has_value(); }

void until(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    REQUIRE(std::chrono::steady_clock::now() < deadline);
    std::this_thread::yield();
  }
}

}  // namespace quicsync::seed
