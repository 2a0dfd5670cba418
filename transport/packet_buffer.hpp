// Room for datagrams that are about to be written: bytes that nobody has set yet cost nothing, and the memory is used
// again. A value that is moved, not copied; owned by whoever holds the transmit.
#pragma once
#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>

#include <quicsync/codec/bytes.hpp>

namespace quicsync {

class packet_buffer {
 public:
  packet_buffer() = default;
  explicit packet_buffer(bytes_view bytes) { assign(bytes.begin(), bytes.end()); }
  packet_buffer(packet_buffer&& from) noexcept { *this = std::move(from); }
  packet_buffer& operator=(packet_buffer&& from) noexcept {
    bytes_ = std::move(from.bytes_);
    capacity_ = std::exchange(from.capacity_, 0);
    size_ = std::exchange(from.size_, 0);
    return *this;
  }

  /// `count` bytes to be written; what was in it is gone. Until resize() it counts as empty.
  std::span<std::uint8_t> room(std::size_t count) {
    size_ = 0;
    if (count > capacity_) {
      bytes_ = std::make_unique_for_overwrite<std::uint8_t[]>(count);
      capacity_ = count;
    }
    return {bytes_.get(), count};
  }
  /// Precondition: no more than the last room().
  void resize(std::size_t count) noexcept { size_ = count; }

  template <class Iterator>
  void assign(Iterator begin, Iterator end) {
    const auto count = static_cast<std::size_t>(std::distance(begin, end));
    std::copy(begin, end, room(count).begin());
    resize(count);
  }

  const std::uint8_t* data() const noexcept { return bytes_.get(); }
  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  const std::uint8_t* begin() const noexcept { return data(); }
  const std::uint8_t* end() const noexcept { return data() + size_; }

 private:
  std::unique_ptr<std::uint8_t[]> bytes_;
  std::size_t capacity_ = 0, size_ = 0;
};

}  // namespace quicsync
