// Lines of a descriptor, with their numbers, in bounded memory. Single-threaded; the descriptor stays its owner's.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <quicsync/codec/error.hpp>

namespace quicsync::cli {

class line_reader {
 public:
  line_reader(int descriptor, std::size_t line_bytes_max) : descriptor_(descriptor), line_bytes_max_(line_bytes_max) {}

  struct line {
    std::uint64_t number = 0;  ///< from 1
    std::string_view text;     ///< without its newline; valid until fill()
    bool too_long = false;     ///< over the limit: `text` is empty, the rest of it is passed over
  };
  /// The next line that has been read whole; nullopt: fill() first, or at_end().
  std::optional<line> next();

  /// Reads once; waits where there is nothing to read. Errors: io_failed.
  result<void> fill();

  /// Everything has been read and given out.
  bool at_end() const noexcept { return ended_ && begin_ == buffer_.size(); }
  bool ended() const noexcept { return ended_; }

 private:
  int descriptor_;
  std::size_t line_bytes_max_;
  std::string buffer_;
  std::size_t begin_ = 0;    ///< of what has not been given out
  std::size_t scanned_ = 0;  ///< no newline before this
  std::uint64_t number_ = 0;
  bool skipping_ = false;  ///< inside a line that was too long
  bool ended_ = false;
};

}  // namespace quicsync::cli
