// The pattern table: what a node holds, one entry an id, and the log that readers follow. All the decisions of the
// cache; owned by the cache actor, single-threaded, no clock of its own.
#pragma once
#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include <quicsync/actors/log_cursor.hpp>
#include <quicsync/actors/messages.hpp>
#include <quicsync/codec/slab.hpp>

namespace quicsync {

class pattern_table {
 public:
  /// `key_seed`: the node's secret, as its slabs use it.
  explicit pattern_table(std::uint64_t key_seed) : key_seed_(key_seed) {}

  enum class verdict : std::uint8_t {
    added,      ///< the first record of its id
    replaced,   ///< greater than the one held
    duplicate,  ///< the very record that is held
    older,      ///< less than the one held
  };
  struct outcome {
    verdict what = verdict::added;
    bool conflict = false;  ///< same version and other content: somebody lost
    lane on = lane::normal;
    log_position_number position = 0;  ///< where the record that is held now stands
    log_position_number replaced = 0;  ///< where the one stood that it replaced; 0: none
    bool accepted() const noexcept { return what == verdict::added || what == verdict::replaced; }
  };

  /// The merge rule (docs/WIRE.md): the greater record of an id stays. The slab stays referenced while one of its
  /// records is held. `source` brought it.
  outcome apply(const slab_ptr& records, std::size_t index, peer_number source);

  /// The record held for an id; a null slab where there is none.
  struct place {
    slab_ptr records;
    std::uint16_t index = 0;
  };
  place find(std::string_view id) const;

  /// What follows `after` on `lanes`, most urgent lane first: at most `limits::turn_records` records and
  /// `limits::turn_bytes` bytes (at least one record, if there is one). Superseded positions are passed over.
  struct reading {
    std::vector<std::shared_ptr<const change_set>> sets;
    log_cursor next;
    bool at_end = false;
  };
  reading read(const log_cursor& after, lane_set lanes) const;

  /// True when a reader at `after` would get nothing.
  bool nothing_after(const log_cursor& after, lane_set lanes) const noexcept;

  /// Forgets everything; positions go on from where they were.
  std::size_t clear();

  std::size_t size() const noexcept { return held_; }
  log_position_number last_position() const noexcept { return last_position_; }
  /// Log entries, superseded ones included: at most twice what is held and a constant.
  std::size_t log_size() const noexcept;

 private:
  struct entry {
    slab_ptr records;
    log_position_number position = 0;
    std::uint32_t next_of_key = none;  ///< another id with the same key
    peer_number source = this_node;
    std::uint16_t index = 0;
    lane on = lane::normal;
  };
  struct logged {
    log_position_number position = 0;
    std::uint32_t entry_index = 0;
  };
  static constexpr std::uint32_t none = 0xffffffff;

  std::uint32_t find_entry(std::uint64_t key, std::string_view id) const;
  void log(std::uint32_t entry_index);
  bool live(const logged& l) const noexcept { return entries_[l.entry_index].position == l.position; }
  void compact(lane l);

  std::uint64_t key_seed_;
  absl::flat_hash_map<std::uint64_t, std::uint32_t> by_key_;  ///< never iterated: its order changes with every process
  std::vector<entry> entries_;
  std::array<std::vector<logged>, lane_count> logs_;
  std::array<std::size_t, lane_count> holes_{};
  log_position_number last_position_ = 0;
  std::size_t held_ = 0;
};

}  // namespace quicsync
