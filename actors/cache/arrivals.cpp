#include <quicsync/actors/cache/arrivals.hpp>

namespace quicsync {
namespace {

template <class T>
std::uint32_t take_number(std::vector<T>& all, std::vector<std::uint32_t>& free) {
  if (free.empty()) {
    all.emplace_back();
    return static_cast<std::uint32_t>(all.size() - 1);
  }
  const auto number = free.back();
  free.pop_back();
  return number;
}

}  // namespace

std::uint32_t arrivals::add(const slab_ptr& records, peer_number source, const sharing& access, std::int64_t when_ms) {
  auto [slab, is_new] = slab_numbers_.try_emplace(records.get(), 0);
  if (is_new) slab->second = take_number(slabs_, free_slabs_);
  const auto number = take_number(all_, free_);
  all_[number] = {records, access, when_ms, source, 0, slab->second};
  audience_bytes_ += access.bytes_at_most();
  return number;
}

void arrivals::let_go(std::uint32_t number) {
  auto& a = all_[number];
  if (--slabs_[a.slab] == 0) {
    slab_numbers_.erase(a.records.get());
    free_slabs_.push_back(a.slab);
  }
  if (--a.held != 0) return;
  audience_bytes_ -= a.access.bytes_at_most();
  a = {};
  free_.push_back(number);
  if (last_ == number) last_ = no_number;
}

void arrivals::clear() { *this = {}; }

}  // namespace quicsync
