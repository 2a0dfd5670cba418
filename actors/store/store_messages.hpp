// What cache, coordinator and store say to each other:
//
//   coordinator --open_store--> store --restore, restored--> cache      once, before the node listens
//   cache --persist--> store --durable--> cache --stored--> peer
//   cache --fetch--> store --fetched--> cache                           what only the store has the payload of
//                      store --store_broke--> cache, coordinator
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <quicsync/actors/cache/pattern_table.hpp>
#include <quicsync/actors/messages.hpp>
#include <quicsync/actors/store/store_engine.hpp>

namespace quicsync {

/// A record that the cache took, for the store.
struct kept_record {
  std::uint16_t index = 0;  ///< in the slab
  lane on = lane::normal;
  pattern_table::past past;
};
/// Those of one slab that came together.
struct kept_set {
  slab_ptr records;
  peer_number source = this_node;
  sharing access;
  std::vector<kept_record> kept;
};

namespace messages {

// -- coordinator -> store
// --------------------------------------------------------------------------------------------------

/// Open, and give the cache what is there. Answered with `store_opened`.
struct open_store {
  caf::actor cache;
};
struct store_opened {
  std::optional<error> failure;
  std::uint64_t incarnation = 0;
  std::uint64_t patterns = 0;
  std::vector<std::pair<peer_number, std::string>> sources;  ///< who brought what was there; numbers of its own
  std::string lost;                                          ///< why something is missing; empty: nothing is
};

// -- store -> cache
// --------------------------------------------------------------------------------------------------------

/// Hold these again, at the places where they stood. Positions ascend over all of them.
struct restore {
  std::vector<kept_set> sets;
};
/// That was all; positions up to this one were given before.
struct restored {
  log_position_number position = 0;
};
/// Everything up to this position is on disk.
struct durable {
  log_position_number position = 0;
};
/// What could be read; what is no longer there is left out.
struct fetched {
  std::uint64_t number = 0;
  std::vector<kept_set> sets;
  std::vector<log_position_number> damaged;  ///< is lost
};
/// It keeps nothing any more. Also to the coordinator.
struct store_broke {
  error reason;
};

// -- cache -> store
// --------------------------------------------------------------------------------------------------------

/// Keep these, and let go of what stood at `gone`. Answered with `durable`, which may answer several of them.
struct persist {
  std::vector<kept_set> sets;
  std::vector<log_position_number> gone;
  log_position_number last = 0;  ///< every position up to this one was handed over, now or before
};
/// Give back what stands at these positions (ascending). Answered with `fetched`.
struct fetch {
  std::uint64_t number = 0;  ///< the cache's own
  std::vector<log_position_number> positions;
};
/// Forget everything.
struct forget_all {};

// -- coordinator -> store
// ---------------------------------------------------------------------------------------------------------

/// Write what waits, close and end.
struct close_store {};

// -- cache -> peer
// ---------------------------------------------------------------------------------------------------------

/// These records of the lane are on disk, or what settled them is.
struct stored {
  std::uint64_t tag = 0;  ///< of the `apply`
  lane on = lane::normal;
  std::vector<sequence_range> ranges;  ///< ascending, not touching
};

}  // namespace messages
}  // namespace quicsync

QUICSYNC_LOCAL_MESSAGE(quicsync::messages::open_store)
QUICSYNC_LOCAL_MESSAGE(quicsync::messages::store_opened)
QUICSYNC_LOCAL_MESSAGE(quicsync::messages::restore)
QUICSYNC_LOCAL_MESSAGE(quicsync::messages::restored)
QUICSYNC_LOCAL_MESSAGE(quicsync::messages::durable)
QUICSYNC_LOCAL_MESSAGE(quicsync::messages::store_broke)
QUICSYNC_LOCAL_MESSAGE(quicsync::messages::persist)
QUICSYNC_LOCAL_MESSAGE(quicsync::messages::forget_all)
QUICSYNC_LOCAL_MESSAGE(quicsync::messages::fetch)
QUICSYNC_LOCAL_MESSAGE(quicsync::messages::fetched)
QUICSYNC_LOCAL_MESSAGE(quicsync::messages::close_store)
QUICSYNC_LOCAL_MESSAGE(quicsync::messages::stored)
