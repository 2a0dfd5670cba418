#include <algorithm>

#include <fmt/format.h>

#include <quicsync/actors/peer/peer_session.hpp>
#include <quicsync/codec/limits.hpp>

namespace quicsync {

peer_session::peer_session(peer_session_config config, peer_identity certificate, peer_session_host& host)
    : config_(std::move(config)),
      certificate_(std::move(certificate)),
      host_(host),
      builder_(config_.key_seed),
      in_limit_(config_.limits.in),
      out_limit_(config_.limits.out) {
  outgoing_.reserve(lane_count);
  incoming_.reserve(lane_count);
  for (lane l : all_lanes) {
    outgoing_.emplace_back(config_.compress);
    incoming_.emplace_back(l == lane::control ? limits::control_frame_bytes : limits::frame_bytes);
  }
}

void peer_session::say(const frame& value, lane on) {
  byte_buffer bytes;
  append_frame(bytes, value);
  send_on(on, std::move(bytes));
}

void peer_session::open(log_position_number position, bool partial, ack_level level) {
  opened_ = true;
  opened_at_ = host_.now();
  config_.hello.log.position = position;
  config_.hello.partial = partial;
  config_.hello.level = level;
  if (config_.deltas) config_.hello.capabilities |= capability::takes_deltas;
  say(config_.hello);
  for (lane l : all_lanes) process(l);
}

void peer_session::abandon(error reason) {
  if (over_) return;
  say(error_frame{reason});
  over_ = true;
  host_.fail(std::move(reason));
}

void peer_session::leave(const error& reason) {
  if (over_) return;
  say(goodbye_frame{reason});
  over_ = true;
}

void peer_session::receive(lane on, shared_bytes bytes) {
  if (over_) return;
  incoming(on).received_bytes += bytes.size();
  incoming(on).frames.feed(std::move(bytes));
  if (!incoming(on).paused) process(on);
}

void peer_session::process(lane on) {
  if (!opened_ || wait_for_rate(on)) return;
  std::vector<received_slab> slabs;
  incoming(on).paused = false;
  // Until the hello is settled everything after it waits in the readers.
  while (!over_ && (welcomed_ || (on == lane::control && !their_hello_))) {
    // Who asks on control and does not read the answers is not answered without end.
    if (on == lane::control && outgoing(on).in_flight_bytes > limits::lane_in_flight_bytes)
      return abandon({errc::flood, "the peer does not read what it is answered on the control lane"});
    auto next = incoming(on).frames.next();
    if (!next) return abandon(std::move(next.error()));
    if (!*next) break;
    if (auto done = handle(on, **next, slabs); !done) return abandon(std::move(done.error()));
    // A little on the wire can be a lot when it is unpacked: what a turn unpacks is bounded, the rest waits for the
    // cache.
    if (slabs.size() >= limits::slabs_at_once) incoming(on).paused = true;
    if (incoming(on).paused || wait_for_rate(on)) break;
  }
  if (over_) return;
  if (!builder_.empty()) slabs.push_back({builder_.finish(), building_for_});
  apply_slabs(on, std::move(slabs));
  give_credit(on);
}

result<void> peer_session::handle(lane on, const frame& value, std::vector<received_slab>& slabs) {
  host_.heard(value);
  if (std::holds_alternative<std::monostate>(value)) return {};
  if (const auto* hello = std::get_if<hello_frame>(&value)) {
    if (their_hello_ || on != lane::control) return fail(errc::unexpected_frame, "a second hello");
    return take_hello(*hello);
  }
  if (!their_hello_) return fail(errc::unexpected_frame, "the first frame is no hello");
  if (const auto* batch = std::get_if<batch_frame>(&value)) {
    if (on == lane::control) return fail(errc::unexpected_frame, "patterns on the control lane");
    return take_batch(on, *batch, slabs);
  }
  if (const auto* again = std::get_if<again_frame>(&value)) {
    if (on == lane::control) return fail(errc::unexpected_frame, "patterns on the control lane");
    return take_again(on, *again, slabs);
  }
  if (const auto* reply = std::get_if<reply_frame>(&value)) return take_reply(*reply);
  if (on != lane::control)
    return fail(errc::unexpected_frame, fmt::format("a control frame on the {} lane", to_string(on)));
  return handle_control(value);
}

result<void> peer_session::handle_control(const frame& value) {
  if (const auto* ack = std::get_if<acknowledgement_frame>(&value)) return take_acknowledgement(*ack);
  if (const auto* refusal = std::get_if<refusal_frame>(&value)) return take_refusal(*refusal);
  if (const auto* unknown = std::get_if<unknown_base_frame>(&value)) return take_unknown_base(*unknown);
  if (const auto* wish = std::get_if<subscribe_frame>(&value)) return take_subscribe(*wish);
  if (const auto* around = std::get_if<neighbours_frame>(&value)) return take_neighbours(*around);
  if (const auto* mark = std::get_if<mark_frame>(&value)) return take_mark(*mark);
  if (const auto* asked = std::get_if<query_frame>(&value)) {
    serve(*asked);
  } else if (const auto* ping = std::get_if<ping_frame>(&value)) {
    say(pong_frame{ping->token});
  } else if (const auto* goodbye = std::get_if<goodbye_frame>(&value)) {
    over_ = true;
    host_.said_goodbye(goodbye->reason);
  } else if (const auto* failure = std::get_if<error_frame>(&value)) {
    over_ = true;
    // The code is the peer's word: one that has a meaning of its own on this side must not be taken from there.
    errc code = failure->reason.code;
    if (code == errc::none || code == errc::duplicate_peer) code = errc::connection_closed;
    host_.fail({code, fmt::format("the peer gave up: {}", to_string(failure->reason))});
  } else {
    return take_catch_up(value);
  }
  return {};
}

// Each costs every other peer of this node something: what was left to this one may have to be sent after all.
result<void> peer_session::take_neighbours(const neighbours_frame& around) {
  if (their_hello_->role != node_role::node) return fail(errc::unexpected_frame, "a client's neighbours");
  const auto age = std::chrono::duration_cast<std::chrono::seconds>(host_.now() - opened_at_);
  if (++neighbours_heard_ > limits::frame_names + static_cast<std::uint64_t>(std::max<std::int64_t>(age.count(), 0)))
    return fail(errc::flood,
                fmt::format("tells of its neighbours more than {} times and once a second", limits::frame_names));
  auto names = around.names;
  std::sort(names.begin(), names.end());
  host_.neighbours(std::move(names));
  return {};
}

result<void> peer_session::take_hello(const hello_frame& hello) {
  if (hello.version_min > wire_version || hello.version_max < wire_version)
    return fail(errc::wire_version, fmt::format("the peer speaks wire versions {} to {}, this node {}",
                                                hello.version_min, hello.version_max, wire_version));
  if (hello.name.empty() || hello.name.size() > limits::name_bytes)
    return fail(errc::bad_frame, "the peer's hello gives no usable name");
  if (config_.check_name && certificate_.verified && hello.name != certificate_.name)
    return fail(errc::certificate_name, fmt::format("the peer calls itself '{}', but its certificate is for '{}'",
                                                    hello.name, certificate_.name));
  their_hello_ = hello;
  rules_ = peer_rules(config_.rules, hello.name);
  if (config_.hello.role != node_role::client) {
    auto rules = rules_;
    if (auto wanted = filter::parse(config_.wish.filter)) rules.set_wanted(std::move(*wanted));
    judged_by_ = std::make_shared<const peer_rules>(std::move(rules));
  }
  host_.greeted(hello);
  return {};
}

void peer_session::welcome(peer_number number, const std::optional<remembered_log>& remembered) {
  if (over_ || welcomed_ || !their_hello_) return;
  welcomed_ = true;
  number_ = number;
  if (config_.wish.subscribe) say(own_subscription(remembered));
  // A node always subscribes, and only then it takes patterns; a client need not.
  if (their_hello_->role == node_role::client) establish();
  for (lane l : all_lanes) process(l);
}

void peer_session::establish() {
  if (std::exchange(established_, true)) return;
  host_.established();
}

void peer_session_statistics::add(const peer_session_statistics& later) {
  patterns_sent += later.patterns_sent;
  patterns_received += later.patterns_received;
  record_bytes_sent += later.record_bytes_sent;
  lane_bytes_sent += later.lane_bytes_sent;
  batches_acknowledged += later.batches_acknowledged;
  deltas_sent += later.deltas_sent;
  deltas_missed += later.deltas_missed;
  patterns_filtered += later.patterns_filtered;
  rate_delays_out += later.rate_delays_out;
  rate_delays_in += later.rate_delays_in;
  for (const auto& [code, count] : later.refused_here) refused_here[code] += count;
  for (const auto& [code, count] : later.refused_there) refused_there[code] += count;
  if (later.latency.count() != 0) latency = later.latency;
  latencies.add(later.latencies);
  for (std::size_t i = 0; i < lane_count; ++i) {
    lanes[i].patterns_sent += later.lanes[i].patterns_sent;
    lanes[i].patterns_received += later.lanes[i].patterns_received;
    lanes[i].record_bytes_sent += later.lanes[i].record_bytes_sent;
    lanes[i].record_bytes_received += later.lanes[i].record_bytes_received;
  }
}

void peer_session::query(std::uint64_t number, query_frame::kind what, std::string argument) {
  if (over_) return;
  say(query_frame{number, what, std::move(argument)});
}

result<void> peer_session::take_reply(const reply_frame& reply) {
  std::vector<slab_ptr> records;
  if (!reply.block.empty()) {
    slab_builder builder(config_.key_seed);
    if (auto done = reply_decoder_.decode(reply.block, builder, records); !done) return done;
    if (!builder.empty()) records.push_back(builder.finish());
  }
  host_.answered(reply.number, std::move(records), reply.failure, reply.last);
  return {};
}

}  // namespace quicsync
