#define XXH_INLINE_ALL
#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <xxhash.h>

#include <quicsync/codec/limits.hpp>
#include <quicsync/codec/sketch.hpp>
#include <quicsync/codec/varint.hpp>

namespace quicsync {
namespace {

/// Must not be linear over exclusive or, or sums of items would pass for items.
std::uint32_t check_of(sketch_item item, std::uint64_t key) noexcept {
  return static_cast<std::uint32_t>(XXH3_64bits_withSeed(&item, sizeof(item), ~key));
}

/// Counts from the wire can be anything, so sums wrap.
std::int64_t wrapping_sum(std::int64_t a, std::int64_t b) noexcept {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

void combine(sketch_symbol& symbol, sketch_item item, std::uint32_t check, std::int64_t sign) noexcept {
  symbol.items ^= item;
  symbol.checks ^= check;
  symbol.count = wrapping_sum(symbol.count, sign);
}

/// What `total` items can be expected to leave at a place: the paper's density, 1/(1 + place/2), in whole numbers.
std::uint64_t expected_count(std::uint64_t place, std::uint64_t total) noexcept { return total / (1 + place / 2); }

constexpr std::size_t extension_symbols_min = 256;
constexpr std::size_t symbol_bytes_min = 8 + 4 + 1;

}  // namespace

sketch_item sketch_item_of(const content_hash& hash, std::uint64_t key) noexcept {
  const std::uint64_t halves[2] = {hash.low, hash.high};
  return XXH3_64bits_withSeed(halves, sizeof(halves), key);
}

void detail::sketch_places::next() noexcept {
  // A multiplicative generator modulo 2^64 (multiplier from Steele and Vigna, "Computationally easy, spectrally good
  // multipliers", 2021), then the inverse of the distribution of the distance to the next place (section 4.2 of the
  // paper). Every step is one correctly rounded operation of IEEE 754, so all implementations agree.
  constexpr std::uint64_t multiplier = 0xda942042e4dd58b5ull;
  constexpr double two_to_32 = 4294967296.0;
  state_ *= multiplier;
  const double stretch = two_to_32 / std::sqrt(static_cast<double>(state_ >> 1) * 2.0 + 2.0) - 1.0;
  const double distance = std::ceil((static_cast<double>(place_) + 1.5) * stretch);
  constexpr std::uint64_t place_end = 1ull << 40;  // far beyond every sketch; keeps the conversion in range
  if (!(distance < static_cast<double>(place_end)) || place_ >= place_end) {
    place_ = place_end;
    return;
  }
  place_ += std::max<std::uint64_t>(1, static_cast<std::uint64_t>(distance));
}

void sketch_source::add(const content_hash& hash) {
  const auto item = sketch_item_of(hash, key_);
  items_.push_back({item, detail::sketch_places(item)});
}

bool sketch_source::build(std::size_t symbols, std::size_t items_max) {
  symbols = std::min(symbols, limits::sketch_symbols);
  if (symbols <= ready_) return true;
  if (symbols_.size() <= ready_) {
    // Each extension visits every item, so extensions double.
    symbols_.resize(std::min(limits::sketch_symbols, std::max({symbols, 2 * ready_, extension_symbols_min})));
    next_item_ = 0;
  }
  // A build that was begun goes to its own end first.
  const auto end = std::min(items_.size(), next_item_ + items_max);
  for (; next_item_ < end; ++next_item_) {
    auto& each = items_[next_item_];
    if (each.places.place() >= symbols_.size()) continue;
    const auto check = check_of(each.item, key_);
    do {
      combine(symbols_[each.places.place()], each.item, check, 1);
      each.places.next();
    } while (each.places.place() < symbols_.size());
  }
  if (next_item_ < items_.size()) return false;
  ready_ = symbols_.size();
  return symbols <= ready_;
}

bool sketch_decoder::pure(const sketch_symbol& symbol) const noexcept {
  return (symbol.count == 1 || symbol.count == -1) && symbol.checks == check_of(symbol.items, key_);
}

/// Takes an item that was found out of all symbols so far, from its place on.
void sketch_decoder::place(found& each) {
  const auto check = check_of(each.item, key_);
  for (; each.places.place() < symbols_.size(); each.places.next()) {
    auto& symbol = symbols_[each.places.place()];
    combine(symbol, each.item, check, -each.sign);
    if (pure(symbol)) candidates_.push_back(each.places.place());
  }
}

result<void> sketch_decoder::add(std::span<const sketch_symbol> theirs, std::span<const sketch_symbol> ours) {
  const auto count = std::min(theirs.size(), ours.size());
  const auto begin = symbols_.size();
  if (count > limits::sketch_symbols - begin) return fail(errc::too_large, "sketch: more symbols than are taken");
  for (std::size_t i = 0; i < count; ++i) {
    symbols_.push_back({theirs[i].items ^ ours[i].items, theirs[i].checks ^ ours[i].checks,
                        wrapping_sum(theirs[i].count, wrapping_sum(~ours[i].count, 1))});
  }
  for (auto& each : found_) place(each);
  for (auto i = begin; i < symbols_.size(); ++i) candidates_.push_back(i);
  while (!candidates_.empty()) {
    const auto symbol = symbols_[candidates_.back()];
    candidates_.pop_back();
    if (!pure(symbol)) continue;
    // Each difference needs a symbol of its own to be found; more of them are made up.
    if (found_.size() >= symbols_.size()) return fail(errc::flood, "sketch: more differences than symbols");
    found_.push_back({symbol.items, detail::sketch_places(symbol.items), symbol.count});
    (symbol.count > 0 ? theirs_ : ours_).push_back(symbol.items);
    place(found_.back());
  }
  return {};
}

void append_symbols(byte_buffer& out, std::span<const sketch_symbol> symbols, std::uint64_t first,
                    std::uint64_t total) {
  for (std::size_t i = 0; i < symbols.size(); ++i) {
    detail::append_u64(out, symbols[i].items);
    for (int shift = 0; shift < 32; shift += 8) out.push_back(static_cast<std::uint8_t>(symbols[i].checks >> shift));
    const auto off = static_cast<std::uint64_t>(symbols[i].count) - expected_count(first + i, total);
    detail::append_varint(out, detail::zigzag(static_cast<std::int64_t>(off)));
  }
}

result<std::vector<sketch_symbol>> take_symbols(bytes_view bytes, std::uint64_t first, std::uint64_t total) {
  if (first > limits::sketch_symbols)
    return fail(errc::too_large, "sketch: begins beyond the last symbol that is taken");
  std::vector<sketch_symbol> symbols;
  symbols.reserve(std::min(bytes.size() / symbol_bytes_min, limits::sketch_symbols));
  detail::byte_reader in(bytes);
  while (!in.at_end()) {
    if (symbols.size() == limits::sketch_symbols) return fail(errc::too_large, "sketch: more symbols than are taken");
    sketch_symbol symbol;
    symbol.items = in.u64();
    for (const auto byte : in.take(4)) symbol.checks = symbol.checks >> 8 | static_cast<std::uint32_t>(byte) << 24;
    const auto off = static_cast<std::uint64_t>(detail::unzigzag(in.varint()));
    if (!in.ok()) return fail(errc::truncated, "sketch: ends within a symbol");
    symbol.count = static_cast<std::int64_t>(off + expected_count(first + symbols.size(), total));
    symbols.push_back(symbol);
  }
  return symbols;
}

}  // namespace quicsync
