#include <algorithm>
#include <iterator>
#include <utility>

#include <quicsync/actors/sharing.hpp>

namespace quicsync {

sharing sharing::only_to(std::vector<std::string> names, bool pass_on) {
  if (names.empty()) return {};
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return {std::make_shared<const std::vector<std::string>>(std::move(names)), !pass_on};
}

bool sharing::allows(std::string_view name) const noexcept {
  return !audience || std::binary_search(audience->begin(), audience->end(), name);
}

bool sharing::widen(const sharing& other) {
  bool grew = std::exchange(no_relay, no_relay && other.no_relay) != no_relay;
  if (!audience || audience == other.audience) return grew;
  if (!other.audience) {
    audience = nullptr;
    return true;
  }
  if (std::includes(audience->begin(), audience->end(), other.audience->begin(), other.audience->end())) return grew;
  std::vector<std::string> both;
  std::set_union(audience->begin(), audience->end(), other.audience->begin(), other.audience->end(),
                 std::back_inserter(both));
  audience = std::make_shared<const std::vector<std::string>>(std::move(both));
  return true;
}

}  // namespace quicsync
