// The bounds of catching up (docs/WIRE.md, "Catching up"), as in codec/limits.hpp.
#pragma once
#include <cstddef>

#include <quicsync/codec/limits.hpp>

namespace quicsync::limits {

inline constexpr std::size_t offered_records = 3500;      ///< offered in one frame: fits a control frame
inline constexpr std::size_t sketch_page_symbols = 3072;  ///< of one sketch frame: fits a control frame
inline constexpr std::size_t digests_kept =
    64;  ///< kept up to date, one for each filter that peers have: each record costs an addition more
inline constexpr std::size_t sketched_records =
    4u << 20;  ///< in all sketches that a node builds at once, 40 bytes each; beyond, a full copy is made
inline constexpr std::size_t control_in_flight_bytes =
    128u << 10;  ///< of catch-up frames, sent and not yet acknowledged by QUIC: acknowledgements wait behind them
inline constexpr std::size_t slice_records = 2048;    ///< looked at a turn while sets are compared: half a millisecond
inline constexpr std::size_t remembered_logs = 4096;  ///< nodes of which is known how far one has come in their log
inline constexpr std::size_t refusals_remembered =
    16'384;  ///< of a peer: records that it did not take; of older ones it is not said any more that it has them
inline constexpr std::size_t comparisons_at_once = 64;  ///< rounds that a peer may begin, and then one a second
inline constexpr unsigned comparison_doublings = 4;     ///< of the interval, while rounds bring nothing

}  // namespace quicsync::limits
