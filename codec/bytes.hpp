// The vocabulary of bytes: views, buffers, and immutable bytes that are shared instead of copied.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace quicsync {

/// Bytes that somebody else owns.
using bytes_view = std::span<const std::uint8_t>;

/// Bytes under construction.
using byte_buffer = std::vector<std::uint8_t>;

inline bytes_view as_bytes(std::string_view text) noexcept {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(bytes_view bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Immutable bytes with shared ownership: what travels between actors and stays in place until QUIC has it
/// acknowledged. A copy costs one reference count. Safe to share between threads.
class shared_bytes {
 public:
  shared_bytes() = default;
  explicit shared_bytes(byte_buffer&& buffer) {
    auto owner = std::make_shared<const byte_buffer>(std::move(buffer));
    view_ = *owner;
    owner_ = std::move(owner);
  }
  /// Part of something larger: `view` must lie in what `owner` keeps alive.
  shared_bytes(std::shared_ptr<const void> owner, bytes_view view) : owner_(std::move(owner)), view_(view) {}

  static shared_bytes copy_of(bytes_view bytes) { return shared_bytes(byte_buffer(bytes.begin(), bytes.end())); }

  bytes_view view() const noexcept { return view_; }
  const std::uint8_t* data() const noexcept { return view_.data(); }
  std::size_t size() const noexcept { return view_.size(); }
  bool empty() const noexcept { return view_.empty(); }

  /// `count` bytes from `offset`, sharing the same memory. Precondition: they exist.
  shared_bytes slice(std::size_t offset, std::size_t count) const {
    return shared_bytes(owner_, view_.subspan(offset, count));
  }

 private:
  std::shared_ptr<const void> owner_;
  bytes_view view_;
};

}  // namespace quicsync
