#include <quicsync/actors/agent/subscribe_actor.hpp>

namespace quicsync {

namespace {

task<void> feed(agent& self, caf::actor receiver, std::string wanted, subscribe_frame::start from) {
  auto patterns = from == subscribe_frame::start::now ? self.subscribe_as_asked(wanted) : self.subscribe(wanted, from);
  for (;;) {
    patterns_arrived batch;
    batch.records.push_back(must(co_await patterns.next_record()));
    while (batch.records.size() < limits::slab_records) {
      auto further = patterns.at_hand();
      if (!further) break;
      batch.records.push_back(std::move(*further));
    }
    // The answer, which carries nothing, says that the batch was handled.
    auto handled = co_await self.ask<void>(receiver, forever, std::move(batch));
    if (handled) continue;
    if (handled.error().code == errc::not_running) co_return;
    throw std::runtime_error(to_string(handled.error()));  // it has no handler, or that failed
  }
}

}  // namespace

result<caf::actor> subscribe_actor(const agent_environment_ptr& node, const caf::actor& receiver,
                                   std::string_view wanted, subscribe_frame::start from) {
  if (!node || !node->cache) return fail(errc::not_running, "the node is not running");
  if (auto parsed = filter::parse(wanted); !parsed) return fail(std::move(parsed.error()));
  auto made = spawn_agent(node, "feed", feed, receiver, std::string(wanted), from);
  if (made && from == subscribe_frame::start::now)
    caf_compat::send_as(made, node->cache, messages::ask_log_end{agent::first_subscription});
  return made;
}

result<caf::actor> subscribe_actor(server& node, const caf::actor& receiver, std::string_view wanted,
                                   subscribe_frame::start from) {
  return subscribe_actor(node.agents(), receiver, wanted, from);
}

}  // namespace quicsync
