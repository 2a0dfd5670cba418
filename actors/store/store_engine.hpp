// What a store actor keeps patterns in: the pattern store on SQLite, or in tests one that is slow, forgets what was not
// written through, or fails. Owned by the store actor and called on its thread only; every call may wait for the disk.
// What each call promises stands in pattern_store.hpp.
#pragma once
#include <functional>
#include <memory>
#include <span>

#include <quicsync/actors/store/pattern_store.hpp>

namespace quicsync {

class store_engine {
 public:
  virtual ~store_engine() = default;

  virtual std::uint64_t incarnation() const = 0;
  virtual log_position_number durable_position() const = 0;
  virtual result<void> load(const std::function<result<void>(stored_set)>& each) = 0;
  virtual result<void> write(std::span<const stored_set> sets, log_position_number reached) = 0;
  virtual result<pattern_store::reading> read(std::span<const log_position_number> positions) = 0;
  virtual result<void> clear() = 0;
  virtual result<bool> compact(std::chrono::microseconds budget) = 0;
  virtual result<bool> checkpoint() = 0;
  virtual result<void> witness() = 0;
  /// There will be something for witness() to do.
  virtual bool witness_due() const = 0;
  virtual store_state state() const = 0;
};

/// Opens it on the store actor's thread; its slabs are made with the node's `key_seed`.
using store_opener = std::function<result<std::unique_ptr<store_engine>>(std::uint64_t key_seed)>;

/// On SQLite. `options.key_seed` is set by who opens.
store_opener open_pattern_store(store_options options);

}  // namespace quicsync
