// Where the entries of a table are found by their ids' keys: a hash table of 8 bytes a slot in pages, so that a look-up
// misses the processor's caches once. A page that fills up splits in two (extendible hashing): no growth ever moves
// more than a page, so none holds up the loop. Owned by the pattern table.
#pragma once
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <vector>

#include <quicsync/actors/cache/index_line.hpp>
#include <quicsync/actors/cache/page_pool.hpp>

namespace quicsync {

/// No entry, no arrival: both are known by numbers.
inline constexpr std::uint32_t no_number = std::numeric_limits<std::uint32_t>::max();

class key_index {
 public:
  explicit key_index(page_pool& pool) : pool_(pool) {}

  /// The entry of this key for which `is(entry)` is true, or no_number. Entries of other keys may be asked about, too.
  template <class Is>
  std::uint32_t find(std::uint64_t key, Is&& is) const {
    if (directory_.empty()) return no_number;
    const slot* const slots = place_in(tag_of(key)).slots;
    for (auto at = home_of(tag_of(key));; at = next_line(at)) {
      const index_line line(slots + at, tag_of(key));
      for (auto left = line.of_tag(); left != 0; left &= left - 1)
        if (const auto number = slots[at + index_line::first_of(left)].number - 1; is(number)) return number;
      if (line.free() != 0) break;
    }
    if (!overflow_.empty())
      for (auto [at, end] = overflow_.equal_range(key); at != end; ++at)
        if (is(at->second)) return at->second;
    return no_number;
  }
  /// The one that find() would ask about first.
  std::uint32_t likely(std::uint64_t key) const {
    return find(key, [](std::uint32_t) { return true; });
  }
  void insert(std::uint64_t key, std::uint32_t entry);
  /// Makes room for about so many at once, so that no page has to be split for them. Precondition: it is empty.
  void reserve(std::size_t entries);
  /// Precondition: it was inserted.
  void erase(std::uint64_t key, std::uint32_t entry);
  /// Before the pool's clear().
  void clear() noexcept;

  /// Where find() of this key begins to look, to be fetched in advance; null: nowhere.
  const void* place_of(std::uint64_t key) const noexcept {
    return directory_.empty() ? nullptr : &place_in(tag_of(key)).slots[home_of(tag_of(key))];
  }

 private:
  using slot = index_slot;
  static constexpr std::uint32_t page_slots = page_pool::page_bytes / sizeof(slot);
  static_assert((page_slots & (page_slots - 1)) == 0);
  /// Not more: a look-up of what is not there, as of each new id, goes on to the next line that is not full.
  static constexpr std::uint32_t page_used_max = page_slots / 8 * 5;
  static constexpr unsigned depth_max = 20;  ///< the rest of a tag is the place in the page
  /// What is known of a page stands apart from it, where others are near: at the same place of each page it would be
  /// in the same few lines of the processor's caches.
  struct page_state {
    std::uint32_t used = 0;
    std::uint32_t depth = 0;  ///< leading bits that its tags share
  };
  struct place {
    slot* slots = nullptr;
    std::uint32_t state = 0;  ///< in states_
  };

  static std::uint32_t tag_of(std::uint64_t key) noexcept { return static_cast<std::uint32_t>(key >> 32); }
  /// The first slot of a line of the processor's caches: a look-up seldom goes on to the next one.
  static std::uint32_t home_of(std::uint32_t tag) noexcept { return tag & (page_slots - 1) & ~(index_line::slots - 1); }
  static std::uint32_t next_to(std::uint32_t at) noexcept { return (at + 1) & (page_slots - 1); }
  static std::uint32_t next_line(std::uint32_t at) noexcept { return (at + index_line::slots) & (page_slots - 1); }
  static std::uint32_t steps(std::uint32_t from, std::uint32_t to) noexcept { return (to - from) & (page_slots - 1); }
  std::size_t place_number_of(std::uint32_t tag) const noexcept { return (std::uint64_t{tag} << depth_) >> 32; }
  const place& place_in(std::uint32_t tag) const noexcept { return directory_[place_number_of(tag)]; }
  page_state& state_of(const place& of) noexcept { return states_[of.state]; }

  place add_page(std::uint32_t depth);
  static void put(slot* slots, slot what) noexcept;
  static void take_out(slot* slots, std::uint32_t hole) noexcept;
  void split(place full, std::uint32_t tag);

  page_pool& pool_;
  std::vector<place> directory_;  ///< by the tag's leading `depth_` bits
  std::vector<page_state> states_;
  unsigned depth_ = 0;
  /// What no page can take, since splitting does not separate it: thousands of one tag, which no honest ids have.
  std::multimap<std::uint64_t, std::uint32_t> overflow_;
};

}  // namespace quicsync
