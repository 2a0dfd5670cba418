// Where the entries of a table are found by their ids' keys: a hash map in parts, so that its growth never moves all of
// it in one turn of the loop. Owned by the pattern table. Never iterated: the order changes with every process.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

#include <absl/container/flat_hash_map.h>

namespace quicsync {

/// No entry, no arrival: both are known by numbers.
inline constexpr std::uint32_t no_number = std::numeric_limits<std::uint32_t>::max();

class key_index {
 public:
  /// The first entry of a key, or no_number.
  std::uint32_t find(std::uint64_t key) const {
    const auto& among = of(key);
    const auto at = among.find(key);
    return at == among.end() ? no_number : at->second;
  }
  /// The same to be written to, made where there is none. Valid until the next call of another function.
  std::uint32_t& place(std::uint64_t key) { return of(key).try_emplace(key, no_number).first->second; }
  void erase(std::uint64_t key) { of(key).erase(key); }
  void clear() {
    for (auto& each : parts_) each.clear();
  }
  /// find() or place() of this key is to come.
  void prefetch(std::uint64_t key) const { of(key).prefetch(key); }

 private:
  static constexpr unsigned part_bits = 6;
  using part = absl::flat_hash_map<std::uint64_t, std::uint32_t>;
  part& of(std::uint64_t key) noexcept { return parts_[key >> (64 - part_bits)]; }
  const part& of(std::uint64_t key) const noexcept { return parts_[key >> (64 - part_bits)]; }

  std::array<part, std::size_t{1} << part_bits> parts_;
};

}  // namespace quicsync
