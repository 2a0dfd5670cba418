// Two agents on two nodes, who know nothing of each other: one asks by sharing a pattern, the other answers by sharing
// another. Both nodes are in this process; on two machines only the certificates and the address would differ. Prints:
//
//   reviewer asks: is the cart tested?
//   analyzer answers: not when it is empty
#include <iostream>

#include <quicsync/actors/agent/agent.hpp>

#include "local_node.hpp"

using namespace std::chrono_literals;
using quicsync::agent;
using quicsync::task;

namespace {

task<void> answer(agent& self) {
  auto questions = self.subscribe("type=question", quicsync::subscribe_frame::start::beginning);
  while (auto question = co_await questions.next()) {
    auto reply = self.new_pattern("answer-to-" + question->id, "answer", R"("not when it is empty")");
    co_await self.share(reply);
  }
}

task<void> ask(agent& self, std::promise<std::string>* done) {
  auto answers = self.subscribe("type=answer");
  auto question = self.new_pattern("q1", "question", R"("is the cart tested?")");
  auto report = must(co_await self.share(question));
  if (!report.complete()) throw std::runtime_error("nobody heard the question");
  auto heard = must(co_await answers.next(10s));
  done->set_value(heard.agent_id + " answers: " + heard.data.substr(1, heard.data.size() - 2));
}

}  // namespace

int main() {
  local_trust trust;
  std::promise<std::string> done;  // made before the nodes, one of whose threads sets it
  auto here = trust.start_node("here"), there = trust.start_node("there");
  must(here->connect_to_peer(address_of(*there), "there").get());

  must(there->spawn_agent("analyzer", answer));
  std::cout << "reviewer asks: is the cart tested?\n";
  must(here->spawn_agent("reviewer", ask, &done));
  std::cout << done.get_future().get() << '\n';
}
