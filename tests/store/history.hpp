// A store under work on a memory_disk, and what it has acknowledged: writes of all sizes that replace each other,
// compaction, checkpoints, cold reads, restarts. After whatever happened to the disk it tells whether the store kept
// its word.
#pragma once
#include <map>
#include <memory>
#include <random>
#include <string>

#include <quicsync/actors/store/pattern_store.hpp>

#include "memory_disk.hpp"
#include "support.hpp"

namespace quicsync::test {

class history {
 public:
  history(memory_disk& disk, std::uint64_t seed, std::string key_file = {});

  /// Opens the store; false where the disk did not let it. Fails the test where what it holds is neither what was
  /// acknowledged nor that and the write that was under way; or where it says that something was lost.
  bool open();
  /// One random piece of work. False: the store reported an error, which it must repeat for each further write.
  bool step();
  /// Ends the store as its process would.
  void close() { store_.reset(); }
  bool is_open() const noexcept { return store_ != nullptr; }

  using contents = std::map<log_position_number, std::uint64_t>;  ///< hash of the record and all beside it
  const contents& acknowledged() const noexcept { return acknowledged_; }
  /// Hashes of every record that was ever written, by position.
  const contents& written() const noexcept { return written_; }
  log_position_number store_position() const noexcept { return position_; }
  std::uint64_t acknowledged_records() const noexcept { return count_; }
  pattern_store& store() { return *store_; }
  store_options options();
  static contents load(pattern_store& store);
  /// Time goes on by itself, 5 ms a step; the witness goes by it.
  void pass(std::chrono::milliseconds time) { now_ += time; }
  error last_error;

 private:
  bool write();
  bool read();
  bool took(const result<void>& done);

  memory_disk& disk_;
  std::mt19937_64 random_;
  std::string key_file_;
  std::unique_ptr<pattern_store> store_;
  std::chrono::nanoseconds now_{1'000'000'000};
  contents acknowledged_, written_;
  std::optional<contents> under_way_;
  std::map<std::uint64_t, std::pair<std::uint64_t, log_position_number>> held_,
      held_after_;  ///< number: version, position
  std::map<std::uint64_t, std::uint64_t> versions_;
  log_position_number position_ = 0, position_under_way_ = 0;
  std::uint64_t count_ = 0;
};

}  // namespace quicsync::test
