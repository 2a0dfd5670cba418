#include <algorithm>

#include <quicsync/transport/lane_outbox.hpp>

namespace quicsync {

void lane_outbox::push(shared_bytes bytes) {
  if (bytes.empty()) return;
  end_ += bytes.size();
  chunks_.push_back(std::move(bytes));
}

std::size_t lane_outbox::gather(std::span<bytes_view> views, std::size_t enough) const {
  std::size_t count = 0, offset = next_offset_, gathered = 0;
  for (auto chunk = next_chunk_; chunk < chunks_.size() && count < views.size() && gathered < enough; ++chunk) {
    views[count] = chunks_[chunk].view().subspan(offset);
    gathered += views[count++].size();
    offset = 0;
  }
  return count;
}

void lane_outbox::mark_sent(std::size_t count) {
  sent_ += count;
  while (count > 0) {
    const auto left = chunks_[next_chunk_].size() - next_offset_;
    if (count < left) {
      next_offset_ += count;
      return;
    }
    count -= left;
    ++next_chunk_;
    next_offset_ = 0;
  }
}

void lane_outbox::rewind() { sent_ = next_chunk_ = next_offset_ = 0; }

std::uint64_t lane_outbox::acknowledge_to(std::uint64_t offset) {
  const auto target = std::min(offset, sent_);
  if (target <= acknowledged_) return 0;
  const auto released = target - acknowledged_;
  acknowledged_ = target;
  while (next_chunk_ > 0 && start_ + chunks_.front().size() <= acknowledged_) {
    start_ += chunks_.front().size();
    chunks_.pop_front();
    --next_chunk_;
  }
  return released;
}

std::array<lane, lane_count> lane_schedule::order() const {
  auto lanes = all_lanes;
  const auto hungriest = std::max_element(passed_over_.begin(), passed_over_.end());
  if (*hungriest < floor_packets) return lanes;
  const auto first = lanes.begin() + (hungriest - passed_over_.begin());
  std::rotate(lanes.begin(), first, first + 1);
  return lanes;
}

void lane_schedule::packet_made(const std::array<bool, lane_count>& waiting,
                                const std::array<bool, lane_count>& served) {
  for (std::size_t i = 0; i < lane_count; ++i) passed_over_[i] = waiting[i] && !served[i] ? passed_over_[i] + 1 : 0;
}

}  // namespace quicsync
