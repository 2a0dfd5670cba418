#define XXH_INLINE_ALL
#include <algorithm>
#include <array>
#include <cmath>
#include <new>

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

void combine(sketch_symbol& symbol, const detail::sketch_walk& walk, std::int64_t sign) noexcept {
  symbol.items ^= walk.item();
  symbol.checks ^= walk.check();
  symbol.count = wrapping_sum(symbol.count, sign);
}

/// What `total` items can be expected to leave at a place: the paper's density, 1/(1 + place/2), in whole numbers.
std::uint64_t expected_count(std::uint64_t place, std::uint64_t total) noexcept { return total / (1 + place / 2); }

constexpr std::size_t extension_symbols_min = 256, extension_factor = 4;
constexpr std::size_t room_begun = 16384;
constexpr std::size_t page_symbols = 4096 / sizeof(sketch_symbol), page_items = 4;
constexpr std::size_t together = 256;       // items that are placed in turn; they stay in the nearest cache
constexpr std::size_t estimate_begins = 2;  // every item falls to place 0, most to 1
constexpr std::size_t symbol_bytes_min = 8 + 4 + 1;

}  // namespace

sketch_item sketch_item_of(const content_hash& hash, std::uint64_t key) noexcept {
  const std::uint64_t halves[2] = {hash.low, hash.high};
  return XXH3_64bits_withSeed(halves, sizeof(halves), key);
}

std::uint64_t sketch_id_of(std::string_view id, std::uint64_t key) noexcept {
  return XXH3_64bits_withSeed(id.data(), id.size(), key);
}

detail::sketch_walk::sketch_walk(sketch_item item, std::uint64_t key) noexcept
    : item_(item), state_(item | 1), check_(check_of(item, key)) {}

inline void detail::sketch_walk::next() noexcept {
  // A multiplicative generator modulo 2^64 (multiplier from Steele and Vigna, "Computationally easy, spectrally good
  // multipliers", 2021), then the inverse of the distribution of the distance to the next place (section 4.2 of the
  // paper). Every step is one correctly rounded operation of IEEE 754, so all implementations agree.
  constexpr std::uint64_t multiplier = 0xda942042e4dd58b5ull;
  constexpr double two_to_32 = 4294967296.0;
  constexpr std::uint32_t place_end = 0xffffffff;  // far beyond every sketch
  state_ *= multiplier;
  const double stretch =
      two_to_32 / std::sqrt(static_cast<double>(static_cast<std::int64_t>(state_ >> 1)) * 2.0 + 2.0) - 1.0;
  const double distance = (static_cast<double>(place_) + 1.5) * stretch;
  if (!(distance < static_cast<double>(place_end - place_) - 1.0)) {
    place_ = place_end;
    return;
  }
  // Rounded up by hand: the baseline processor has no instruction for it, and a call costs more than all the rest.
  auto whole = static_cast<std::int64_t>(distance);
  whole += static_cast<double>(whole) < distance ? 1 : 0;
  place_ += static_cast<std::uint32_t>(std::max<std::int64_t>(1, whole));
}

void sketch_source::make_room(std::size_t symbols) {
  if (symbols <= room_) return;
  room_ = symbols <= room_begun ? room_begun : limits::sketch_symbols;
  decltype(symbols_) larger(static_cast<sketch_symbol*>(std::calloc(room_, sizeof(sketch_symbol))), &std::free);
  if (!larger) throw std::bad_alloc();
  std::copy_n(symbols_.get(), ready_, larger.get());
  symbols_ = std::move(larger);
}

void sketch_source::add(const content_hash& hash) { items_.emplace_back(sketch_item_of(hash, key_), key_); }

bool sketch_source::build(std::size_t symbols, std::size_t items_max) {
  symbols = std::min(symbols, limits::sketch_symbols);
  if (symbols <= ready_) return true;
  if (size_ <= ready_) {
    // Each extension visits every item, so there are few of them.
    size_ = std::min(limits::sketch_symbols, std::max({symbols, extension_factor * ready_, extension_symbols_min}));
    make_room(size_);
    next_item_ = 0;
  }
  // The system hands out a page when it is first written to, which costs as much as a few items.
  for (; touched_ < size_ && items_max > 0; touched_ += page_symbols) {
    symbols_[touched_] = {};
    items_max -= std::min(items_max, page_items);
  }
  // A build that was begun goes to its own end first.
  const auto end = std::min(items_.size(), next_item_ + items_max);
  while (next_item_ < end) {
    const auto last = std::min(end, next_item_ + together);
    place(next_item_, last);
    next_item_ = last;
  }
  if (next_item_ < items_.size()) return false;
  ready_ = size_;
  return symbols <= ready_;
}

/// Puts the items from `first` up to `last` where they fall to. One step of each in turn: the steps of one item wait
/// for each other, those of different items do not.
void sketch_source::place(std::size_t first, std::size_t last) {
  std::array<std::size_t, together> going;
  std::size_t count = 0;
  for (auto i = first; i < last; ++i) {
    going[count] = i;
    count += items_[i].place() < size_ ? 1 : 0;
  }
  while (count > 0) {
    std::size_t left = 0;
    for (std::size_t i = 0; i < count; ++i) {
      auto& walk = items_[going[i]];
      combine(symbols_[walk.place()], walk, 1);
      walk.next();
      going[left] = going[i];
      left += walk.place() < size_ ? 1 : 0;
    }
    count = left;
  }
}

// A difference falls to a place with a known probability, with the sign of its side: the square of what the counts
// differ by is expected to be that of the surplus' share, and one variance for each difference.
void sketch_decoder::weigh(std::size_t place) noexcept {
  const auto count = static_cast<double>(symbols_[place].count);
  if (place == 0) surplus_ = symbols_[place].count;
  if (place < estimate_begins) return;
  const double density = 1.0 / (1.0 + static_cast<double>(place) / 2.0);
  const double shared = density * static_cast<double>(surplus_);
  squares_ += (count * count - shared * shared) / (density * (1.0 - density));
}

double sketch_decoder::estimate() const noexcept {
  if (symbols_.size() < estimate_begins + 8) return 0;
  const double mean = squares_ / static_cast<double>(symbols_.size() - estimate_begins);
  return std::max({mean, std::abs(static_cast<double>(surplus_)), static_cast<double>(found_.size())});
}

bool sketch_decoder::pure(const sketch_symbol& symbol) const noexcept {
  return (symbol.count == 1 || symbol.count == -1) && symbol.checks == check_of(symbol.items, key_);
}

/// Takes an item that was found out of all symbols so far, from its place on.
void sketch_decoder::place(found& each) {
  for (; each.walk.place() < symbols_.size(); each.walk.next()) {
    auto& symbol = symbols_[each.walk.place()];
    combine(symbol, each.walk, -each.sign);
    if (pure(symbol)) candidates_.push_back(each.walk.place());
  }
}

result<void> sketch_decoder::add(std::span<const sketch_symbol> theirs, std::span<const sketch_symbol> ours) {
  const auto count = std::min(theirs.size(), ours.size());
  const auto begin = symbols_.size();
  if (count > limits::sketch_symbols - begin) return fail(errc::too_large, "sketch: more symbols than are taken");
  for (std::size_t i = 0; i < count; ++i) {
    symbols_.push_back({theirs[i].items ^ ours[i].items, theirs[i].checks ^ ours[i].checks,
                        wrapping_sum(theirs[i].count, wrapping_sum(~ours[i].count, 1))});
    weigh(begin + i);
  }
  for (auto& each : found_) place(each);
  for (auto i = begin; i < symbols_.size(); ++i) candidates_.push_back(i);
  while (!candidates_.empty()) {
    const auto symbol = symbols_[candidates_.back()];
    candidates_.pop_back();
    if (!pure(symbol)) continue;
    // Each difference needs a symbol of its own to be found; more of them are made up.
    if (found_.size() >= symbols_.size()) return fail(errc::flood, "sketch: more differences than symbols");
    found_.push_back({detail::sketch_walk(symbol.items, key_), symbol.count});
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
