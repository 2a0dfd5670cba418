// The word that somebody probably meant.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace quicsync {

/// The candidate that takes the fewest insertions, deletions, replacements and swaps of neighbours; the first of
/// several, empty where there is no candidate.
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace quicsync
