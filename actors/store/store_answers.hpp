// What the store says to the cache beside store_messages.hpp, which everybody includes who speaks of peers:
//
//   cache --forget_all--> store --forgotten--> cache
//                         store --lacking--> cache                      after `restored`
#pragma once
#include <quicsync/actors/store/store_messages.hpp>

namespace quicsync::messages {

/// Nothing of what was there before forget_all would come back.
struct forgotten {};
/// Something that was there once is missing: a peer may have it.
struct lacking {};

}  // namespace quicsync::messages

QUICSYNC_LOCAL_MESSAGE(quicsync::messages::forgotten)
QUICSYNC_LOCAL_MESSAGE(quicsync::messages::lacking)
