// What a node does, in the text format that Prometheus reads. docs/OPERATIONS.md, "Metrics", gives each name. Values
// in, text out; on any thread.
#pragma once
#include <string>

#include <quicsync/actors/report.hpp>
#include <quicsync/transport/actor_registry.hpp>

namespace quicsync {

/// Text format 0.0.4. `actors`: null: those are left out.
std::string metrics_text(const node_state& state, const actor_registry* actors);

}  // namespace quicsync
