// What the cache has taken and the store has not on disk yet, and the acknowledgements that wait for it. Decisions
// only; owned by the cache actor of a node with a store.
#pragma once
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include <quicsync/actors/messages.hpp>
#include <quicsync/actors/store/store_messages.hpp>

namespace quicsync {

class unstored {
 public:
  /// A record stands at `past.position` from now on. Positions ascend.
  void add(const slab_ptr& records, std::size_t index, lane on, peer_number source, const sharing& access,
           const pattern_table::past& past);
  /// Nothing stands there any more.
  void add_gone(std::vector<log_position_number> positions);

  bool has_next() const noexcept { return !next_.sets.empty() || !next_.gone.empty(); }
  /// What has come since the last call, for the store; nullopt: nothing. `last`: the log's end.
  std::optional<messages::persist> take(log_position_number last);

  /// Whoever handed in these records is to be told when everything up to `after` is on disk, and not before those who
  /// wait already: answers in order leave no gaps in what a peer has to remember.
  void wait(caf::actor peer, const messages::applied& batch, log_position_number after);
  /// So much is on disk. Returns who is to be told of what, in the order of their waiting.
  using answers = std::vector<std::pair<caf::actor, messages::stored>>;
  answers durable(log_position_number position);

  /// As much waits for the disk as may.
  bool full() const noexcept { return bytes_ >= limits::unstored_bytes; }
  std::size_t bytes() const noexcept { return bytes_; }
  log_position_number durable_position() const noexcept { return durable_; }

 private:
  struct waiting {
    log_position_number after = 0;
    caf::actor peer;
    std::uint64_t tag = 0;
    lane on = lane::normal;
    std::vector<sequence_range> ranges;
  };
  struct under_way {
    log_position_number last = 0;
    std::size_t bytes = 0;
  };

  messages::persist next_;
  std::size_t next_bytes_ = 0;
  std::deque<under_way> under_way_;
  std::size_t bytes_ = 0;  ///< of next_ and of what is under way
  log_position_number durable_ = 0;
  std::deque<waiting> waiting_;  ///< `after` ascends
};

}  // namespace quicsync
