#include <algorithm>

#include <quicsync/transport/lane_outbox.hpp>

namespace quicsync {
namespace {

constexpr std::size_t tail_bytes = 4096;

}  // namespace

void lane_outbox::push(shared_bytes bytes) {
  if (bytes.empty()) return;
  end_ += bytes.size();
  if (bytes.size() < copied_below_bytes) return append_copy(bytes.view());
  chunks_.push_back(std::move(bytes));
  last_is_tail_ = false;
}

void lane_outbox::append_copy(bytes_view bytes) {
  while (!bytes.empty()) {
    if (!tail_ || tail_used_ == tail_bytes) {
      tail_ = std::make_shared_for_overwrite<std::uint8_t[]>(tail_bytes);
      tail_used_ = 0;
      last_is_tail_ = false;
    }
    const auto count = std::min(bytes.size(), tail_bytes - tail_used_);
    auto* const at = tail_.get() + tail_used_;
    std::copy_n(bytes.begin(), count, at);
    tail_used_ += count;
    bytes = bytes.subspan(count);
    // One that is all sent has been passed already.
    if (last_is_tail_ && next_chunk_ < chunks_.size()) {
      auto& last = chunks_.back();
      last = shared_bytes(tail_, {last.data(), last.size() + count});
    } else {
      chunks_.push_back(shared_bytes(tail_, {at, count}));
      last_is_tail_ = true;
    }
  }
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
  if (chunks_.empty()) {
    // A lane that has nothing to say costs nothing.
    tail_ = nullptr;
    last_is_tail_ = false;
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
