#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include <quicsync/actors/cache/memory_blocks.hpp>
#include <quicsync/actors/cache/slab_pool.hpp>

namespace quicsync::slab_pool {
namespace {

using memory_blocks::block_bytes;

constexpr std::size_t block_pages = block_bytes / page_bytes;
constexpr std::size_t piece_bytes_min = 8u << 10;    // less would waste too much of its last page
constexpr std::size_t piece_bytes_max = 512u << 10;  // more would waste too much of the last block
#if defined(__SANITIZE_ADDRESS__)
constexpr bool is_sanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
constexpr bool is_sanitized = true;
#else
constexpr bool is_sanitized = false;
#endif
#else
constexpr bool is_sanitized = false;
#endif

std::size_t pages_of(std::size_t bytes) noexcept { return (bytes + page_bytes - 1) / page_bytes; }

struct block {
  std::uint8_t* begin = nullptr;
  std::size_t number = 0;                             ///< in the pool's lists
  std::size_t used = 0;                               ///< pages
  std::array<std::uint64_t, block_pages / 64> map{};  ///< a bit a page: used

  /// The first run of so many free pages; block_pages: there is none, and `longest` is the longest.
  std::size_t find(std::size_t pages, std::size_t& longest) const noexcept {
    longest = 0;
    for (std::size_t at = 0; at < block_pages;) {
      const auto first = next(at, false);
      const auto end = first == block_pages ? first : next(first, true);
      if (end - first >= pages) return first;
      longest = std::max(longest, end - first);
      at = end;
    }
    return block_pages;
  }
  void mark(std::size_t first, std::size_t pages, bool is_used) noexcept {
    for (auto page = first; page < first + pages; ++page) {
      const auto bit = std::uint64_t{1} << (page % 64);
      map[page / 64] = is_used ? map[page / 64] | bit : map[page / 64] & ~bit;
    }
    used = is_used ? used + pages : used - pages;
  }

 private:
  /// The first page from `at` on that is used, or not; block_pages: none.
  std::size_t next(std::size_t at, bool is_used) const noexcept {
    for (auto word = at / 64; word < map.size(); ++word, at = word * 64) {
      const auto wanted = (is_used ? map[word] : ~map[word]) >> (at % 64);
      if (wanted != 0) return at + static_cast<std::size_t>(std::countr_zero(wanted));
    }
    return block_pages;
  }
};

class pool final : public slab_memory_source {
 public:
  piece take(std::size_t bytes) override {
    if (is_sanitized || bytes < piece_bytes_min || bytes > piece_bytes_max) return {};
    const auto pages = pages_of(bytes);
    const std::lock_guard lock(mutex_);
    auto [in, first] = find(pages);
    in->mark(first, pages, true);
    use_.bytes += pages * page_bytes;
    return {in->begin + first * page_bytes, pages * page_bytes, in};
  }

  std::size_t give_back(const piece& from, std::size_t kept) noexcept override {
    auto& to = *static_cast<block*>(from.mark);
    const auto kept_pages = pages_of(kept), pages = from.size / page_bytes - kept_pages;
    if (pages == 0) return from.size;
    std::uint8_t* unused = nullptr;
    {
      const std::lock_guard lock(mutex_);
      to.mark(static_cast<std::size_t>(from.bytes - to.begin) / page_bytes + kept_pages, pages, false);
      use_.bytes -= pages * page_bytes;
      room_[to.number] = block_pages;  // or less: the next search finds out
      full_before_ = std::min(full_before_, to.number);
      if (to.used == 0) unused = drop(to);
    }
    if (unused != nullptr) memory_blocks::give_back(unused);
    return kept_pages * page_bytes;
  }

  use look() noexcept {
    const std::lock_guard lock(mutex_);
    auto seen = use_;
    seen.reserved_bytes = blocks_.size() * block_bytes;
    return seen;
  }

 private:
  std::pair<block*, std::size_t> find(std::size_t pages) {
    while (full_before_ < room_.size() && room_[full_before_] == 0) ++full_before_;
    for (auto number = full_before_; number < room_.size(); ++number) {
      if (room_[number] < pages) continue;
      std::size_t longest = 0;
      const auto first = blocks_[number]->find(pages, longest);
      if (first != block_pages) return {blocks_[number].get(), first};
      room_[number] = static_cast<std::uint16_t>(longest);
    }
    return {add(), 0};
  }

  block* add() {
    blocks_.reserve(blocks_.size() + 1);
    room_.reserve(room_.size() + 1);
    auto made = std::make_unique<block>();
    // What is new is touched a page at a time, so that no turn waits until all of it is cleared.
    made->begin = memory_blocks::take(false);
    made->number = blocks_.size();
    blocks_.push_back(std::move(made));
    room_.push_back(block_pages);
    return blocks_.back().get();
  }

  /// Its memory.
  std::uint8_t* drop(block& empty) noexcept {
    auto* const begin = empty.begin;
    const auto number = empty.number;
    std::swap(blocks_[number], blocks_.back());
    std::swap(room_[number], room_.back());
    blocks_[number]->number = number;
    blocks_.pop_back();
    room_.pop_back();
    return begin;
  }

  std::mutex mutex_;
  std::vector<std::unique_ptr<block>> blocks_;
  std::vector<std::uint16_t> room_;  ///< by block: no run of free pages is longer
  std::size_t full_before_ = 0;      ///< blocks before this one have no room
  use use_;
};

/// Outlives every slab, those of static objects too.
pool& only() noexcept {
  static pool& made = *new pool;
  return made;
}

}  // namespace

slab_memory_source& instance() noexcept { return only(); }
use look() noexcept { return only().look(); }

}  // namespace quicsync::slab_pool
