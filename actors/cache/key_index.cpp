#include <algorithm>

#include <quicsync/actors/cache/key_index.hpp>

namespace quicsync {

void key_index::put(page& into, slot what) noexcept {
  auto at = home_of(what.tag);
  while (into.slots[at].number != 0) at = next_to(at);
  into.slots[at] = what;
  ++into.used;
}

void key_index::insert(std::uint64_t key, std::uint32_t entry) {
  if (directory_.empty()) directory_.push_back(static_cast<page*>(pool_.take()));
  const auto tag = tag_of(key);
  while (page_of(key).used >= page_used_max) {
    if (page_of(key).depth == depth_max) {
      overflow_.emplace(key, entry);
      return;
    }
    split(page_of(key), tag);
  }
  put(page_of(key), {tag, entry + 1});
}

/// Those whose next bit is set go to a page of their own.
void key_index::split(page& full, std::uint32_t tag) {
  auto& other = *static_cast<page*>(pool_.take());
  if (full.depth == depth_) {
    std::vector<page*> wider;
    wider.reserve(directory_.size() * 2);
    for (auto* each : directory_) wider.insert(wider.end(), {each, each});
    directory_ = std::move(wider);
    ++depth_;
  }
  const std::vector<slot> all(std::begin(full.slots), std::end(full.slots));
  std::fill(std::begin(full.slots), std::end(full.slots), slot{});
  full.used = 0;
  other.depth = ++full.depth;
  const auto bit = std::uint32_t{1} << (32 - full.depth);
  for (const slot& each : all)
    if (each.number != 0) put((each.tag & bit) != 0 ? other : full, each);
  const auto width = std::size_t{1} << (depth_ - other.depth);
  const auto first = page_number_of(tag | bit) / width * width;
  std::fill_n(directory_.begin() + static_cast<std::ptrdiff_t>(first), width, &other);
}

// What follows the hole without a gap and could stand in it moves up: no look-up ever passes over a hole.
void key_index::take_out(page& from, std::uint32_t hole) noexcept {
  for (auto at = next_to(hole); from.slots[at].number != 0; at = next_to(at)) {
    if (steps(home_of(from.slots[at].tag), at) < steps(hole, at)) continue;
    from.slots[hole] = from.slots[at];
    hole = at;
  }
  from.slots[hole] = {};
  --from.used;
}

void key_index::erase(std::uint64_t key, std::uint32_t entry) {
  auto& from = page_of(key);
  for (auto at = home_of(tag_of(key)); from.slots[at].number != 0; at = next_to(at))
    if (from.slots[at].number == entry + 1) return take_out(from, at);
  const auto [first, end] = overflow_.equal_range(key);
  const auto found = std::find_if(first, end, [entry](const auto& each) { return each.second == entry; });
  if (found != end) overflow_.erase(found);
}

void key_index::clear() noexcept {
  directory_.clear();
  overflow_.clear();
  depth_ = 0;
}

}  // namespace quicsync
