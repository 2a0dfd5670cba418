#include <thread>

#include <quicsync/transport/name_lookup.hpp>

namespace quicsync {

void look_up(std::uint64_t number, host_port target, caf::weak_actor_ptr asker) {
  std::thread([number, target = std::move(target), asker = std::move(asker)] {
    auto found = resolve(target);
    if (auto alive = asker.lock())
      caf_compat::anon_send(caf::actor_cast<caf::actor>(alive),
                            transport_messages::looked_up{number, std::move(found)});
  }).detach();
}

}  // namespace quicsync
