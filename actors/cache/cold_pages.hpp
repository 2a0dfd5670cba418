// Pages for readers that have come to records which only the store holds: they wait here until those are fetched.
// Decisions only; owned by the cache actor of a node with a store.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include <quicsync/actors/messages.hpp>
#include <quicsync/actors/store/store_messages.hpp>

namespace quicsync {

class cold_pages {
 public:
  /// The page waits under this number for `cold`; returns their positions, ascending.
  std::vector<log_position_number> wait(std::uint64_t number, caf::actor reader, messages::page page,
                                        std::vector<cold_record> cold);

  /// The page with what was fetched, its lanes in the order of the log; nullopt: nobody waits under this number.
  /// What is in neither is left out.
  struct finished {
    caf::actor reader;
    messages::page page;
  };
  std::optional<finished> finish(std::uint64_t number, const std::vector<kept_set>& fetched);

  /// The reader is gone.
  void forget(const caf::actor_addr& reader);
  /// Nothing can be fetched any more: all of them, with what they have.
  std::vector<finished> give_up();

  bool empty() const noexcept { return waiting_.empty(); }

 private:
  struct waiting {
    caf::actor reader;
    messages::page page;
    std::vector<cold_record> cold;  ///< by position
  };
  static finished put_together(waiting w, const std::vector<kept_set>& fetched);

  std::map<std::uint64_t, waiting> waiting_;
};

}  // namespace quicsync
