// A store engine in memory, for tests: its disk outlives the engine as a file outlives a process, can hold commits
// back, fail from a given call on, and counts what it did. The disk may be used from any thread.
#pragma once
#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>

#include <quicsync/actors/store/store_engine.hpp>

namespace quicsync::tests {

class memory_disk {
 public:
  /// From now on writes wait, until release(). Of no use in a simulation, which has one thread.
  void hold() {
    std::lock_guard lock(mutex_);
    held_ = true;
  }
  void release() {
    std::lock_guard lock(mutex_);
    held_ = false;
    released_.notify_all();
  }
  /// The next write, and all that follow, end with this error.
  void fail_writes(error reason) {
    std::lock_guard lock(mutex_);
    failure_ = std::move(reason);
  }
  /// So many writes go well, then it fails.
  void fail_after(std::uint64_t writes) {
    std::lock_guard lock(mutex_);
    good_writes_ = writes;
  }
  void repair() {
    std::lock_guard lock(mutex_);
    failure_ = {};
    good_writes_ = ~0ull;
  }
  std::uint64_t commits() const {
    std::lock_guard lock(mutex_);
    return commits_;
  }
  std::size_t size() const {
    std::lock_guard lock(mutex_);
    return records_.size();
  }
  log_position_number durable() const {
    std::lock_guard lock(mutex_);
    return durable_;
  }
  std::uint64_t incarnation = 7;
  std::atomic<std::uint64_t> quarantined{0};  ///< what it says of itself

 private:
  friend class memory_store;
  struct kept {
    byte_buffer bytes;
    std::string source;
    sharing access;
    std::int64_t arrived_ms = 0;
    stored_set::place place;
  };
  mutable std::mutex mutex_;
  std::condition_variable released_;
  bool held_ = false;
  error failure_;
  std::uint64_t good_writes_ = ~0ull;
  std::map<log_position_number, kept> records_;
  log_position_number durable_ = 0;
  std::uint64_t commits_ = 0;
};

class memory_store final : public store_engine {
 public:
  memory_store(std::shared_ptr<memory_disk> disk, std::uint64_t key_seed)
      : disk_(std::move(disk)), key_seed_(key_seed) {}

  static store_opener on(std::shared_ptr<memory_disk> disk) {
    return [disk](std::uint64_t key_seed) -> result<std::unique_ptr<store_engine>> {
      return std::unique_ptr<store_engine>(std::make_unique<memory_store>(disk, key_seed));
    };
  }

  std::uint64_t incarnation() const override { return disk_->incarnation; }
  log_position_number durable_position() const override { return disk_->durable(); }

  result<void> load(const std::function<result<void>(stored_set)>& each) override {
    std::lock_guard lock(disk_->mutex_);
    for (const auto& [position, kept] : disk_->records_)
      if (auto taken = each(set_of(kept)); !taken) return taken;
    return {};
  }

  result<void> write(std::span<const stored_set> sets, log_position_number reached) override {
    std::unique_lock lock(disk_->mutex_);
    disk_->released_.wait(lock, [this] { return !disk_->held_; });
    if (disk_->good_writes_ == 0) disk_->failure_ = {errc::store_failed, "no more writes"};
    if (disk_->failure_.code != errc::none) return fail(disk_->failure_);
    --disk_->good_writes_;
    for (const auto& set : sets) {
      for (const auto& place : set.places) {
        if (place.position <= disk_->durable_) return fail(errc::internal, "positions do not ascend");
        const auto bytes = set.records->bytes(place.index);
        disk_->records_[place.position] = {byte_buffer(bytes.begin(), bytes.end()), set.source, set.access,
                                           set.arrived_ms, place};
      }
      for (const auto position : set.superseded) disk_->records_.erase(position);
    }
    disk_->durable_ = std::max(disk_->durable_, reached);
    ++disk_->commits_;
    return {};
  }

  result<pattern_store::reading> read(std::span<const log_position_number> positions) override {
    std::lock_guard lock(disk_->mutex_);
    pattern_store::reading out;
    for (const auto position : positions)
      if (auto it = disk_->records_.find(position); it != disk_->records_.end()) out.sets.push_back(set_of(it->second));
    return out;
  }

  result<void> clear() override {
    std::lock_guard lock(disk_->mutex_);
    disk_->records_.clear();
    return {};
  }

  result<bool> compact(std::chrono::microseconds) override { return false; }
  result<bool> checkpoint() override { return false; }
  result<void> witness() override { return {}; }
  bool witness_due() const override { return false; }
  store_state state() const override {
    store_state s;
    s.live = disk_->size();
    s.commits = disk_->commits();
    s.bytes = 100 * s.live;
    s.quarantined = disk_->quarantined;
    return s;
  }

 private:
  stored_set set_of(const memory_disk::kept& kept) const {
    slab_builder builder(key_seed_);
    (void)builder.add_record(bytes_view(kept.bytes.data(), kept.bytes.size()));
    stored_set set;
    set.records = builder.finish();
    set.source = kept.source;
    set.access = kept.access;
    set.arrived_ms = kept.arrived_ms;
    set.places.push_back(kept.place);
    set.places.back().index = 0;
    return set;
  }

  std::shared_ptr<memory_disk> disk_;
  std::uint64_t key_seed_;
};

}  // namespace quicsync::tests
