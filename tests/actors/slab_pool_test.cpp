// The pool of slabs: pieces, what is given back, and threads.
#include <algorithm>
#include <array>
#include <cstring>
#include <random>
#include <thread>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <quicsync/actors/cache/memory_blocks.hpp>
#include <quicsync/actors/cache/slab_pool.hpp>

using namespace quicsync;
using detail::slab_memory;

namespace {

/// As a node does. False under the address sanitizer: there the heap gives everything.
bool use_pool() {
  use_slab_memory(slab_pool::instance());
  const auto before = slab_pool::look().bytes;
  const slab_memory piece(48u << 10);
  return slab_pool::look().bytes != before;
}

/// A piece that is filled with a byte of its own, so that one that overlaps it would show.
struct marked_piece {
  slab_memory memory;
  std::size_t bytes = 0;
  std::uint8_t mark = 0;

  marked_piece(std::size_t size, std::uint8_t with) : memory(size), bytes(size), mark(with) {
    std::memset(memory.bytes(), mark, bytes);
  }
  bool whole() const {
    return std::all_of(memory.bytes(), memory.bytes() + bytes, [this](std::uint8_t byte) { return byte == mark; });
  }
};

/// Takes, shrinks and lets go at random; false where a piece lost what was in it.
bool take_and_let_go(unsigned seed) {
  std::mt19937 random(seed);
  std::vector<marked_piece> pieces;
  bool whole = true;
  for (unsigned i = 0; i < 3000; ++i) {
    if (pieces.size() < 60 && random() % 2 == 0) {
      pieces.emplace_back(1 + random() % (random() % 10 == 0 ? 700'000 : 90'000), static_cast<std::uint8_t>(random()));
    } else if (!pieces.empty()) {
      std::swap(pieces[random() % pieces.size()], pieces.back());
      auto& piece = pieces.back();
      whole = whole && piece.whole();
      if (random() % 3 == 0) {
        piece.bytes = 1 + random() % piece.bytes;
        piece.memory.shrink(piece.bytes);
      } else {
        pieces.pop_back();
      }
    }
  }
  return whole && std::all_of(pieces.begin(), pieces.end(), [](const auto& piece) { return piece.whole(); });
}

}  // namespace

TEST_CASE("slab pool: no piece loses what is in it, whatever is taken, shrunk and let go beside it, by four threads",
          "[cache]") {
  use_pool();
  const auto before = slab_pool::look().bytes;
  const unsigned seed = 20261129;
  INFO("seed " << seed);
  std::vector<std::thread> threads;
  std::array<bool, 4> whole{};
  for (unsigned i = 0; i < whole.size(); ++i)
    threads.emplace_back([&whole, i, seed] { whole[i] = take_and_let_go(seed + i); });
  for (auto& thread : threads) thread.join();
  CHECK(std::all_of(whole.begin(), whole.end(), [](bool is) { return is; }));
  CHECK(slab_pool::look().bytes == before);
}

TEST_CASE("slab pool: what is given back is taken again before there is more of it", "[cache]") {
  if (!use_pool()) return;
  constexpr std::size_t bytes = 48u << 10;
  std::vector<slab_memory> pieces;
  for (int i = 0; i < 200; ++i) pieces.emplace_back(bytes);
  const auto full = slab_pool::look();
  CHECK(full.bytes >= 200 * bytes);
  CHECK(full.reserved_bytes < full.bytes + 2 * memory_blocks::block_bytes);
  for (int round = 0; round < 100; ++round) {
    for (std::size_t i = static_cast<std::size_t>(round) % 3; i < pieces.size(); i += 3) pieces[i] = slab_memory();
    for (auto& piece : pieces)
      if (piece.bytes() == nullptr) piece = slab_memory(bytes);
  }
  CHECK(slab_pool::look().reserved_bytes == full.reserved_bytes);
  pieces.clear();
  CHECK(slab_pool::look().bytes == full.bytes - 200 * bytes);
  CHECK(slab_pool::look().reserved_bytes < full.reserved_bytes);
}

TEST_CASE("slab pool: a piece that shrinks gives back whole pages, and a small one is as large as was asked",
          "[cache]") {
  const bool pooled = use_pool();
  slab_memory small(100);
  CHECK(small.size() == 100);
  small.shrink(10);
  CHECK(small.size() == 100);
  if (!pooled) return;
  const auto before = slab_pool::look().bytes;
  slab_memory piece(48u << 10);
  piece.shrink((20u << 10) + 1);
  CHECK(piece.size() == 24u << 10);
  CHECK(slab_pool::look().bytes == before + (24u << 10));
  piece.shrink(piece.size());
  CHECK(piece.size() == 24u << 10);
}

TEST_CASE("memory blocks: what was reserved is what is taken next, until the reserve ends", "[cache]") {
  std::vector<std::uint8_t*> first, second;
  {
    const memory_blocks::reserve reserved(3 * memory_blocks::block_bytes);
    REQUIRE(reserved.complete());
    for (int i = 0; i < 3; ++i) first.push_back(memory_blocks::take(false));
    for (auto* block : first) {
      CHECK(reinterpret_cast<std::uintptr_t>(block) % memory_blocks::block_bytes == 0);
      memory_blocks::give_back(block);
    }
    for (int i = 0; i < 3; ++i) second.push_back(memory_blocks::take(false));
    std::sort(first.begin(), first.end());
    std::sort(second.begin(), second.end());
    CHECK(first == second);
  }
  // They outlive it, and go back like all others.
  for (auto* block : second) std::memset(block, 1, memory_blocks::block_bytes);
  for (auto* block : second) memory_blocks::give_back(block);
}
