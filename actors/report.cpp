#include <algorithm>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include <quicsync/actors/report.hpp>

namespace quicsync {

namespace {

const share_outcome accepted;

bool is_before(const std::pair<std::uint32_t, share_outcome>& other, std::size_t index) noexcept {
  return other.first < index;
}

}  // namespace

const share_outcome& share_outcomes::operator[](std::size_t index) const noexcept {
  const auto found = std::lower_bound(others_.begin(), others_.end(), index, is_before);
  return found == others_.end() || found->first != index ? accepted : found->second;
}

const share_outcome& share_outcomes::at(std::size_t index) const {
  if (index >= size_) throw std::out_of_range(fmt::format("outcome {} of a share of {} patterns", index, size_));
  return (*this)[index];
}

bool share_outcomes::has(share_outcome::verdict what) const noexcept {
  return std::any_of(others_.begin(), others_.end(), [what](const auto& each) { return each.second.what == what; });
}

void share_outcomes::set(std::size_t index, share_outcome outcome) {
  const auto found = std::lower_bound(others_.begin(), others_.end(), index, is_before);
  const bool known = found != others_.end() && found->first == index;
  if (outcome.what == share_outcome::verdict::accepted) {
    if (known) others_.erase(found);
  } else if (known) {
    found->second = std::move(outcome);
  } else {
    others_.emplace(found, static_cast<std::uint32_t>(index), std::move(outcome));
  }
}

bool sync_report::complete() const noexcept {
  if (failure.code != errc::none || peers.empty()) return false;
  const bool taken = !local.has(share_outcome::verdict::refused);
  bool acknowledged = std::all_of(peers.begin(), peers.end(), [](const peer_outcome& p) {
    return p.failure.code == errc::none && p.refused.empty();
  });
  return taken && acknowledged;
}

}  // namespace quicsync
