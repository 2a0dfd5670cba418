#include <cstdlib>
#include <cstring>
#include <new>

#include <quicsync/actors/cache/memory_blocks.hpp>
#include <quicsync/actors/cache/page_pool.hpp>

namespace quicsync {
namespace {

using memory_blocks::block_bytes;

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
  if (left_of_block_ == 0) {
    blocks_.reserve(blocks_.size() + 1);
    blocks_.push_back(memory_blocks::take(true));
    left_of_block_ = block_bytes;
  }
  auto* page = blocks_.back() + (block_bytes - left_of_block_);
  left_of_block_ -= page_bytes;
  return std::memset(page, 0, page_bytes);
}

void page_pool::clear() noexcept {
  for (auto* page : single_) std::free(page);
  for (auto* block : blocks_) memory_blocks::give_back(block);
  single_.clear();
  blocks_.clear();
  left_of_block_ = 0;
}

}  // namespace quicsync
