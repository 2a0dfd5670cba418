#include <algorithm>
#include <map>

#include <nlohmann/json.hpp>

#include <quicsync/actors/agent/agent.hpp>
#include <quicsync/actors/agent/agent_roster.hpp>
#include <quicsync/actors/inspect/node_watch.hpp>
#include <quicsync/actors/inspect/pattern_search.hpp>
#include <quicsync/transport/actor_registry.hpp>

namespace quicsync {
namespace {

using json = nlohmann::ordered_json;
using namespace std::chrono_literals;

constexpr auto sample_every = 1000ms;
constexpr auto look_every = 250ms;
constexpr unsigned looks_a_second = 4;
constexpr std::size_t patterns_a_look = 25;
constexpr auto answer_patience = 10s;

std::int64_t steady_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
}
std::int64_t unix_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}
double in_ms(std::chrono::nanoseconds time) { return static_cast<double>(time.count() / 1000) / 1000.0; }
std::string one_line(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

}  // namespace

node_watch::node_watch(server& node, event_streams& streams)
    : node_(node), streams_(streams), answered_ms_(steady_ms()) {
  samples_ = std::thread([this] {
    auto* registry = node_.actors();
    every(sample_every, [registry](unsigned) {
      if (registry) registry->sample(std::chrono::steady_clock::now());
    });
  });
  looks_ = std::thread([this] { every(look_every, [this](unsigned round) { look(round); }); });
}

node_watch::~node_watch() {
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
  }
  ends_.notify_all();
  samples_.join();
  looks_.join();
}

template <class F>
void node_watch::every(std::chrono::milliseconds time, F&& what) {
  std::unique_lock lock(mutex_);
  for (unsigned round = 0; !over_; ++round) {
    lock.unlock();
    what(round);
    lock.lock();
    ends_.wait_for(lock, time, [this] { return over_; });
  }
}

bool node_watch::answers() const noexcept {
  return steady_ms() - answered_ms_.load() < std::chrono::milliseconds(answer_patience).count();
}

void node_watch::look(unsigned round) {
  if (streams_.any_wants_patterns())
    tell_patterns();
  else
    follows_log_ = false;
  if (round % looks_a_second != 0) return;
  if (!streams_.any()) {
    if (log_end_of(node_)) answered_ms_ = steady_ms();
    return;
  }
  const auto state = node_.state();
  if (!state) return;
  answered_ms_ = steady_ms();
  tell_stats(*state);
}

void node_watch::tell_stats(const node_state& state) {
  auto peers = json::array();
  std::uint64_t sent = 0, received = 0;
  for (const auto& peer : state.peers) {
    sent += peer.patterns_sent;
    received += peer.patterns_received;
    peers.push_back({{"peerId", peer.peer_id},
                     {"connected", peer.connected},
                     {"rttMs", in_ms(peer.quic.smoothed_rtt)},
                     {"lagRecords", peer.records_left + peer.unacknowledged_records},
                     {"lagAgeMs", in_ms(peer.unacknowledged_for)},
                     {"slow", peer.slow()}});
  }
  const auto* registry = node_.actors();
  const auto running = node_.agents();
  const auto taken = log_end_of(node_);
  streams_.tell("stats", one_line({{"event", "stats"},
                                   {"time", unix_ms()},
                                   {"patterns", state.patterns},
                                   {"connections", state.connections},
                                   {"actors", registry ? registry->size() : 0},
                                   {"agents", running ? running->roster->size() : 0},
                                   {"messages", registry ? registry->messages() : 0},
                                   {"patternsSent", sent},
                                   {"patternsReceived", received},
                                   {"patternsShared", state.stats.total_patterns},
                                   {"patternsTaken", taken ? *taken : 0},
                                   {"udpBytesSent", state.stats.quic.bytes_sent},
                                   {"udpBytesReceived", state.stats.quic.bytes_received},
                                   {"peers", std::move(peers)}}));
}

// A few patterns a look, from the log as every reader gets them; what is more is passed over and counted.
void node_watch::tell_patterns() {
  if (!follows_log_) {
    const auto end = log_end_of(node_);
    if (!end) return;
    read_to_ = log_cursor::at(*end);
    follows_log_ = true;
    return;
  }
  auto page = read_log(node_, read_to_, patterns_a_look);
  if (!page) return;
  std::map<std::uint32_t, std::string> names;
  for (const auto& set : page->sets) {
    auto name = names.find(set->source);
    if (name == names.end()) name = names.emplace(set->source, node_.peer_name(set->source)).first;
    for (const change& c : set->changes) {
      const auto record = set->records->record(c.index);
      streams_.tell("pattern:applied",
                    one_line({{"event", "pattern:applied"},
                              {"id", record.id()},
                              {"type", record.type()},
                              {"agentId", record.agent_id()},
                              {"version", record.version()},
                              {"lane", to_string(c.on)},
                              {"bytes", record.bytes().size()},
                              {"source", name->second},
                              {"deleted", record.deleted()},
                              {"time", unix_ms()}}),
                    true);
    }
  }
  read_to_ = page->next;
  if (page->at_end) return;
  const auto end = log_end_of(node_);
  if (!end) return;
  // Positions count over all lanes; those on the way that were superseded are counted, too.
  const auto come_to = *std::max_element(read_to_.last.begin(), read_to_.last.end());
  streams_.skip_patterns(*end > come_to ? *end - come_to : 1);
  read_to_ = log_cursor::at(*end);
}

}  // namespace quicsync
