// The memory of slabs. Whoever uses the codec may say where it comes from; otherwise it is the heap's.
#pragma once
#include <cstddef>
#include <cstdint>
#include <utility>

namespace quicsync {

/// Gives memory for slabs. Threads share it, and it outlives every slab that it gave any.
class slab_memory_source {
 public:
  struct piece {
    std::uint8_t* bytes = nullptr;  ///< null: the heap is to give it
    std::size_t size = 0;           ///< at least what was asked for
    void* mark = nullptr;           ///< for the source
  };
  /// Not initialised, aligned for anything. Throws std::bad_alloc.
  virtual piece take(std::size_t bytes) = 0;
  /// Takes back what lies behind the first `kept` bytes, as far as it can; 0: all of it. Returns how many are kept.
  virtual std::size_t give_back(const piece& from, std::size_t kept) noexcept = 0;

 protected:
  ~slab_memory_source() = default;
};

/// Slabs are made of this from now on.
void use_slab_memory(slab_memory_source& source) noexcept;

namespace detail {

/// Owns a piece, which stays where it is.
class slab_memory {
 public:
  slab_memory() = default;
  /// As slab_memory_source::take().
  explicit slab_memory(std::size_t bytes);
  slab_memory(slab_memory&& other) noexcept { *this = std::move(other); }
  slab_memory& operator=(slab_memory&& other) noexcept {
    std::swap(piece_, other.piece_);
    std::swap(source_, other.source_);
    return *this;
  }
  ~slab_memory();

  std::uint8_t* bytes() const noexcept { return piece_.bytes; }
  /// At least what was asked for.
  std::size_t size() const noexcept { return piece_.size; }
  /// Gives back what is behind the first `bytes`, as far as the source can. Precondition: not 0.
  void shrink(std::size_t bytes) noexcept;

 private:
  slab_memory_source::piece piece_;
  slab_memory_source* source_ = nullptr;  ///< null: the heap
};

}  // namespace detail
}  // namespace quicsync
