// The witness: a small file beside the store that says how far it had come. It knows what the store itself cannot: that
// it was cut short. Two slots are written in turn, so that a torn write leaves the other. Owned by the pattern store.
// docs/STORE.md, "witness".
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include <quicsync/actors/log_cursor.hpp>
#include <quicsync/codec/error.hpp>

struct sqlite3_file;

namespace quicsync::detail {

class store_witness {
 public:
  struct statement {
    std::uint64_t incarnation = 0;
    log_position_number position = 0;
    bool operator==(const statement&) const = default;
  };

  /// Opens or makes the file, by the VFS of this name (empty: the system's). Errors: store_failed.
  static result<store_witness> open(const std::string& path, const std::string& vfs);

  /// What it says; nullopt where it is new.
  const std::optional<statement>& said() const noexcept { return said_; }
  /// It is not new, and says nothing that can be read.
  bool unreadable() const noexcept { return unreadable_; }

  /// On disk when it returns. Errors: store_failed, store_full.
  result<void> say(const statement& what);

 private:
  struct close {
    void operator()(sqlite3_file* file) const noexcept;
  };
  result<void> read();

  std::string path_;
  std::unique_ptr<sqlite3_file, close> file_;
  std::uint64_t generation_ = 0;
  std::optional<statement> said_;
  bool unreadable_ = false;
};

}  // namespace quicsync::detail
