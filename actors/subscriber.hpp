// A plain subscriber: an actor on CAF's pool that reads the cache's log at its own pace and hands what matches to a
// function. A slow one finds superseded versions gone; nothing piles up for it.
#pragma once
#include <functional>
#include <span>

#include <quicsync/actors/messages.hpp>
#include <quicsync/codec/filter.hpp>
#include <quicsync/codec/record.hpp>

namespace quicsync {

/// Records of one delivery, valid during the call only.
using record_handler = std::function<void(std::span<const record_view>)>;

/// A version that stops matching is delivered once more, so that nobody goes on with the one that did match.
/// Begins at the log's end (`now`: whatever is shared after this returned comes) or its beginning. Ends with an exit
/// message.
caf::actor spawn_subscriber(caf::actor_system& system, caf::actor cache, filter wanted, subscribe_frame::start from,
                            record_handler handler);

}  // namespace quicsync
