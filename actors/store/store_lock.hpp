// Who may use a store: one process at a time, by locks on a file beside it that end with their process. Its second byte
// is locked by whoever moves pages from the write-ahead log into the file, or copies both. docs/STORE.md, "lock".
#pragma once
#include <string>

#include <quicsync/codec/error.hpp>

namespace quicsync::detail {

class store_lock {
 public:
  store_lock() = default;
  store_lock(store_lock&& other) noexcept;
  store_lock& operator=(store_lock&& other) noexcept;
  ~store_lock();

  /// Takes the store for this process. Errors: store_locked, with the id of the process that has it; store_failed.
  static result<store_lock> own(const std::string& store_path);
  /// Opens the lock without taking the store, for a copy. Errors: store_failed.
  static result<store_lock> visit(const std::string& store_path);

  /// Tries to get the second byte; with `wait` until it is free. True also where there is no lock file to ask.
  bool hold_checkpoints(bool wait);
  void release_checkpoints();

 private:
  static result<store_lock> open(const std::string& path);
  int descriptor_ = -1;
};

}  // namespace quicsync::detail
