#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

#include <sys/mman.h>

#include <quicsync/actors/cache/page_pool.hpp>

namespace quicsync {
namespace {

constexpr std::size_t block_bytes = 2u << 20;  // of a huge page
constexpr std::size_t cache_line_bytes = 64;
constexpr std::size_t single_pages = 16;  // a small table takes no block

}  // namespace

void* page_pool::take() {
  if (single_.size() < single_pages) {
    auto* page = std::aligned_alloc(cache_line_bytes, page_bytes);
    if (page == nullptr) throw std::bad_alloc();
    single_.push_back(page);
    return std::memset(page, 0, page_bytes);
  }
  if (left_of_block_ == 0) add_block();
  auto* page = static_cast<std::uint8_t*>(blocks_.back()) + (block_bytes - left_of_block_);
  left_of_block_ -= page_bytes;
  return page;
}

void page_pool::add_block() {
  blocks_.reserve(blocks_.size() + 1);
  auto* wide = mmap(nullptr, 2 * block_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (wide == MAP_FAILED) throw std::bad_alloc();
  auto* const begin = static_cast<std::uint8_t*>(wide);
  const auto before = (block_bytes - reinterpret_cast<std::uintptr_t>(begin) % block_bytes) % block_bytes;
  auto* const block = begin + before;
  if (before != 0) munmap(begin, before);
  if (before != block_bytes) munmap(block + block_bytes, block_bytes - before);
  madvise(block, block_bytes, MADV_HUGEPAGE);  // where there are none it is slower and works as well
  blocks_.push_back(block);
  left_of_block_ = block_bytes;
}

void page_pool::clear() noexcept {
  for (auto* page : single_) std::free(page);
  for (auto* block : blocks_) munmap(block, block_bytes);
  single_.clear();
  blocks_.clear();
  left_of_block_ = 0;
}

}  // namespace quicsync
