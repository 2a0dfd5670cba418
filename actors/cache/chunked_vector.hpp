// A vector that grows without moving what is in it: elements stand in chunks of a fixed size. For tables of millions,
// where doubling a plain vector would copy all of it at once.
#pragma once
#include <cstddef>
#include <memory>
#include <vector>

namespace quicsync {

template <class T, std::size_t chunk_size = 1024>
class chunked_vector {
 public:
  std::size_t size() const noexcept { return size_; }
  T& operator[](std::size_t index) noexcept { return chunks_[index / chunk_size][index % chunk_size]; }
  const T& operator[](std::size_t index) const noexcept { return chunks_[index / chunk_size][index % chunk_size]; }

  void emplace_back() {
    if (size_ == chunks_.size() * chunk_size) chunks_.push_back(std::make_unique<T[]>(chunk_size));
    ++size_;
  }
  void clear() noexcept {
    chunks_.clear();
    size_ = 0;
  }

 private:
  std::vector<std::unique_ptr<T[]>> chunks_;
  std::size_t size_ = 0;
};

}  // namespace quicsync
