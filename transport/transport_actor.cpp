#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <optional>
#include <system_error>
#include <type_traits>
#include <vector>

#include <sys/epoll.h>

#include <quicsync/transport/held_connection.hpp>
#include <quicsync/transport/inspect_messages.hpp>
#include <quicsync/transport/name_lookup.hpp>
#include <quicsync/transport/transport_actor.hpp>

namespace quicsync {

namespace {

using namespace transport_messages;

// What was queued has this long to leave when the actor is asked to end.
constexpr std::chrono::milliseconds stop_grace{1000};
// System calls that one turn spends on sending; the congestion window bounds it first, almost always.
constexpr unsigned transmits_per_turn = 64;
// A turn reads on while datagrams come in long rows: what came together is acknowledged together, and fewer
// acknowledgements are less work for both sides. A few datagrams are not waited for, and no turn reads for long.
constexpr std::size_t many_datagrams = 16;
constexpr unsigned receives_per_turn = 16;
constexpr std::chrono::microseconds receiving_per_turn{300};
// Names looked up at once, a thread each; others wait their turn.
constexpr std::size_t lookups_at_once = 8;
// Incoming connections that ended before the coordinator said whose they are; older ones are forgotten.
constexpr std::size_t ended_unadopted_kept = 1024;
// A stranger can cause a `rejected` at will; the log gets no more than so many a turn.
constexpr unsigned rejections_per_turn = 16;
// Between two lines of a trace that tell how the path is.
constexpr std::chrono::milliseconds path_traced_every{10};

// caf::abstract_actor has a member `address`, so the type is written in full in here.
class transport_actor final : public loop_actor, private loop::source {
 public:
  transport_actor(caf::actor_config& config, loop& home, std::unique_ptr<endpoint> quic,
                  std::unique_ptr<datagram_socket> socket, caf::actor coordinator, connection_traces* traces)
      : loop_actor(config, home),
        quic_(std::move(quic)),
        socket_(std::move(socket)),
        coordinator_(std::move(coordinator)),
        traces_(traces) {}

  const char* name() const override { return "transport"; }
  caf::behavior make_behavior() override;
  void on_exit() override;

 private:
  using held_connections = std::map<connection_id, held_connection>;  // ordered: a simulation must repeat itself

  // -- messages
  void start_dial(const dial& request);
  void end_lookup(const looked_up& answer);
  void dial_address(const dial& request, const result<quicsync::address>& found);
  void hand_over(const adopt& request);
  void close(const close_connection& request);
  void forget_user(const caf::actor_addr& user);
  void begin_stop(const caf::error& reason);

  // -- the loop
  void on_ready(unsigned events) override;
  void on_deadline() override;
  void on_turn_end() override;
  void receive();
  void flush();
  void set_deadline(time_point now);
  void socket_failed(const error& why);

  // -- events
  void deliver_events();
  void on_event(connection_opened& event);
  void on_event(connection_early& event);
  void on_event(lane_bytes& event);
  void on_event(lane_acknowledged& event);
  void on_event(connection_ended& event);
  void touch(connection_id id, held_connection& held);
  void deliver_bursts(connection_id id, held_connection& held);
  void fail_dials_to(const quicsync::address& remote, const error& why);
  template <class Message>
  void deliver(held_connection& held, Message&& message);

  // -- the trace
  bool traced() const noexcept { return traces_ != nullptr && traces_->on(); }
  void trace(connection_id id, std::string_view what, const std::string& fields) {
    const auto at = connections_.find(id);
    if (at == connections_.end() || at->second.over) return;
    if (at->second.opened)
      traces_->write(id, home().now(), what, fields);
    else
      traces_->write_early(id, home().now(), what, fields);
  }
  void trace_lane(connection_id id, std::string_view what, lane on, std::uint64_t bytes) {
    trace(id, what, trace_field("lane", to_string(on)) + trace_field("bytes", bytes));
  }
  void trace_path(connection_id id, held_connection& held);

  // -- users
  void set_user(held_connection& held, const caf::actor& user);
  void drop_user(held_connection& held);
  held_connections::iterator erase(held_connections::iterator at);

  struct watched {
    caf::actor_addr who;
    std::size_t connections = 0;
  };

  std::unique_ptr<endpoint> quic_;
  std::unique_ptr<datagram_socket> socket_;
  caf::actor coordinator_;
  connection_traces* traces_;
  // The loop calls this actor: it must not vanish with its last handle, on another thread. It lives until it ends
  // itself.
  caf::strong_actor_ptr alive_;

  held_connections connections_;
  std::deque<connection_id> ended_unadopted_;
  std::vector<connection_id> touched_;
  std::map<caf::actor_id, watched> users_;
  std::map<std::uint64_t, dial> lookups_;
  std::uint64_t last_lookup_ = 0;
  std::deque<dial> names_waiting_;
  unsigned rejections_ = 0;  ///< of this turn

  transmit out_;
  bool unsent_ = false;   ///< `out_` is still to be sent
  bool blocked_ = false;  ///< the socket has no room
  bool dirty_ = true;     ///< something happened since the last flush

  bool stopping_ = false;
  caf::error stop_reason_;
  time_point stop_by_ = time_point::max();
};

// -- messages -----------------------------------------------------------------------------------------------------

caf::behavior transport_actor::make_behavior() {
  alive_ = caf::strong_actor_ptr{ctrl()};
  home().add(this, socket_->descriptor(), EPOLLIN);
  set_exit_handler([this](caf::exit_msg& message) { begin_stop(message.reason); });
  set_down_handler([this](caf::down_msg& message) { forget_user(message.source); });
  caf_compat::tell(this, coordinator_, listening{socket_->local()});
  return {
      [this](const dial& request) { start_dial(request); },
      [this](const looked_up& answer) { end_lookup(answer); },
      [this](const adopt& request) { hand_over(request); },
      [this](const send_bytes& message) {
        // Where the connection is gone, `ended` is on its way to the sender.
        [[maybe_unused]] const auto queued = quic_->send(message.id, message.on, message.bytes);
        if (traced()) trace_lane(message.id, "quic:sent", message.on, message.bytes.size());
        dirty_ = true;
      },
      [this](const transport_messages::consumed& message) {
        quic_->consumed(message.id, message.on, message.bytes);
        if (traced()) trace_lane(message.id, "quic:credit", message.on, message.bytes);
        dirty_ = true;
      },
      [this](const close_connection& request) { close(request); },
      [this](const reload& request) {
        auto outcome = quic_->reload(request.identity, request.trust, home().now());
        deliver_events();
        dirty_ = true;
        return reloaded{outcome ? error{} : std::move(outcome.error())};
      },
      [this](ask_connections) {
        transport_messages::connections answer{quic_->statistics(), {}};
        for (const auto& [id, held] : connections_)
          if (auto known = quic_->statistics(id)) answer.all.emplace_back(id, *known);
        return answer;
      },
      [this](const statistics_request& request) {
        return statistics_reply{quic_->statistics(), quic_->statistics(request.id).value_or(connection_statistics{})};
      },
  };
}

void transport_actor::start_dial(const dial& request) {
  // Numeric addresses need no look-up: no thread, and in a simulation none may be made.
  if (auto numeric = quicsync::address::parse(request.host_port)) return dial_address(request, numeric);
  auto target = parse_host_port(request.host_port);
  if (!target) return dial_address(request, tl::unexpected(target.error()));
  if (lookups_.size() == lookups_at_once) {
    names_waiting_.push_back(request);
    return;
  }
  try {
    look_up(++last_lookup_, std::move(*target), caf::weak_actor_ptr{ctrl()});
    lookups_.emplace(last_lookup_, request);
  } catch (const std::system_error& why) {
    dial_address(request, fail(errc::overloaded, "no thread to look up " + request.host_port + ": " + why.what()));
  }
}

void transport_actor::end_lookup(const looked_up& answer) {
  const auto request = lookups_.extract(answer.number);
  if (request.empty()) return;
  dial_address(request.mapped(), answer.found);
  while (!names_waiting_.empty() && lookups_.size() < lookups_at_once) {
    const auto next = std::move(names_waiting_.front());
    names_waiting_.pop_front();
    start_dial(next);
  }
}

void transport_actor::dial_address(const dial& request, const result<quicsync::address>& found) {
  auto id = found.and_then([&](const quicsync::address& remote) -> result<connection_id> {
    if (stopping_) return fail(errc::cancelled, "the node stops");
    return quic_->connect(remote, request.expected_name, home().now(), request.early);
  });
  if (!id) {
    caf_compat::tell(this, request.user, ended{0, request.attempt, std::move(id.error())});
    return;
  }
  auto& held = connections_[*id];
  held.attempt = request.attempt;
  held.remote = *found;
  set_user(held, request.user);
  dirty_ = true;
}

void transport_actor::hand_over(const adopt& request) {
  const auto at = connections_.find(request.id);
  if (at == connections_.end() || !at->second.unadopted) {
    caf_compat::tell(this, request.user,
                     ended{request.id, 0, {errc::connection_lost, "the connection ended before it was taken over"}});
    return;
  }
  auto& held = at->second;
  held.unadopted = false;
  set_user(held, request.user);
  for (auto& message : held.early) caf_compat::tell(this, held.user, std::move(message));
  held.early = {};
  if (held.over) erase(at);
}

void transport_actor::close(const close_connection& request) {
  const auto at = connections_.find(request.id);
  if (at == connections_.end()) return;
  auto& held = at->second;
  held.early = {};
  held.unadopted = false;
  if (held.over) {
    erase(at);
    return;
  }
  if (traced()) trace(request.id, "quic:closing", trace_field("reason", to_string(request.reason)));
  quic_->close(request.id, request.reason.code, to_string(request.reason), home().now());
  dirty_ = true;
}

void transport_actor::forget_user(const caf::actor_addr& user) {
  users_.erase(user.id());  // before drop_user(): it is gone, there is nobody to stop watching
  for (auto& [id, held] : connections_) {
    if (!held.user || held.user.address() != user) continue;
    held.user = nullptr;
    quic_->close(id, errc::connection_closed, "closed by its owner", home().now());
  }
  dirty_ = true;
}

void transport_actor::begin_stop(const caf::error& reason) {
  if (stopping_) return;
  stopping_ = true;
  stop_reason_ = reason;
  stop_by_ = home().now() + stop_grace;
  const error stopped{errc::cancelled, "the node stops"};
  for (const auto& [number, request] : std::exchange(lookups_, {}))
    caf_compat::tell(this, request.user, ended{0, request.attempt, stopped});
  for (const auto& request : std::exchange(names_waiting_, {}))
    caf_compat::tell(this, request.user, ended{0, request.attempt, stopped});
  for (auto at = connections_.begin(); at != connections_.end();) {
    if (at->second.over) {
      at = erase(at);
      continue;
    }
    quic_->close(at->first, errc::connection_closed, "the node stops", home().now());
    ++at;
  }
  dirty_ = true;  // the turn's end sends what is to be sent and sees whether anything is left
}

void transport_actor::on_exit() {
  home().remove(this);
  const error lost{errc::connection_lost, "the transport has ended"};
  for (auto& [id, held] : connections_) {
    if (traced()) trace(id, "quic:ended", trace_field("reason", to_string(lost)));
    if (held.user) caf_compat::tell(this, held.user, ended{held.opened ? id : 0, held.attempt, lost});
  }
  if (traces_ != nullptr) traces_->close_all();
  for (auto& [id, user] : users_) demonitor(user.who);
  users_.clear();
  connections_.clear();
  quic_.reset();
  socket_.reset();
  coordinator_ = nullptr;
  alive_ = nullptr;
}

// -- the loop -----------------------------------------------------------------------------------------------------

void transport_actor::on_ready(unsigned events) {
  run_in_context([&] {
    if ((events & EPOLLOUT) != 0 && blocked_) {
      blocked_ = false;
      home().change(this, EPOLLIN);
    }
    if ((events & ~static_cast<unsigned>(EPOLLOUT)) != 0) receive();
    dirty_ = true;
  });
}

void transport_actor::on_deadline() {
  run_in_context([&] {
    quic_->handle_deadline(home().now());
    deliver_events();
    dirty_ = true;
  });
}

void transport_actor::on_turn_end() {
  if (!dirty_ && !traced()) return;
  run_in_context([&] {  // it may end inside
    if (dirty_) flush();
    if (traced()) traces_->flush();
  });
}

void transport_actor::receive() {
  const auto began = home().now();
  auto now = began;
  for (unsigned round = 0; round < receives_per_turn; ++round) {
    const auto taken = socket_->receive([&](const auto& local, const auto& remote, std::uint8_t ecn, bytes_view bytes) {
      quic_->handle_datagram(local, remote, ecn, bytes, now);
    });
    if (!taken) return socket_failed(taken.error());
    if (*taken < many_datagrams) break;
    now = home().now();
    if (now - began > receiving_per_turn) break;
  }
  while (const auto remote = socket_->poll_unreachable())
    fail_dials_to(*remote, {errc::unreachable, "nobody listens at " + remote->to_string()});
  deliver_events();
}

void transport_actor::flush() {
  dirty_ = false;
  rejections_ = 0;
  const auto now = home().now();
  for (unsigned sent = 0; !blocked_; ++sent) {
    if (!unsent_ && !quic_->poll_transmit(out_, now)) break;
    unsent_ = true;
    if (sent == transmits_per_turn) {
      dirty_ = true;
      break;
    }
    const auto left = socket_->send(out_);
    if (!left && left.error().code != errc::unreachable) return socket_failed(left.error());
    if (!left) fail_dials_to(out_.remote, left.error());
    if (left && !*left) {
      blocked_ = true;
      home().change(this, EPOLLIN | EPOLLOUT);
      break;
    }
    unsent_ = false;
  }
  deliver_events();
  if (stopping_ && (now >= stop_by_ || (connections_.empty() && !unsent_))) return quit(stop_reason_);
  set_deadline(now);
}

void transport_actor::set_deadline(time_point now) {
  auto when = std::min(quic_->deadline(), stop_by_);
  if (dirty_) when = now;  // more to send: another turn, after the others had theirs
  home().set_deadline(this, when);
}

// Nothing works without the socket; whoever watches this actor sees the reason and starts another.
void transport_actor::socket_failed(const error& why) {
  quit(caf::make_error(caf::sec::runtime_error, to_string(why)));
}

// -- events -------------------------------------------------------------------------------------------------------

void transport_actor::deliver_events() {
  while (auto event = quic_->poll_event()) std::visit([this](auto& what) { on_event(what); }, *event);
  for (const auto id : touched_) {
    const auto at = connections_.find(id);
    if (at != connections_.end()) deliver_bursts(id, at->second);
  }
  touched_.clear();
}

void transport_actor::on_event(connection_opened& event) {
  auto& held = connections_[event.id];
  held.opened = true;
  held.remote = event.remote;
  if (traces_ != nullptr) {
    const auto whose = trace_field("peer", event.peer.name) + trace_field("address", event.remote.to_string());
    traces_->introduce(event.id, whose);
    if (traced())
      trace(event.id, "quic:opened",
            whose + trace_field("incoming", std::uint64_t{event.incoming}) +
                trace_field("resumed", std::uint64_t{event.resumed}));
  }
  if (!event.incoming) {
    deliver(held, opened{held.attempt, event.id, std::move(event.peer), event.remote, event.resumed, event.early});
  } else if (stopping_) {
    quic_->close(event.id, errc::connection_closed, "the node stops", home().now());
  } else {
    held.unadopted = true;
    caf_compat::tell(this, coordinator_, accepted{event.id, std::move(event.peer), event.remote});
  }
}

// What comes early is kept until the handshake is complete: then it is sure that nobody repeats it, and the coordinator
// says whose it is.
void transport_actor::on_event(connection_early& event) {
  auto& held = connections_[event.id];
  held.remote = event.remote;
  held.unadopted = true;
}

void transport_actor::on_event(lane_bytes& event) {
  const auto at = connections_.find(event.id);
  if (at == connections_.end()) return;
  auto& burst = at->second.bursts[index_of(event.on)];
  if (!burst.pieces.empty() && burst.early != event.early) deliver_bursts(event.id, at->second);
  burst.early = event.early;
  burst.pieces.push_back(std::move(event.bytes));
  touch(event.id, at->second);
}

void transport_actor::on_event(lane_acknowledged& event) {
  const auto at = connections_.find(event.id);
  if (at == connections_.end()) return;
  at->second.bursts[index_of(event.on)].acknowledged += event.bytes;
  touch(event.id, at->second);
}

void transport_actor::on_event(connection_ended& event) {
  const auto at = connections_.find(event.id);
  if (event.incoming && !event.opened && ++rejections_ <= rejections_per_turn)
    caf_compat::tell(this, coordinator_, rejected{event.remote, event.reason});
  if (at == connections_.end()) return;
  if (event.incoming && !event.opened) {
    erase(at);
    return;
  }
  auto& held = at->second;
  deliver_bursts(event.id, held);
  if (traced()) trace(event.id, "quic:ended", trace_field("reason", to_string(held.reason.value_or(event.reason))));
  if (traces_ != nullptr) traces_->close(event.id);
  deliver(held, ended{held.opened ? event.id : 0, held.attempt, held.reason.value_or(std::move(event.reason))});
  if (!held.unadopted) {
    erase(at);
    return;
  }
  // What it said is kept for whom it will be given to.
  held.over = true;
  ended_unadopted_.push_back(event.id);
  if (ended_unadopted_.size() <= ended_unadopted_kept) return;
  const auto oldest = connections_.find(ended_unadopted_.front());
  ended_unadopted_.pop_front();
  if (oldest != connections_.end()) erase(oldest);
}

void transport_actor::touch(connection_id id, held_connection& held) {
  if (std::exchange(held.touched, true)) return;
  touched_.push_back(id);
}

// One message a lane for a whole burst, or few for a large one; the urgent lanes first.
void transport_actor::deliver_bursts(connection_id id, held_connection& held) {
  if (!std::exchange(held.touched, false)) return;
  if (traced()) trace_path(id, held);
  for (const auto on : all_lanes) {
    auto& burst = held.bursts[index_of(on)];
    if (traced() && burst.acknowledged != 0) trace_lane(id, "quic:acknowledged", on, burst.acknowledged);
    if (traced())
      for (const auto& piece : burst.pieces) trace_lane(id, "quic:received", on, piece.size());
    if (burst.acknowledged != 0) deliver(held, acknowledged_bytes{id, on, std::exchange(burst.acknowledged, 0)});
    for (auto& piece : burst.pieces) deliver(held, received_bytes{id, on, std::move(piece), burst.early});
    burst.pieces.clear();
  }
}

void transport_actor::trace_path(connection_id id, held_connection& held) {
  if (home().now() - held.path_traced < path_traced_every) return;
  held.path_traced = home().now();
  const auto now = quic_->statistics(id);
  if (!now) return;
  trace(id, "quic:path",
        trace_field("rttUs", static_cast<std::uint64_t>(now->smoothed_rtt.count())) +
            trace_field("congestionWindow", now->congestion_window_bytes) +
            trace_field("packetsLost", now->packets_lost) + trace_field("udpBytesSent", now->bytes_sent) +
            trace_field("udpBytesReceived", now->bytes_received));
}

template <class Message>
void transport_actor::deliver(held_connection& held, Message&& message) {
  if (held.user)
    caf_compat::tell(this, held.user, std::forward<Message>(message));
  else if (held.unadopted)
    held.early.push_back(caf::make_message(std::forward<Message>(message)));
}

// Only dials: an ICMP message is not authenticated, and whoever can forge one must not end a connection that is up
// (RFC 9000 section 14.2.1, RFC 5927).
void transport_actor::fail_dials_to(const quicsync::address& remote, const error& why) {
  for (auto& [id, held] : connections_) {
    if (held.opened || held.reason || !(held.remote == remote)) continue;
    held.reason = why;
    quic_->close(id, errc::cancelled, {}, home().now());
    dirty_ = true;
  }
}

// -- users --------------------------------------------------------------------------------------------------------

void transport_actor::set_user(held_connection& held, const caf::actor& user) {
  held.user = user;
  auto& known = users_[user.id()];
  if (known.connections++ != 0) return;
  known.who = user.address();
  monitor(user);
}

void transport_actor::drop_user(held_connection& held) {
  if (!held.user) return;
  const auto known = users_.find(held.user.id());
  if (known != users_.end() && --known->second.connections == 0) {
    demonitor(known->second.who);
    users_.erase(known);
  }
  held.user = nullptr;
}

transport_actor::held_connections::iterator transport_actor::erase(held_connections::iterator at) {
  if (at->second.over) std::erase(ended_unadopted_, at->first);
  drop_user(at->second);
  return connections_.erase(at);
}

}  // namespace

caf::actor spawn_transport(caf::actor_system& system, loop& home, std::unique_ptr<endpoint> quic,
                           std::unique_ptr<datagram_socket> socket, caf::actor coordinator, connection_traces* traces) {
  return system.spawn<transport_actor>(home, std::move(quic), std::move(socket), std::move(coordinator), traces);
}

}  // namespace quicsync
