// What a simulated network does to datagrams, and what it has done. Chances are from 0 to 1 and drawn for each
// datagram; they may be changed at any time.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace quicsync::tests {

struct network_conditions {
  std::chrono::nanoseconds delay = std::chrono::milliseconds(5);
  std::chrono::nanoseconds jitter{0};  ///< up to so much more, each datagram for itself
  double loss = 0;
  double duplication = 0;
  std::size_t datagram_bytes_max = 1472;  ///< larger ones vanish, as where fragmentation is forbidden
  double corruption = 0;                  ///< one bit arrives changed
  double reordering = 0;                  ///< held back for `reordering_delay`, so that later ones overtake it
  std::chrono::nanoseconds reordering_delay = std::chrono::milliseconds(10);
  double congestion_marks = 0;  ///< of datagrams that may be marked: arrive as congestion experienced, RFC 3168

  // Of each way from one address to another:
  std::optional<double> loss_after_loss =
      std::nullopt;                      ///< chance right after a loss, which makes bursts; unset: as `loss`
  unsigned losses_in_a_row_max = 0;      ///< 0: any number
  std::uint64_t bytes_per_second = 0;    ///< 0: no bound
  std::size_t queue_bytes = 128u << 10;  ///< what waits for the rate; more is dropped
};

/// Datagrams since the start, by what became of them. One that is sent twice is counted once as sent.
struct network_counters {
  std::uint64_t sent = 0, sent_with_ecn = 0, delivered = 0;
  std::uint64_t duplicated = 0, corrupted = 0, reordered = 0, marked = 0;
  std::uint64_t lost = 0, too_large = 0, queue_full = 0, cut_off = 0, nobody_there = 0;
};

}  // namespace quicsync::tests
