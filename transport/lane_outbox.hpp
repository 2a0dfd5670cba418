// The sending side of one lane: bytes kept in place from send() until the other side has acknowledged them (ngtcp2
// points into them meanwhile), and the rule by which lanes take turns. Owned by a connection; pure.
#pragma once
#include <array>
#include <deque>
#include <memory>
#include <span>

#include <quicsync/codec/bytes.hpp>
#include <quicsync/transport/lane.hpp>

namespace quicsync {

class lane_outbox {
 public:
  /// Smaller pieces are copied one behind the other, so that a packet of Ethernet's size, made for the first time or
  /// merged from lost ones, never has more than `views_per_packet` of them. ngtcp2 up to 1.11 leaks a frame of more
  /// than four pieces when a part of it is acknowledged while the rest is to be sent again.
  static constexpr std::size_t copied_below_bytes = 2048;
  static constexpr std::size_t views_per_packet = 4;

  void push(shared_bytes bytes);

  /// Fills `views` with the next unsent bytes, in order, until they hold at least `enough`; returns how many views it
  /// took.
  std::size_t gather(std::span<bytes_view> views, std::size_t enough) const;
  /// The first `count` of the unsent bytes have been put into a packet.
  void mark_sent(std::size_t count);
  /// Nothing of it has arrived: all is to be sent again, from the first byte on. Precondition: nothing is acknowledged.
  void rewind();
  /// Releases what lies before this offset of the stream; returns how many bytes that were.
  std::uint64_t acknowledge_to(std::uint64_t offset);

  std::uint64_t unsent_bytes() const noexcept { return end_ - sent_; }
  std::uint64_t unacknowledged_bytes() const noexcept { return end_ - acknowledged_; }

 private:
  void append_copy(bytes_view bytes);

  std::deque<shared_bytes> chunks_;
  std::shared_ptr<std::uint8_t[]> tail_;  ///< where small pieces are copied to
  std::size_t tail_used_ = 0;
  bool last_is_tail_ = false;       ///< the last chunk ends where tail_ is free
  std::uint64_t start_ = 0;         ///< stream offset of the first chunk's first byte
  std::uint64_t acknowledged_ = 0;  ///< start_ <= acknowledged_ <= sent_ <= end_
  std::uint64_t sent_ = 0;
  std::uint64_t end_ = 0;
  std::size_t next_chunk_ = 0;  ///< where sent_ lies
  std::size_t next_offset_ = 0;
};

/// Which lane goes first into the next packet: strictly by urgency, but a lane that was passed over `floor_packets`
/// times goes first once, so that none starves.
class lane_schedule {
 public:
  static constexpr unsigned floor_packets = 32;  ///< at least 3 % of the packets for a lane that waits

  std::array<lane, lane_count> order() const;
  /// A packet is made: who had bytes waiting, and whose got in.
  void packet_made(const std::array<bool, lane_count>& waiting, const std::array<bool, lane_count>& served);

 private:
  std::array<unsigned, lane_count> passed_over_{};
};

}  // namespace quicsync
