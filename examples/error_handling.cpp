// What goes wrong is a value with a code and a text that says what to do, or an event; nothing is thrown and nothing is
// lost without a word. Prints:
//
//   nothing to share: no_patterns
//   nobody to share with: no_peers, and the pattern is kept
//   a bad pattern among good ones: 1 refused with bad_field
//   a peer that is not there: unreachable
//   a stranger's certificate: certificate_untrusted
//   a peer that has gone: not_connected, while the other one has the pattern
#include <iostream>

#include "local_node.hpp"

using namespace std::chrono_literals;

namespace {

quicsync::pattern gap(const std::string& id) {
  quicsync::pattern made;
  made.id = id;
  made.agent_id = "here";
  made.type = "coverage_gap";
  made.version = 1;
  return made;
}

void say(const char* what, const quicsync::error& why, const char* more = "") {
  std::cout << what << ": " << to_string(why.code) << more << '\n';
}

}  // namespace

int main() {
  local_trust trust, strangers;
  auto here = trust.start_node("here");

  say("nothing to share", here->sync_patterns({}).get().failure);
  auto alone = here->sync_pattern(gap("gap-1")).get();
  say("nobody to share with", alone.failure, here->get("gap-1") ? ", and the pattern is kept" : "");
  auto mixed = here->sync_patterns({gap("gap-2"), gap("")}).get();
  std::cout << "a bad pattern among good ones: 1 refused with " << to_string(mixed.local[1].reason.code) << '\n';

  auto dial = [&](const std::string& address) { return here->connect_to_peer(address).get().error(); };
  say("a peer that is not there", dial("127.0.0.1:1"));
  auto stranger = strangers.start_node("stranger");
  say("a stranger's certificate", dial(address_of(*stranger)));

  auto one = trust.start_node("one"), two = trust.start_node("two");
  for (auto* peer : {one.get(), two.get()}) must(here->connect_to_peer(address_of(*peer), peer->name()).get());
  std::promise<void> gone;
  here->on("peer:disconnected", [&](const quicsync::event& event) {
    if (event.peer_id == "two") gone.set_value();
  });
  two->stop();
  gone.get_future().wait();
  quicsync::delivery_wish wish;
  wish.wait_for = {"one", "two"};
  wish.deadline = 5s;
  auto partly = here->sync_pattern(gap("gap-3"), wish).get();
  for (const auto& peer : partly.peers)
    if (peer.peer == "two") say("a peer that has gone", peer.failure, ", while the other one has the pattern");
}
