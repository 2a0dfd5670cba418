#include <algorithm>

#include <quicsync/actors/cache/key_index.hpp>

namespace quicsync {

key_index::place key_index::add_page(std::uint32_t depth) {
  states_.push_back({0, depth});
  return {static_cast<slot*>(pool_.take()), static_cast<std::uint32_t>(states_.size() - 1)};
}

void key_index::put(slot* slots, slot what) noexcept {
  auto at = home_of(what.tag);
  for (;; at = next_line(at))
    if (const auto free = index_line(slots + at, what.tag).free(); free != 0) {
      slots[at + index_line::first_of(free)] = what;
      return;
    }
}

void key_index::insert(std::uint64_t key, std::uint32_t entry) {
  if (directory_.empty()) directory_.push_back(add_page(0));
  const auto tag = tag_of(key);
  while (state_of(place_in(tag)).used >= page_used_max) {
    if (state_of(place_in(tag)).depth == depth_max) {
      overflow_.emplace(key, entry);
      return;
    }
    split(place_in(tag), tag);
  }
  const place to = place_in(tag);
  put(to.slots, {tag, entry + 1});
  ++state_of(to).used;
}

void key_index::reserve(std::size_t entries) {
  constexpr std::size_t page_used_mostly = page_used_max / 16 * 15;  // they do not spread evenly
  while (depth_ < depth_max && (page_used_mostly << depth_) < entries) ++depth_;
  if (depth_ == 0) return;
  directory_.reserve(std::size_t{1} << depth_);
  while (directory_.size() < std::size_t{1} << depth_) directory_.push_back(add_page(depth_));
}

/// Those whose next bit is set go to a page of their own.
void key_index::split(place full, std::uint32_t tag) {
  const auto depth = state_of(full).depth + 1;
  const auto other = add_page(depth);
  if (depth > depth_) {
    std::vector<place> wider;
    wider.reserve(directory_.size() * 2);
    for (const auto& each : directory_) wider.insert(wider.end(), {each, each});
    directory_ = std::move(wider);
    ++depth_;
  }
  const std::vector<slot> all(full.slots, full.slots + page_slots);
  std::fill_n(full.slots, page_slots, slot{});
  const auto bit = std::uint32_t{1} << (32 - depth);
  std::uint32_t moved = 0;
  for (const slot& each : all) {
    if (each.number == 0) continue;
    const bool moves = (each.tag & bit) != 0;
    put(moves ? other.slots : full.slots, each);
    moved += moves;
  }
  state_of(full).depth = depth;
  state_of(other).used = moved;
  state_of(full).used -= moved;
  const auto width = std::size_t{1} << (depth_ - depth);
  const auto first = place_number_of(tag | bit) / width * width;
  std::fill_n(directory_.begin() + static_cast<std::ptrdiff_t>(first), width, other);
}

// What follows the hole without a gap and could stand in it moves up: no look-up ever passes over a hole.
void key_index::take_out(slot* slots, std::uint32_t hole) noexcept {
  for (auto at = next_to(hole); slots[at].number != 0; at = next_to(at)) {
    if (steps(home_of(slots[at].tag), at) < steps(hole, at)) continue;
    slots[hole] = slots[at];
    hole = at;
  }
  slots[hole] = {};
}

void key_index::erase(std::uint64_t key, std::uint32_t entry) {
  const place from = place_in(tag_of(key));
  for (auto at = home_of(tag_of(key)); from.slots[at].number != 0; at = next_to(at))
    if (from.slots[at].number == entry + 1) {
      take_out(from.slots, at);
      --state_of(from).used;
      return;
    }
  const auto [first, end] = overflow_.equal_range(key);
  const auto found = std::find_if(first, end, [entry](const auto& each) { return each.second == entry; });
  if (found != end) overflow_.erase(found);
}

void key_index::clear() noexcept {
  directory_.clear();
  states_.clear();
  overflow_.clear();
  depth_ = 0;
}

}  // namespace quicsync
