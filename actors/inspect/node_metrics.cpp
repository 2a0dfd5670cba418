#include <map>
#include <sstream>
#include <vector>

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <quicsync/actors/inspect/node_metrics.hpp>

namespace quicsync {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using labels = std::vector<ClientMetric::Label>;

/// One metric with its values, one for each set of labels.
class family {
 public:
  family(MetricType type, const char* name, const char* help) {
    made_.name = std::string("quicsync_") + name;
    made_.help = help;
    made_.type = type;
  }
  family& add(double value, labels of = {}) {
    ClientMetric metric;
    metric.label = std::move(of);
    (made_.type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
    made_.metric.push_back(std::move(metric));
    return *this;
  }
  family& add(std::uint64_t value, labels of = {}) { return add(static_cast<double>(value), std::move(of)); }
  family& add(const latency_buckets& buckets, labels of = {}) {
    ClientMetric metric;
    metric.label = std::move(of);
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < buckets.bounds.size(); ++i) {
      below += buckets.counts[i];
      metric.histogram.bucket.push_back({below, buckets.bounds[i]});
    }
    metric.histogram.sample_count = buckets.count();
    metric.histogram.bucket.push_back({buckets.count(), std::numeric_limits<double>::infinity()});
    metric.histogram.sample_sum = buckets.sum_seconds;
    made_.metric.push_back(std::move(metric));
    return *this;
  }
  /// One without values stays out.
  void into(std::vector<MetricFamily>& all) {
    if (!made_.metric.empty()) all.push_back(std::move(made_));
  }

 private:
  MetricFamily made_;
};

family counter(const char* name, const char* help) { return {MetricType::Counter, name, help}; }
family gauge(const char* name, const char* help) { return {MetricType::Gauge, name, help}; }
family histogram(const char* name, const char* help) { return {MetricType::Histogram, name, help}; }

double seconds(std::chrono::nanoseconds time) { return std::chrono::duration<double>(time).count(); }

void add_node(const node_state& state, std::vector<MetricFamily>& all) {
  const auto& s = state.stats;
  gauge("up", "1 while the node runs").add(state.running ? 1.0 : 0.0).into(all);
  gauge("patterns", "patterns held").add(std::uint64_t{state.patterns}).into(all);
  gauge("connections", "peers that patterns flow with").add(std::uint64_t{state.connections}).into(all);
  counter("shares_total", "shares, once for each peer, by what became of them")
      .add(s.successful_syncs, {{"outcome", "acknowledged"}})
      .add(s.failed_syncs, {{"outcome", "failed"}})
      .into(all);
  counter("shared_patterns_total", "patterns of shares that were acknowledged, once for each peer")
      .add(s.total_patterns)
      .into(all);
  histogram("delivery_seconds", "from hand-over of a share to a peer's acknowledgement").add(s.deliveries).into(all);
  counter("udp_bytes_total", "UDP payload")
      .add(s.quic.bytes_sent, {{"direction", "out"}})
      .add(s.quic.bytes_received, {{"direction", "in"}})
      .into(all);
  counter("datagrams_total", "UDP datagrams")
      .add(s.quic.datagrams_sent, {{"direction", "out"}})
      .add(s.quic.datagrams_received, {{"direction", "in"}})
      .into(all);
  counter("handshakes_total", "TLS handshakes by what became of them")
      .add(s.quic.handshakes_completed, {{"outcome", "completed"}})
      .add(s.quic.handshakes_refused, {{"outcome", "refused"}})
      .into(all);
  auto refusals = counter("transport_refusals_total", "datagrams, handshakes and connections refused, by reason");
  s.quic.refusals.for_each(
      [&](refusal_reason why, std::uint64_t count) { refusals.add(count, {{"reason", std::string(to_string(why))}}); });
  refusals.into(all);
}

void add_store(const node_store_state& store, std::vector<MetricFamily>& all) {
  auto condition = gauge("store_condition", "1 for what the store is: none, loading, working or failed");
  for (const char* each : {"none", "loading", "working", "failed"})
    condition.add(store.condition == each ? 1.0 : 0.0, {{"condition", each}});
  condition.into(all);
  counter("store_commits_total", "commits, each waited for until it was on disk").add(store.commits).into(all);
  gauge("store_position", "everything up to there is on disk").add(store.position).into(all);
  gauge("store_records", "records in the store").add(store.live).into(all);
  gauge("store_bytes", "bytes of the store on disk").add(store.bytes).into(all);
  gauge("store_unstored_bytes", "bytes of records that were taken and are not on disk yet")
      .add(store.unstored_bytes)
      .into(all);
  gauge("store_quarantined", "damaged rows that were set aside").add(store.quarantined).into(all);
}

/// Several connections of one name (clients) are one series: their counts are added, their gauges the worst of them.
std::map<std::string, connection_state> by_name(const node_state& state) {
  std::map<std::string, connection_state> out;
  for (const auto& peer : state.peers) {
    const auto [it, is_new] = out.try_emplace(peer.peer_id.empty() ? peer.address : peer.peer_id, peer);
    if (is_new) continue;
    auto& sum = it->second;
    sum.connected = sum.connected || peer.connected;
    sum.healthy = sum.healthy && peer.healthy;
    sum.error_count += peer.error_count;
    sum.lane_bytes_sent += peer.lane_bytes_sent;
    sum.rate_delays_in += peer.rate_delays_in;
    sum.rate_delays_out += peer.rate_delays_out;
    sum.patterns_filtered += peer.patterns_filtered;
    sum.acknowledgements.add(peer.acknowledgements);
    sum.records_left += peer.records_left;
    sum.unacknowledged_records += peer.unacknowledged_records;
    sum.unacknowledged_bytes += peer.unacknowledged_bytes;
    sum.unacknowledged_for = std::max(sum.unacknowledged_for, peer.unacknowledged_for);
    sum.quic.smoothed_rtt = std::max(sum.quic.smoothed_rtt, peer.quic.smoothed_rtt);
    sum.quic.congestion_window_bytes = std::min(sum.quic.congestion_window_bytes, peer.quic.congestion_window_bytes);
    sum.quic.packets_lost += peer.quic.packets_lost;
    for (const auto& [code, count] : peer.refused_here) sum.refused_here[code] += count;
    for (const auto& [code, count] : peer.refused_there) sum.refused_there[code] += count;
    for (std::size_t i = 0; i < lane_count; ++i) {
      sum.lanes[i].patterns_sent += peer.lanes[i].patterns_sent;
      sum.lanes[i].patterns_received += peer.lanes[i].patterns_received;
      sum.lanes[i].record_bytes_sent += peer.lanes[i].record_bytes_sent;
      sum.lanes[i].record_bytes_received += peer.lanes[i].record_bytes_received;
    }
  }
  return out;
}

void add_peers(const node_state& state, std::vector<MetricFamily>& all) {
  auto connected = gauge("peer_connected", "1 while patterns can flow with this peer");
  auto healthy = gauge("peer_healthy", "1 while the connection is well");
  auto patterns = counter("peer_patterns_total", "patterns by peer, lane and direction");
  auto bytes = counter("peer_record_bytes_total", "bytes of records before compression, by peer, lane and direction");
  auto lane_bytes = counter("peer_lane_bytes_total", "bytes of frames sent to this peer");
  auto acknowledgements = histogram("acknowledgement_seconds", "from sending a batch to the peer's acknowledgement");
  auto lag = gauge("peer_lag_records", "records that the peer has not acknowledged, in the log or on the way");
  auto lag_bytes = gauge("peer_lag_bytes", "bytes of records on the way to the peer and not acknowledged");
  auto lag_age = gauge("peer_lag_seconds", "how long the oldest record on the way has waited for its acknowledgement");
  auto rtt = gauge("peer_rtt_seconds", "smoothed round trip time");
  auto window = gauge("peer_congestion_window_bytes", "congestion window");
  auto lost = counter("peer_packets_lost_total", "packets with data of lanes that were lost");
  auto errors = counter("peer_errors_total", "connections that ended otherwise than by a goodbye, and refusals");
  auto delays = counter("peer_rate_delays_total", "how often the flow waited for a rate limit");
  auto filtered = counter("peer_filtered_total", "patterns that were not for this peer");
  auto refused = counter("peer_refused_patterns_total", "patterns refused, by who refused them and why");
  for (const auto& [name, peer] : by_name(state)) {
    const ClientMetric::Label who{"peer", name};
    connected.add(peer.connected ? 1.0 : 0.0, {who});
    healthy.add(peer.healthy ? 1.0 : 0.0, {who});
    for (lane l : all_lanes) {
      if (l == lane::control) continue;
      const auto& flow = peer.lanes[index_of(l)];
      const ClientMetric::Label on{"lane", std::string(to_string(l))};
      patterns.add(flow.patterns_sent, {who, on, {"direction", "out"}});
      patterns.add(flow.patterns_received, {who, on, {"direction", "in"}});
      bytes.add(flow.record_bytes_sent, {who, on, {"direction", "out"}});
      bytes.add(flow.record_bytes_received, {who, on, {"direction", "in"}});
    }
    lane_bytes.add(peer.lane_bytes_sent, {who});
    acknowledgements.add(peer.acknowledgements, {who});
    lag.add(peer.records_left + peer.unacknowledged_records, {who});
    lag_bytes.add(peer.unacknowledged_bytes, {who});
    lag_age.add(seconds(peer.unacknowledged_for), {who});
    if (peer.connection != 0) {
      rtt.add(seconds(peer.quic.smoothed_rtt), {who});
      window.add(peer.quic.congestion_window_bytes, {who});
    }
    lost.add(peer.quic.packets_lost, {who});
    errors.add(peer.error_count, {who});
    delays.add(peer.rate_delays_out, {who, {"direction", "out"}});
    delays.add(peer.rate_delays_in, {who, {"direction", "in"}});
    filtered.add(peer.patterns_filtered, {who});
    for (const auto& [code, count] : peer.refused_here) refused.add(count, {who, {"by", "us"}, {"reason", code}});
    for (const auto& [code, count] : peer.refused_there) refused.add(count, {who, {"by", "peer"}, {"reason", code}});
  }
  for (auto* each : {&connected, &healthy, &patterns, &bytes, &lane_bytes, &acknowledgements, &lag, &lag_bytes,
                     &lag_age, &rtt, &window, &lost, &errors, &delays, &filtered, &refused})
    each->into(all);
}

void add_actors(const actor_registry& registry, std::vector<MetricFamily>& all) {
  struct sum {
    std::uint64_t count = 0, messages = 0, depth = 0, deepest = 0, restarts = 0;
    std::chrono::nanoseconds busy{0}, longest{0};
  };
  std::map<std::string, sum, std::less<>> kinds;
  std::map<std::string, std::uint64_t> states;
  for (const char* state : {"stuck", "starved", "failed", "restarting"}) states[state] = 0;
  registry.each([&](const actor_sight& a) {
    auto kind = kinds.find(a.kind);
    if (kind == kinds.end()) kind = kinds.emplace(std::string(a.kind), sum{}).first;
    auto& to = kind->second;
    if (a.state != actor_state::failed) ++to.count;
    to.messages += a.messages;
    to.depth += a.depth;
    to.deepest = std::max(to.deepest, a.depth);
    to.restarts += a.restarts;
    to.busy += a.busy;
    to.longest = std::max({to.longest, a.longest, a.running});
    if (const auto it = states.find(to_string(a.state)); it != states.end()) ++it->second;
  });
  auto count = gauge("actors", "actors that live, by kind; kind agent: the agents");
  auto depth = gauge("mailbox_messages", "messages that wait, by kind of actor");
  auto deepest = gauge("mailbox_deepest_messages", "messages that wait at the one actor of this kind where most do");
  auto messages = gauge("actor_messages", "messages handled by the actors of this kind that live");
  auto busy = gauge("actor_busy_seconds", "time in handlers of the actors of this kind that live");
  auto longest = gauge("actor_longest_seconds", "the longest handler of the actors of this kind");
  auto restarts = gauge("actor_restarts", "how often the actors of this kind that live were begun anew");
  for (const auto& [name, of] : kinds) {
    const ClientMetric::Label kind{"kind", name};
    count.add(of.count, {kind});
    depth.add(of.depth, {kind});
    deepest.add(of.deepest, {kind});
    messages.add(of.messages, {kind});
    busy.add(seconds(of.busy), {kind});
    longest.add(seconds(of.longest), {kind});
    restarts.add(of.restarts, {kind});
  }
  auto troubled = gauge("troubled_actors", "actors that somebody should look at, by state");
  for (const auto& [state, number] : states) troubled.add(number, {{"state", state}});
  for (auto* each : {&count, &depth, &deepest, &messages, &busy, &longest, &restarts, &troubled}) each->into(all);
  counter("messages_total", "messages handled by all actors that live or have lived")
      .add(registry.messages())
      .into(all);
}

}  // namespace

std::string metrics_text(const node_state& state, const actor_registry* actors) {
  std::vector<MetricFamily> all;
  add_node(state, all);
  add_store(state.store, all);
  add_peers(state, all);
  if (actors) add_actors(*actors, all);
  std::ostringstream text;
  prometheus::TextSerializer().Serialize(text, all);
  return text.str();
}

}  // namespace quicsync
