// Numbers as bytes: LEB128 variable-length integers, least significant group first, always in their shortest form, and
// zigzag for signed ones. docs/WIRE.md, "numbers". Internal to codec/; pure functions.
#pragma once
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

#include <quicsync/codec/bytes.hpp>

namespace quicsync::detail {

inline constexpr std::size_t varint_bytes_max = 10;

constexpr std::uint64_t zigzag(std::int64_t value) noexcept {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
constexpr std::int64_t unzigzag(std::uint64_t value) noexcept {
  return static_cast<std::int64_t>((value >> 1) ^ (~(value & 1) + 1));
}

constexpr std::size_t varint_size(std::uint64_t value) noexcept {
  return (static_cast<std::size_t>(std::bit_width(value | 1)) + 6) / 7;
}

/// Writes at `to`, which has room for varint_bytes_max; returns the end.
inline std::uint8_t* put_varint(std::uint8_t* to, std::uint64_t value) noexcept {
  while (value >= 0x80) {
    *to++ = static_cast<std::uint8_t>(value | 0x80);
    value >>= 7;
  }
  *to++ = static_cast<std::uint8_t>(value);
  return to;
}

inline void append_varint(byte_buffer& out, std::uint64_t value) {
  std::uint8_t bytes[varint_bytes_max];
  out.insert(out.end(), bytes, put_varint(bytes, value));
}

inline void append_bytes(byte_buffer& out, bytes_view bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }
inline void append_bytes(byte_buffer& out, std::string_view text) { append_bytes(out, as_bytes(text)); }

inline void append_u64(byte_buffer& out, std::uint64_t value) {
  for (int shift = 0; shift < 64; shift += 8) out.push_back(static_cast<std::uint8_t>(value >> shift));
}

/// Reads forward through bytes that may end or lie at any place. After the first failure every further read fails too,
/// so that a decoder may read several fields and look once.
class byte_reader {
 public:
  byte_reader() = default;
  explicit byte_reader(bytes_view bytes) noexcept : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  bool ok() const noexcept { return ok_; }
  bool at_end() const noexcept { return at_ == end_; }
  std::size_t left() const noexcept { return static_cast<std::size_t>(end_ - at_); }
  const std::uint8_t* position() const noexcept { return at_; }

  std::uint8_t u8() noexcept {
    if (at_ == end_) return fail();
    return *at_++;
  }

  std::uint64_t varint() noexcept {
    if (at_ != end_ && *at_ < 0x80) return *at_++;
    return long_varint();
  }

  std::uint64_t u64() noexcept {
    const auto bytes = take(8);
    std::uint64_t value = 0;
    for (std::size_t i = bytes.size(); i-- > 0;) value = value << 8 | bytes[i];
    return value;
  }

  /// `count` bytes; empty after a failure.
  bytes_view take(std::uint64_t count) noexcept {
    if (!ok_ || count > left()) {
      fail();
      return {};
    }
    const bytes_view taken(at_, static_cast<std::size_t>(count));
    at_ += count;
    return taken;
  }

  std::string_view text(std::uint64_t count) noexcept { return as_text(take(count)); }
  bytes_view rest() noexcept { return take(left()); }

  std::uint8_t fail() noexcept {
    ok_ = false;
    at_ = end_;
    return 0;
  }

 private:
  [[gnu::noinline]] std::uint64_t long_varint() noexcept {
    // Up to eight bytes at once, where so many are there to be looked at: timestamps take six or seven.
    if constexpr (std::endian::native == std::endian::little)
      if (std::uint64_t word = 0; left() >= sizeof(word)) {
        std::memcpy(&word, at_, sizeof(word));
        if (const std::uint64_t ends = ~word & 0x8080808080808080; ends != 0) return short_of(word, ends & (~ends + 1));
      }
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (at_ == end_) return fail();
      const std::uint8_t byte = *at_++;
      if (shift == 63 && byte > 1) return fail();
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return byte == 0 && shift > 0 ? fail() : value;  // a zero at the end: not the shortest form
    }
    return fail();
  }

  /// The number at the beginning of `word`; `end`: the highest bit of its last byte.
  std::uint64_t short_of(std::uint64_t word, std::uint64_t end) noexcept {
    const auto bytes = static_cast<unsigned>(std::countr_zero(end)) / 8 + 1;
    word &= end | (end - 1);
    if (bytes > 1 && word >> (8 * bytes - 8) == 0) return fail();  // not the shortest form
    at_ += bytes;
    // Groups of 7 bits close up by twos.
    word &= 0x7f7f7f7f7f7f7f7f;
    word = (word & 0x7f007f007f007f00) >> 1 | (word & 0x007f007f007f007f);
    word = (word & 0x3fff00003fff0000) >> 2 | (word & 0x00003fff00003fff);
    return (word & 0x0fffffff00000000) >> 4 | (word & 0x000000000fffffff);
  }

  const std::uint8_t* at_ = nullptr;
  const std::uint8_t* end_ = nullptr;
  bool ok_ = true;
};

/// The same for bytes that a byte_reader has read before without a failure, field for field: looks at nothing twice.
class sure_reader {
 public:
  explicit sure_reader(bytes_view bytes) noexcept : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  static constexpr bool ok() noexcept { return true; }
  static constexpr void fail() noexcept {}
  const std::uint8_t* position() const noexcept { return at_; }
  std::uint8_t u8() noexcept { return *at_++; }
  std::uint64_t varint() noexcept {
    if (*at_ < 0x80) return *at_++;
    byte_reader rest({at_, end_});
    const auto value = rest.varint();
    at_ = rest.position();
    return value;
  }
  bytes_view take(std::uint64_t count) noexcept {
    const bytes_view taken(at_, static_cast<std::size_t>(count));
    at_ += count;
    return taken;
  }
  std::string_view text(std::uint64_t count) noexcept { return as_text(take(count)); }
  bytes_view rest() noexcept { return take(static_cast<std::size_t>(end_ - at_)); }

 private:
  const std::uint8_t* at_;
  const std::uint8_t* end_;
};

}  // namespace quicsync::detail
