// What the records of one slab that came together have in common, said once: the slab, who brought it, when, and who
// may have it. Entries name an arrival by its number, so that holding a record counts nothing atomically. Owned by the
// pattern table.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include <quicsync/actors/cache/key_index.hpp>
#include <quicsync/actors/messages.hpp>
#include <quicsync/actors/sharing.hpp>
#include <quicsync/codec/slab.hpp>

namespace quicsync {

struct arrival {
  slab_ptr records;  ///< null: the number is free
  sharing access;
  std::int64_t when_ms = 0;
  peer_number source = this_node;
  std::uint32_t held = 0;  ///< entries that name it
  std::uint32_t slab = 0;  ///< number of its slab
};

class arrivals {
 public:
  const arrival& operator[](std::uint32_t number) const noexcept { return all_[number]; }

  /// One more record of such an arrival is held; returns its number. O(1), and cheap when it is that of the last call.
  std::uint32_t hold(const slab_ptr& records, peer_number source, const sharing& access, std::int64_t when_ms) {
    if (last_ == no_number || !is_same(all_[last_], records, source, access, when_ms))
      last_ = add(records, source, access, when_ms);
    auto& a = all_[last_];
    ++a.held;
    ++slabs_[a.slab];
    return last_;
  }
  /// One less. With the last one the number is free, and with the slab's last one the slab is let go.
  void let_go(std::uint32_t number);

  /// Records of this arrival's slab that are held, by all of its arrivals.
  std::uint32_t held_of_slab(std::uint32_t number) const noexcept { return slabs_[all_[number].slab]; }
  /// Slabs that are kept alive.
  std::size_t slabs() const noexcept { return slab_numbers_.size(); }
  /// What the names of all audiences take at most.
  std::size_t audience_bytes() const noexcept { return audience_bytes_; }
  void clear();

 private:
  static bool is_same(const arrival& a, const slab_ptr& records, peer_number source, const sharing& access,
                      std::int64_t when_ms) noexcept {
    return a.records == records && a.source == source && a.when_ms == when_ms && a.access == access;
  }
  std::uint32_t add(const slab_ptr& records, peer_number source, const sharing& access, std::int64_t when_ms);

  std::vector<arrival> all_;
  std::vector<std::uint32_t> free_;
  std::uint32_t last_ = no_number;  ///< what came last
  std::size_t audience_bytes_ = 0;

  std::vector<std::uint32_t> slabs_;  ///< by number: how many of its records are held
  std::vector<std::uint32_t> free_slabs_;
  absl::flat_hash_map<const slab*, std::uint32_t> slab_numbers_;  ///< never iterated
};

}  // namespace quicsync
