// A disk in memory under SQLite: a VFS of its own (version-1 methods) that fails when it is told to. It knows what was
// synced and what was not, so it can lose power: what was not synced is then there, or not, or in parts. It can fail
// its n-th call, run full, and flip bits. One thread.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <sqlite3.h>

namespace quicsync::test {

class memory_disk {
 public:
  memory_disk();
  ~memory_disk();
  memory_disk(const memory_disk&) = delete;
  memory_disk& operator=(const memory_disk&) = delete;

  /// For store_options::vfs.
  const std::string& name() const noexcept { return name_; }

  // -- what it has done
  std::uint64_t calls() const noexcept { return calls_; }
  std::uint64_t syncs() const noexcept { return syncs_; }
  /// Of files whose name ends like this: bytes that a power loss now may take.
  bool all_synced(std::string_view name_end) const;
  std::uint64_t bytes() const;

  // -- what it is to do
  /// The n-th call from now fails, once. 0: none.
  void fail_call(std::uint64_t n) { fail_at_ = n == 0 ? 0 : calls_ + n; }
  bool has_failed() const noexcept { return failed_once_; }
  /// From the n-th call from now on nothing works, until restart().
  void power_off_at(std::uint64_t n) { off_at_ = n == 0 ? 0 : calls_ + n; }
  bool is_off() const noexcept { return off_at_ != 0 && calls_ >= off_at_; }
  /// Takes no more than so many bytes; 0: as many as come.
  void set_capacity(std::uint64_t bytes) { capacity_bytes_ = bytes; }
  void make_read_only(bool yes) { read_only_ = yes; }

  /// The power is back. Each write and truncation that was not synced has happened, or has not, or (a write) in some of
  /// its sectors of `sector_bytes`; `random` chooses. All files must be closed: their stores were destroyed.
  void restart(std::mt19937_64& random, std::size_t sector_bytes);
  /// The process ended, the power stayed.
  void restart_process() { off_at_ = fail_at_ = 0; }

  /// Contents, to be changed at will; nullptr where there is no such file.
  std::vector<std::uint8_t>* contents(const std::string& file_name);
  /// All files as they are, to be put back later.
  using image = std::map<std::string, std::vector<std::uint8_t>>;
  image take_image() const;
  void put_image(const image& all);

 private:
  friend struct memory_disk_calls;
  struct operation {
    bool truncate = false;
    std::size_t offset = 0;  ///< or the size
    std::vector<std::uint8_t> bytes;
  };
  struct file {
    std::vector<std::uint8_t> seen;     ///< by whoever reads it
    std::vector<std::uint8_t> durable;  ///< after a power loss that takes all it can
    std::vector<operation> pending;
  };
  static void apply(const operation& what, std::vector<std::uint8_t>& to);
  /// SQLite's code for the call, or 0 where it works.
  int begin_call(int code_of_failure);

  std::string name_;
  std::unique_ptr<sqlite3_vfs> vfs_;
  std::map<std::string, std::shared_ptr<file>> files_;
  std::uint64_t calls_ = 0, syncs_ = 0, fail_at_ = 0, off_at_ = 0, capacity_bytes_ = 0;
  bool failed_once_ = false, read_only_ = false;
};

}  // namespace quicsync::test
