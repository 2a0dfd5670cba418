// A vector that grows by pages and moves nothing. For plain values; owned by the pattern table, whose pool holds it.
#pragma once
#include <cstddef>
#include <new>
#include <type_traits>
#include <vector>

#include <quicsync/actors/cache/page_pool.hpp>

namespace quicsync {

template <class T>
class paged_vector {
 public:
  static_assert(std::is_trivially_destructible_v<T>);
  static constexpr std::size_t page_size = page_pool::page_bytes / sizeof(T);

  explicit paged_vector(page_pool& pool) : pool_(pool) {}

  std::size_t size() const noexcept { return size_; }
  T& operator[](std::size_t index) noexcept { return pages_[index / page_size][index % page_size]; }
  const T& operator[](std::size_t index) const noexcept { return pages_[index / page_size][index % page_size]; }

  void emplace_back() {
    if (size_ == pages_.size() * page_size) pages_.push_back(static_cast<T*>(pool_.take()));
    new (&pages_.back()[size_ % page_size]) T{};
    ++size_;
  }
  /// Before the pool's clear().
  void clear() noexcept {
    pages_.clear();
    size_ = 0;
  }

 private:
  page_pool& pool_;
  std::vector<T*> pages_;
  std::size_t size_ = 0;
};

}  // namespace quicsync
