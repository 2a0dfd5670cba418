// The additive digest of a set of records: what two nodes compare first. docs/WIRE.md, "digest". A value; whoever holds
// the set keeps it up as records come and go, at the price of an addition.
#pragma once
#include <cstdint>

#include <quicsync/codec/record.hpp>

namespace quicsync {

/// The sum of content hashes modulo 2^128, and their number. The digests of the parts of a set add up to that of the
/// whole, in any order. It tells sets that differ by accident or by lag; a writer who is free to choose records could
/// make two sets collide, and would gain no more than that these two nodes do not notice a difference between them.
class digest {
 public:
  void add(const content_hash& hash) noexcept {
    ++count_;
    sum_.low += hash.low;
    sum_.high += hash.high + (sum_.low < hash.low ? 1 : 0);
  }
  /// Precondition: it was added.
  void remove(const content_hash& hash) noexcept {
    --count_;
    const bool borrow = sum_.low < hash.low;
    sum_.low -= hash.low;
    sum_.high -= hash.high + (borrow ? 1 : 0);
  }
  digest& operator+=(const digest& other) noexcept {
    const auto total = count_ + other.count_;
    add(other.sum_);
    count_ = total;
    return *this;
  }

  std::uint64_t count() const noexcept { return count_; }
  const content_hash& sum() const noexcept { return sum_; }
  /// 28 bits of the sum, for where a difference that is overlooked costs little.
  std::uint64_t short_sum() const noexcept { return sum_.low >> 36; }
  static digest of(std::uint64_t count, const content_hash& sum) noexcept {
    digest value;
    value.count_ = count;
    value.sum_ = sum;
    return value;
  }
  bool operator==(const digest&) const = default;

 private:
  std::uint64_t count_ = 0;
  content_hash sum_;
};

}  // namespace quicsync
