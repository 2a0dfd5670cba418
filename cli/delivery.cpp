#include "delivery.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "errors.hpp"
#include "output.hpp"

namespace quicsync::cli {

delivery::delivery(server& node, delivery_wish wish, losses& lost, int acknowledged_ids, std::function<void()> changed)
    : node_(node),
      wish_(std::move(wish)),
      lost_(lost),
      acknowledged_ids_(acknowledged_ids),
      changed_(std::move(changed)) {}

void delivery::hand_over(slab_ptr patterns) {
  {
    std::lock_guard lock(mutex_);
    ++under_way_;
    totals_.shared += patterns->size();
  }
  const auto now = std::chrono::steady_clock::now();
  node_.share(patterns, wish_,
              [this, patterns, now](const sync_report& report) { take_report(patterns, now, report); });
}

bool delivery::has_room() const {
  std::lock_guard lock(mutex_);
  return under_way_ < slabs_under_way_max;
}

bool delivery::settled() const {
  std::lock_guard lock(mutex_);
  return under_way_ == 0;
}

std::optional<error> delivery::write_failure() const {
  std::lock_guard lock(mutex_);
  return write_failure_;
}

delivery::totals delivery::so_far() const {
  std::lock_guard lock(mutex_);
  return totals_;
}

double delivery::latency_quantile_ms(double fraction) const {
  std::lock_guard lock(mutex_);
  return latency_.quantile_ms(fraction);
}

void delivery::take_report(const slab_ptr& patterns, std::chrono::steady_clock::time_point handed_over,
                           const sync_report& report) {
  const auto took = std::chrono::steady_clock::now() - handed_over;
  std::vector<bool> refused(patterns->size());
  auto refuse = [&](std::size_t index, std::string_view by, const error& reason) {
    if (index >= refused.size()) return;
    refused[index] = true;
    print_error(fmt::format("pattern '{}' refused by {}: {}", patterns->record(index).id(), by, to_string(reason)));
  };
  for (std::size_t i = 0; i < report.local.size(); ++i)
    if (report.local[i].what == share_outcome::verdict::refused) refuse(i, "this side", report.local[i].reason);
  bool reached_all = report.failure.code == errc::none;
  if (!reached_all) lost_.note("", report.failure);
  for (const auto& peer : report.peers) {
    if (peer.failure.code != errc::none) {
      lost_.note(peer.peer, peer.failure);
      reached_all = false;
    }
    for (const auto& [index, reason] : peer.refused) refuse(index, fmt::format("'{}'", peer.peer), reason);
  }
  const auto refused_count = static_cast<std::uint64_t>(std::count(refused.begin(), refused.end(), true));
  std::lock_guard lock(mutex_);
  --under_way_;
  totals_.refused += refused_count;
  if (reached_all) {
    totals_.acknowledged += patterns->size() - refused_count;
    latency_.add(std::chrono::duration_cast<std::chrono::microseconds>(took), patterns->size() - refused_count);
    write_ids(patterns, refused);
  }
  // Under the lock: whoever sees that all is settled may let this object go.
  if (under_way_ == slabs_under_way_again || under_way_ == 0) changed_();
}

void delivery::write_ids(const slab_ptr& patterns, const std::vector<bool>& refused) {
  if (acknowledged_ids_ < 0 || write_failure_) return;
  std::string lines;
  for (std::size_t i = 0; i < patterns->size(); ++i) {
    if (refused[i]) continue;
    lines += patterns->record(i).id();
    lines += '\n';
  }
  if (!write_all(acknowledged_ids_, lines))
    write_failure_ = error{errc::io_failed, fmt::format("cannot write acknowledged ids: {}", std::strerror(errno))};
}

}  // namespace quicsync::cli
