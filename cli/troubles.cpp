#include "troubles.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "figures.hpp"
#include "output.hpp"

namespace quicsync::cli {
namespace {

constexpr std::size_t names_shown_max = 3;
constexpr double long_handler_ms = 1000;

std::string listed(const std::vector<std::string>& names, std::uint64_t in_all) {
  const auto shown = std::min(names.size(), names_shown_max);
  auto text = fmt::format("{}", fmt::join(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(shown), ", "));
  if (in_all > shown) text += fmt::format(" and {} more", in_all - shown);
  return text;
}

}  // namespace

std::string described(const actor_view& actor) {
  if (actor.state == "failed")
    return fmt::format("failed: {}", actor.last_error.empty() ? "no reason given" : printable(actor.last_error));
  if (actor.running_ms > long_handler_ms)
    return fmt::format("{}: one handler has run for {}", actor.state, short_duration(actor.running_ms));
  if (actor.state == "stuck")
    return fmt::format("stuck: {} messages wait and it takes none", short_count(static_cast<double>(actor.depth)));
  if (actor.state == "starved")
    return fmt::format("starved: {} messages wait and no thread runs it",
                       short_count(static_cast<double>(actor.depth)));
  return actor.waits_for.empty() ? actor.state : fmt::format("{} for {}", actor.state, printable(actor.waits_for));
}

std::string described(const peer_view& peer) {
  if (!peer.connected) return "not connected";
  if (peer.slow) return fmt::format("slow: nothing acknowledged for {}", short_duration(peer.lag_age_ms));
  if (!peer.healthy) return fmt::format("not well: {} errors", peer.errors);
  return "well";
}

void troubled_first(std::vector<actor_view>& actors) {
  std::stable_partition(actors.begin(), actors.end(), [](const actor_view& a) { return a.troubled(); });
}

void troubled_first(std::vector<peer_view>& peers) {
  std::sort(peers.begin(), peers.end(), [](const peer_view& a, const peer_view& b) {
    if (a.troubled() != b.troubled()) return a.troubled();
    if (a.lag_records != b.lag_records) return a.lag_records > b.lag_records;
    return a.name < b.name;
  });
}

std::string names_of_troubled(const std::vector<actor_view>& actors, std::uint64_t in_all) {
  std::vector<std::string> names;
  for (const auto& a : actors)
    if (a.troubled()) names.push_back(printable(a.name));
  return names.empty() ? std::string() : listed(names, std::max<std::uint64_t>(in_all, names.size()));
}

std::string names_of_troubled(const std::vector<peer_view>& peers) {
  std::vector<std::string> names;
  for (const auto& p : peers)
    if (p.troubled()) names.push_back(printable(p.name.empty() ? p.address : p.name));
  return names.empty() ? std::string() : listed(names, names.size());
}

}  // namespace quicsync::cli
