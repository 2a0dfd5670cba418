// Where the entries of a table are found by their ids' keys: a hash table of 8 bytes a slot in pages, so that a look-up
// misses the processor's caches once. A page that fills up splits in two (extendible hashing): no growth ever moves
// more than a page, so none holds up the loop. Owned by the pattern table.
#pragma once
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <vector>

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
    const page& in = page_of(key);
    for (auto at = home_of(tag_of(key)); in.slots[at].number != 0; at = next_to(at))
      if (in.slots[at].tag == tag_of(key) && is(in.slots[at].number - 1)) return in.slots[at].number - 1;
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
  /// Precondition: it was inserted.
  void erase(std::uint64_t key, std::uint32_t entry);
  /// Before the pool's clear().
  void clear() noexcept;

  /// Where find() of this key begins to look, to be fetched in advance; null: nowhere.
  const void* place_of(std::uint64_t key) const noexcept {
    return directory_.empty() ? nullptr : &page_of(key).slots[home_of(tag_of(key))];
  }

 private:
  struct slot {
    std::uint32_t tag = 0;     ///< the key's upper half
    std::uint32_t number = 0;  ///< of the entry, and one; 0: free
  };
  static constexpr std::uint32_t page_slots = page_pool::page_bytes / sizeof(slot) - 1;
  /// Not more: a look-up of what is not there, as of each new id, walks to the next free slot.
  static constexpr std::uint32_t page_used_max = page_slots / 8 * 5;
  static constexpr unsigned depth_max = 20;  ///< with the place in the page that is all of a tag
  struct page {
    slot slots[page_slots];
    std::uint32_t used;
    std::uint32_t depth;  ///< leading bits that its tags share
  };
  static_assert(sizeof(page) == page_pool::page_bytes);

  static std::uint32_t tag_of(std::uint64_t key) noexcept { return static_cast<std::uint32_t>(key >> 32); }
  static std::uint32_t home_of(std::uint32_t tag) noexcept { return (tag & 0xfff) == page_slots ? 0 : tag & 0xfff; }
  static std::uint32_t next_to(std::uint32_t at) noexcept { return at + 1 == page_slots ? 0 : at + 1; }
  static std::uint32_t steps(std::uint32_t from, std::uint32_t to) noexcept {
    return to >= from ? to - from : to + page_slots - from;
  }
  std::size_t page_number_of(std::uint32_t tag) const noexcept { return (std::uint64_t{tag} << depth_) >> 32; }
  const page& page_of(std::uint64_t key) const noexcept { return *directory_[page_number_of(tag_of(key))]; }
  page& page_of(std::uint64_t key) noexcept { return *directory_[page_number_of(tag_of(key))]; }

  static void put(page& into, slot what) noexcept;
  static void take_out(page& from, std::uint32_t hole) noexcept;
  void split(page& full, std::uint32_t tag);

  page_pool& pool_;
  std::vector<page*> directory_;  ///< by the tag's leading `depth_` bits
  unsigned depth_ = 0;
  /// What no page can take, since splitting does not separate it: thousands of one tag, which no honest ids have.
  std::multimap<std::uint64_t, std::uint32_t> overflow_;
};

}  // namespace quicsync
