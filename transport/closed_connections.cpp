#include <bit>

#include <quicsync/transport/closed_connections.hpp>

namespace quicsync {

namespace {

constexpr std::size_t records_max = 4096;  // about 1 KB each
constexpr std::uint64_t repeats_after_packets_max = 256;

std::size_t size_of(const std::vector<byte_buffer>& datagrams) {
  std::size_t bytes = 0;
  for (const auto& each : datagrams) bytes += each.size();
  return bytes;
}

}  // namespace

void closed_connections::add(connection_id id, record what) {
  by_time_.emplace(what.until, id);
  records_.emplace(id, std::move(what));
}

const closed_connections::record* closed_connections::answer(connection_id id, const address& remote,
                                                             std::size_t datagram_bytes) {
  const auto found = records_.find(id);
  if (found == records_.end()) return nullptr;
  auto& closed = found->second;
  if (closed.datagrams.empty() || !(closed.remote == remote)) return nullptr;
  closed.budget_bytes += 3 * datagram_bytes;
  // Ever more rarely, so that two sides never keep each other busy: to the 1st, 2nd, 4th, 8th ... packet.
  if (!std::has_single_bit(++closed.packets) || closed.packets > repeats_after_packets_max) return nullptr;
  const auto bytes = size_of(closed.datagrams);
  if (bytes > closed.budget_bytes) return nullptr;
  closed.budget_bytes -= bytes;
  return &closed;
}

std::vector<std::pair<connection_id, ngtcp2_cid>> closed_connections::expire(time_point now) {
  std::vector<std::pair<connection_id, ngtcp2_cid>> freed;
  while (!by_time_.empty() && (by_time_.begin()->first <= now || records_.size() > records_max)) {
    const auto id = by_time_.begin()->second;
    by_time_.erase(by_time_.begin());
    const auto found = records_.find(id);
    for (const auto& cid : found->second.cids) freed.emplace_back(id, cid);
    records_.erase(found);
  }
  return freed;
}

time_point closed_connections::deadline() const {
  return by_time_.empty() ? time_point::max() : by_time_.begin()->first;
}

}  // namespace quicsync
