// One peer's comparison with what is held here: the sketch of a set, built a slice at a time, and the records that were
// found to be missing on the other side. Holds hashes and places in the table, no records. Owned by the cache's
// comparison desk; single-threaded.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <absl/container/flat_hash_set.h>

#include <quicsync/actors/cache/comparison_view.hpp>
#include <quicsync/actors/cache/pattern_table.hpp>
#include <quicsync/codec/frame.hpp>
#include <quicsync/codec/sketch.hpp>

namespace quicsync {

class comparison {
 public:
  comparison(std::shared_ptr<const comparison_view> view, std::uint64_t key)
      : view_(std::move(view)), key_(key), source_(key) {}

  std::uint64_t key() const noexcept { return key_; }
  std::size_t size() const noexcept { return source_.size(); }

  /// Works towards so many symbols, looking at `records_max` records at most; true once they are there. What comes or
  /// goes while the set is gathered may be in it or not: both sides then see a difference that is none, and heal it.
  bool build(const pattern_table& table, std::size_t symbols, std::size_t records_max);
  std::span<const sketch_symbol> symbols() const noexcept { return source_.symbols(); }

  /// Picks the records of these items, to be read by next_page(); of `offered`, those are left out of which the other
  /// side has a newer version. Precondition: build() was true.
  void select(std::vector<sketch_item> items, std::vector<offered_record> offered);
  /// True once all are picked.
  bool pick(const pattern_table& table, std::size_t records_max);
  /// What was picked, to be told to the other side; as it stands now.
  std::vector<offered_record> offers(const pattern_table& table) const;

  /// The next ones of what was picked, as they are held: who was replaced in the meantime is passed over.
  pattern_table::reading next_page(const pattern_table& table, std::size_t records_max, std::size_t bytes_max);

 private:
  struct picked {
    std::uint32_t entry = 0;
    sketch_item item = 0;
  };
  bool still_held(const pattern_table& table, const picked& each) const;
  bool is_outdated(const held_record& held) const;

  std::shared_ptr<const comparison_view> view_;
  std::uint64_t key_;
  sketch_source source_;
  std::vector<std::uint32_t> entries_;  ///< of the source's items
  std::uint32_t gathered_ = 0;          ///< entries of the table before it are in
  bool whole_ = false;

  absl::flat_hash_set<sketch_item> selected_;
  std::vector<offered_record> offered_;  ///< sorted by id
  std::size_t looked_at_ = 0;            ///< of the source's items
  std::vector<picked> picked_;
  std::size_t read_ = 0;  ///< of picked_
};

}  // namespace quicsync
