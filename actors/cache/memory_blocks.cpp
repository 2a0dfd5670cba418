#include <cstdio>
#include <fstream>
#include <limits>
#include <mutex>
#include <new>
#include <string>
#include <vector>

#include <sys/mman.h>
#include <unistd.h>

#include <quicsync/actors/cache/memory_blocks.hpp>

namespace quicsync::memory_blocks {
namespace {

constexpr std::size_t kept_at_least = 4;
constexpr std::size_t page_bytes = 4096;

/// The last aligned block of twice as much: where mappings are placed downwards, the next one lies right before it.
std::uint8_t* map(bool huge) noexcept {
  auto* const wide = static_cast<std::uint8_t*>(
      mmap(nullptr, 2 * block_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  if (wide == MAP_FAILED) return nullptr;
  const auto behind = reinterpret_cast<std::uintptr_t>(wide) % block_bytes;
  auto* const block = wide + block_bytes - behind;
  munmap(wide, block_bytes - behind);
  if (behind != 0) munmap(block + block_bytes, behind);
  madvise(block, block_bytes, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);  // where it fails all is slower and works
  return block;
}

/// So that nobody waits for the kernel when it is used.
void touch(std::uint8_t* block) noexcept {
  for (std::size_t at = 0; at < block_bytes; at += page_bytes) *static_cast<volatile std::uint8_t*>(block + at) = 0;
}

struct stock {
  std::mutex mutex;
  std::vector<std::uint8_t*> blocks;  ///< that nobody uses
  std::size_t kept = kept_at_least;   ///< more of them go back to the kernel
  stock() { blocks.reserve(kept); }
};

/// Outlives every block, those of static objects too.
stock& all_blocks() {
  static stock& only = *new stock;
  return only;
}

}  // namespace

std::uint8_t* take(bool huge) {
  auto& all = all_blocks();
  {
    const std::lock_guard lock(all.mutex);
    if (!all.blocks.empty()) {
      auto* const block = all.blocks.back();
      all.blocks.pop_back();
      return block;
    }
  }
  auto* const block = map(huge);
  if (block == nullptr) throw std::bad_alloc();
  return block;
}

void give_back(std::uint8_t* block) noexcept {
  auto& all = all_blocks();
  {
    const std::lock_guard lock(all.mutex);
    if (all.blocks.size() < all.kept) return all.blocks.push_back(block);  // there is room: see reserve()
  }
  munmap(block, block_bytes);
}

reserve::reserve(std::size_t bytes) : count_((bytes + block_bytes - 1) / block_bytes) {
  auto& all = all_blocks();
  {
    const std::lock_guard lock(all.mutex);
    all.blocks.reserve(all.kept + count_);
    all.kept += count_;
  }
  for (std::size_t i = 0; i < count_; ++i) {
    auto* const block = map(true);
    complete_ = block != nullptr;
    if (!complete_) return;
    touch(block);
    give_back(block);
  }
}

reserve::~reserve() {
  auto& all = all_blocks();
  std::vector<std::uint8_t*> unused;
  {
    const std::lock_guard lock(all.mutex);
    all.kept -= count_;
    while (all.blocks.size() > all.kept) {
      unused.push_back(all.blocks.back());
      all.blocks.pop_back();
    }
  }
  for (auto* block : unused) munmap(block, block_bytes);
}

std::size_t physical_bytes() noexcept {
  const long pages = sysconf(_SC_PHYS_PAGES), bytes = sysconf(_SC_PAGESIZE);
  if (pages <= 0 || bytes <= 0) return std::numeric_limits<std::size_t>::max();  // not known
  return static_cast<std::size_t>(pages) * static_cast<std::size_t>(bytes);
}

std::size_t available_bytes() {
  std::ifstream table("/proc/meminfo");
  for (std::string line; std::getline(table, line);)
    if (unsigned long long kilobytes = 0; std::sscanf(line.c_str(), "MemAvailable: %llu kB", &kilobytes) == 1)
      return static_cast<std::size_t>(kilobytes) << 10;
  return std::numeric_limits<std::size_t>::max();
}

}  // namespace quicsync::memory_blocks
