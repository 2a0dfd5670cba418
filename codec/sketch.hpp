// Sketches: finding what two sets of records do not share, at a cost that goes by the differences alone. Rateless
// invertible Bloom lookup tables: Yang, Gilad, Alizadeh, "Practical Rateless Set Reconciliation", SIGCOMM 2024.
// docs/WIRE.md, "sketch". Built on demand and in slices: nothing here is kept up while records change. One thread at a
// time.
#pragma once
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include <quicsync/codec/bytes.hpp>
#include <quicsync/codec/error.hpp>
#include <quicsync/codec/record.hpp>

namespace quicsync {

/// A record in a sketch: its content hash under the connection's key. Who does not know the key cannot make two
/// collide.
using sketch_item = std::uint64_t;
sketch_item sketch_item_of(const content_hash& hash, std::uint64_t key) noexcept;
/// An id under the connection's key, to speak of it in eight bytes.
std::uint64_t sketch_id_of(std::string_view id, std::uint64_t key) noexcept;

/// One coded symbol: the items that fall to it, combined.
struct sketch_symbol {
  std::uint64_t items = 0;   ///< exclusive or of the items
  std::uint32_t checks = 0;  ///< exclusive or of their checks
  std::int64_t count = 0;    ///< how many
  bool operator==(const sketch_symbol&) const = default;
};

namespace detail {
/// An item and its places in the endless row of symbols: ascending, the first is 0, and they thin out.
class sketch_walk {
 public:
  sketch_walk(sketch_item item, std::uint64_t key) noexcept;
  sketch_item item() const noexcept { return item_; }
  std::uint32_t check() const noexcept { return check_; }
  std::uint32_t place() const noexcept { return place_; }
  void next() noexcept;

 private:
  sketch_item item_;
  std::uint64_t state_;
  std::uint32_t check_;
  std::uint32_t place_ = 0;
};
}  // namespace detail

/// One side's set, and as many symbols of it as were asked for. 24 bytes an item while it lives.
class sketch_source {
 public:
  explicit sketch_source(std::uint64_t key) noexcept : key_(key) {}

  void reserve(std::size_t items) { items_.reserve(items); }
  /// All of them before the first build().
  void add(const content_hash& hash);
  std::size_t size() const noexcept { return items_.size(); }
  /// In the order in which they were added.
  sketch_item item(std::size_t index) const noexcept { return items_[index].item(); }

  /// Works towards `symbols` symbols for at most `items_max` items; true once they are there. 1024 items take well
  /// under a millisecond, so a caller with an event loop comes back for the rest.
  bool build(std::size_t symbols, std::size_t items_max);
  /// Symbols that are complete, which can be more than were asked for. Valid until the next build().
  std::span<const sketch_symbol> symbols() const noexcept { return {symbols_.get(), ready_}; }

 private:
  void make_room(std::size_t symbols);
  void place(std::size_t first, std::size_t last);

  std::uint64_t key_;
  std::vector<detail::sketch_walk> items_;
  // Room for a few, then at once for limits::sketch_symbols, of which only touched pages take memory: growing copies
  // little and clears nothing, so no slice is longer than the others.
  std::unique_ptr<sketch_symbol[], decltype(&std::free)> symbols_{nullptr, &std::free};
  std::size_t room_ = 0;
  std::size_t size_ = 0;  ///< symbols that are being built
  std::size_t touched_ = 0;
  std::size_t ready_ = 0;  ///< symbols that are complete
  std::size_t next_item_ = 0;
};

/// Takes the other side's symbols against one's own and finds the differences.
class sketch_decoder {
 public:
  explicit sketch_decoder(std::uint64_t key) noexcept : key_(key) {}

  /// The next symbols, both sides' from the same place on and equally many. Errors: flood where they give more
  /// differences than symbols (they then are no sketches of one key).
  result<void> add(std::span<const sketch_symbol> theirs, std::span<const sketch_symbol> ours);

  /// Symbols taken so far.
  std::size_t size() const noexcept { return symbols_.size(); }
  /// About how many differences there are, by the counts alone and so long before they are found; within a tenth from
  /// some hundred symbols on. 0 where there are too few to tell.
  double estimate() const noexcept;
  /// Every difference is found.
  bool complete() const noexcept { return !symbols_.empty() && symbols_[0] == sketch_symbol{}; }
  /// Items only the other side has, and only this side; in the order in which they were found.
  const std::vector<sketch_item>& theirs() const noexcept { return theirs_; }
  const std::vector<sketch_item>& ours() const noexcept { return ours_; }

 private:
  struct found {
    detail::sketch_walk walk;
    std::int64_t sign;
  };
  bool pure(const sketch_symbol& symbol) const noexcept;
  void place(found& each);
  void weigh(std::size_t place) noexcept;

  std::uint64_t key_;
  double squares_ = 0;  ///< sum of the squared differences of counts, each by what one difference adds to it
  std::int64_t surplus_ = 0;
  std::vector<sketch_symbol> symbols_;
  std::vector<found> found_;
  std::vector<std::size_t> candidates_;
  std::vector<sketch_item> theirs_, ours_;
};

/// Symbols as bytes: `first` is the place of the first, `total` the count in symbol 0, which predicts the others.
void append_symbols(byte_buffer& out, std::span<const sketch_symbol> symbols, std::uint64_t first, std::uint64_t total);
/// Errors: truncated, too_large (over limits::sketch_symbols).
result<std::vector<sketch_symbol>> take_symbols(bytes_view bytes, std::uint64_t first, std::uint64_t total);

}  // namespace quicsync
