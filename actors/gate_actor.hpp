// The gate: the one actor through which a server handle, used from any thread, takes part in the actor system. It keeps
// what the handle waits for and calls the handle's functions. Runs on CAF's pool.
#pragma once
#include <functional>
#include <future>

#include <quicsync/actors/messages.hpp>
#include <quicsync/actors/server.hpp>
#include <quicsync/actors/share_desk.hpp>

namespace quicsync::gate_messages {

/// From the handle: call `handler` for each event of this name.
struct on_event {
  std::string name;
  std::function<void(const event&)> handler;
};
/// From the handle: a share that was not taken there, to be answered on this thread.
struct await_report {
  messages::share question;
  std::function<void(const sync_report&)> done;
};
/// From the handle: keep what waits for an answer, then send the question.
struct await_connection {
  messages::connect_peer question;
  std::shared_ptr<std::promise<result<std::string>>> done;
};
struct await_pages {
  messages::run_query question;
  std::function<void(const server::answer&)> page;
};
struct await_start {
  std::shared_ptr<std::promise<messages::node_started>> done;
};
struct await_stop {
  std::shared_ptr<std::promise<void>> done;
};
struct await_removal {
  messages::remove_peer question;
  std::shared_ptr<std::promise<result<void>>> done;
};

struct await_reload {
  messages::reconfigure question;
  std::shared_ptr<std::promise<result<void>>> done;
};
/// From the handle: take no more shares; tell when the last report is out.
struct await_drained {
  std::shared_ptr<std::promise<void>> done;
};

}  // namespace quicsync::gate_messages

QUICSYNC_LOCAL_MESSAGE(quicsync::gate_messages::on_event)
QUICSYNC_LOCAL_MESSAGE(quicsync::gate_messages::await_report)
QUICSYNC_LOCAL_MESSAGE(quicsync::gate_messages::await_connection)
QUICSYNC_LOCAL_MESSAGE(quicsync::gate_messages::await_pages)
QUICSYNC_LOCAL_MESSAGE(quicsync::gate_messages::await_start)
QUICSYNC_LOCAL_MESSAGE(quicsync::gate_messages::await_stop)
QUICSYNC_LOCAL_MESSAGE(quicsync::gate_messages::await_removal)
QUICSYNC_LOCAL_MESSAGE(quicsync::gate_messages::await_reload)
QUICSYNC_LOCAL_MESSAGE(quicsync::gate_messages::await_drained)

namespace quicsync {

/// `shares`: opened when the node starts and closed when it stops. When the gate ends, everything that still waits is
/// answered with not_running.
caf::actor spawn_gate(caf::actor_system& system, caf::actor coordinator, std::shared_ptr<share_desk> shares);

}  // namespace quicsync
