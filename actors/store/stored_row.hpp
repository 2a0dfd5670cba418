// The body of a row of the store: many records in the order of the log, compressed together, and beside each what the
// cache knows of it. docs/STORE.md, "row". Values and pure functions.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <quicsync/actors/store/pattern_store.hpp>

namespace quicsync::detail {

/// Gathers records until a row is full.
class row_writer {
 public:
  bool empty() const noexcept { return records_.empty(); }
  /// It has enough, or this record would be too much for it.
  bool full_for(std::size_t record_bytes) const noexcept;

  /// Precondition: not full_for() the record; positions ascend. The slab stays until finish().
  void add(const stored_set& from, const stored_set::place& at);

  struct row {
    log_position_number first = 0, last = 0;
    std::uint32_t count = 0;
    byte_buffer body;
  };
  /// The row, and the writer is empty again. Precondition: not empty.
  row finish();

 private:
  std::uint64_t name(const std::string& text);
  void begin_group(const stored_set& from);
  void end_run();

  log_position_number first_ = 0, last_ = 0;
  std::size_t bytes_ = 0;
  std::vector<bytes_view> records_;
  std::vector<slab_ptr> held_;
  std::map<std::string, std::uint64_t> name_numbers_;
  byte_buffer names_, groups_, runs_;
  std::uint64_t group_count_ = 0, group_records_ = 0, run_records_ = 0;
  log_position_number run_first_ = 0, run_after_ = 0;  ///< the run's first position, and the last one before it
  lane run_lane_ = lane::normal;
  std::int64_t arrived_before_ms_ = 0;
  std::optional<stored_set> group_;  ///< without its records and places
};

/// All sets of a row, dead places included. Errors: store_corrupt for a body that row_writer has not made.
result<std::vector<stored_set>> read_row(log_position_number first, log_position_number last, std::uint32_t count,
                                         bytes_view body, std::uint64_t key_seed);

/// Positions, ascending, as the distances between them.
void append_positions(byte_buffer& out, std::span<const log_position_number> positions);
result<std::vector<log_position_number>> read_positions(bytes_view bytes);

}  // namespace quicsync::detail
