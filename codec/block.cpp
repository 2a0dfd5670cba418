#include <algorithm>

#include <fmt/format.h>
#include <lz4.h>

#include <quicsync/codec/block.hpp>
#include <quicsync/codec/block_context.hpp>
#include <quicsync/codec/limits.hpp>
#include <quicsync/codec/record_parts.hpp>

namespace quicsync {
namespace {

using detail::block_context;
using detail::byte_reader;

// First byte of a block.
constexpr std::uint8_t flag_fresh = 0x01;  ///< history and context begin anew
constexpr std::uint8_t flag_lz4 = 0x02;    ///< the rest is compressed
constexpr std::uint8_t flag_alone = 0x04;  ///< one large record, coded without history and not entering it
constexpr std::uint8_t flags_known = 0x07;

constexpr std::size_t history_bytes = 64u << 10;                   // as far back as lz4 can refer
constexpr std::size_t packed_bytes_max = 2 * limits::block_bytes;  // the records of a block as they are coded
constexpr std::size_t window_bytes = history_bytes + packed_bytes_max;
constexpr std::size_t lz4_ratio_max = 255;  // an lz4 byte stands for no more than this

/// The last 64 KB that went through a lane, with room behind them for the next block.
class window {
 public:
  void release() { *this = window(); }
  void clear() noexcept { end_ = 0; }
  bool made() const noexcept { return storage_ != nullptr; }

  /// Room for `count` bytes at at(); the history may move to the front for it. True if it moved.
  bool make_room(std::size_t count) {
    if (!storage_) storage_.reset(new std::uint8_t[window_bytes]);
    if (window_bytes - end_ >= count) return false;
    const auto kept = history();
    std::memmove(storage_.get(), storage_.get() + end_ - kept, kept);
    end_ = kept;
    return true;
  }
  std::uint8_t* at() noexcept { return storage_.get() + end_; }
  std::size_t history() const noexcept { return std::min(end_, history_bytes); }
  void advance(std::size_t count) noexcept { end_ += count; }

 private:
  std::unique_ptr<std::uint8_t[]> storage_;
  std::size_t end_ = 0;
};

std::size_t packed_bound(std::span<const bytes_view> records) {
  std::size_t bound = 0;
  for (const auto& record : records) bound += detail::packed_record_bound(record.size());
  return bound;
}

}  // namespace

struct block_encoder::state {
  window history;
  block_context context;
  bool begun = false;
  LZ4_stream_t stream;
};

block_encoder::block_encoder(bool compress) : compress_(compress) {}
block_encoder::~block_encoder() = default;
block_encoder::block_encoder(block_encoder&&) noexcept = default;
block_encoder& block_encoder::operator=(block_encoder&&) noexcept = default;

void block_encoder::release() { state_.reset(); }

namespace {

/// Appends a block's bytes: flags, size where compressed, and the smaller of `packed` and what `compress` makes of it.
template <class Compress>
void append_smaller(byte_buffer& out, std::uint8_t flags, bytes_view packed, bool try_lz4, Compress&& compress) {
  const auto begin = out.size();
  if (try_lz4) {
    const auto head = 1 + detail::varint_size(packed.size());
    const auto capacity = static_cast<std::size_t>(LZ4_compressBound(static_cast<int>(packed.size())));
    out.resize(begin + head + capacity);
    const int size = compress(reinterpret_cast<char*>(out.data() + begin + head), static_cast<int>(capacity));
    if (size > 0 && head + static_cast<std::size_t>(size) < 1 + packed.size()) {
      out[begin] = flags | flag_lz4;
      detail::put_varint(out.data() + begin + 1, packed.size());
      out.resize(begin + head + static_cast<std::size_t>(size));
      return;
    }
    out.resize(begin);
  }
  out.push_back(flags);
  out.insert(out.end(), packed.begin(), packed.end());
}

}  // namespace

void block_encoder::append(byte_buffer& out, std::span<const bytes_view> records, bool fresh) {
  const auto bound = packed_bound(records);
  if (bound > packed_bytes_max) {
    byte_buffer packed(bound);
    block_context alone;
    auto* to = packed.data();
    for (const auto& record : records) to = alone.pack(to, record);
    packed.resize(static_cast<std::size_t>(to - packed.data()));
    append_smaller(out, flag_alone, packed, compress_, [&](char* target, int capacity) {
      return LZ4_compress_default(reinterpret_cast<const char*>(packed.data()), target, static_cast<int>(packed.size()),
                                  capacity);
    });
    return;
  }
  if (!state_) {
    state_ = std::make_unique<state>();
    LZ4_initStream(&state_->stream, sizeof(state_->stream));
  }
  auto& s = *state_;
  fresh = fresh || !s.begun;
  if (fresh) {
    s.begun = true;
    s.context = block_context();
    s.history.clear();
    if (compress_) LZ4_resetStream_fast(&s.stream);
  }
  if (s.history.make_room(bound) && compress_) {
    LZ4_loadDict(&s.stream, reinterpret_cast<const char*>(s.history.at() - s.history.history()),
                 static_cast<int>(s.history.history()));
  }
  auto* const first = s.history.at();
  auto* to = first;
  for (const auto& record : records) to = s.context.pack(to, record);
  const bytes_view packed(first, static_cast<std::size_t>(to - first));
  s.history.advance(packed.size());
  append_smaller(out, fresh ? flag_fresh : std::uint8_t{0}, packed, compress_, [&](char* target, int capacity) {
    return LZ4_compress_fast_continue(&s.stream, reinterpret_cast<const char*>(first), target,
                                      static_cast<int>(packed.size()), capacity, 1);
  });
}

struct block_decoder::state {
  window history;
  block_context context;
  bool begun = false;
};

block_decoder::block_decoder() = default;
block_decoder::~block_decoder() = default;
block_decoder::block_decoder(block_decoder&&) noexcept = default;
block_decoder& block_decoder::operator=(block_decoder&&) noexcept = default;

void block_decoder::release() { state_.reset(); }

namespace {

/// The size a block announces for its packed records. `rest`: the bytes after flags, of which the size is taken.
result<std::size_t> announced_size(std::uint8_t flags, byte_reader& rest) {
  const bool lz4 = (flags & flag_lz4) != 0;
  const std::uint64_t size = lz4 ? rest.varint() : rest.left();
  if (!rest.ok()) return fail(errc::truncated, "block: ends in its size");
  const auto most = (flags & flag_alone) != 0 ? detail::packed_record_bound(limits::pattern_bytes) : packed_bytes_max;
  if (size > most)
    return fail(errc::too_large, fmt::format("block: {} bytes of records, at most {} are taken", size, most));
  if (lz4 && size > rest.left() * lz4_ratio_max)
    return fail(errc::bad_block, "block: announces more than lz4 can hold");
  return static_cast<std::size_t>(size);
}

/// `bytes_max`: of all records together. Packed, an id is its distance from the one before it, so that few bytes could
/// stand for many.
result<void> unpack_all(block_context& context, bytes_view packed, std::size_t bytes_max, slab_builder& out,
                        std::vector<slab_ptr>& full) {
  byte_reader in(packed);
  std::size_t bytes = 0, records = 0;
  while (!in.at_end()) {
    if (out.full()) full.push_back(out.finish());
    const auto before = out.record_bytes();
    if (auto ok = out.add_packed(context, in); !ok) return ok;
    bytes += out.record_bytes() - before;
    if (bytes > bytes_max || ++records > limits::block_records) {
      return fail(errc::too_large,
                  fmt::format("block: unpacks to more than {} bytes or {} records", bytes_max, limits::block_records));
    }
  }
  if (out.full()) full.push_back(out.finish());
  return {};
}

}  // namespace

result<void> block_decoder::decode(bytes_view block, slab_builder& out, std::vector<slab_ptr>& full) {
  if (block.empty()) return fail(errc::truncated, "block: empty");
  const auto flags = block[0];
  if ((flags & ~flags_known) != 0) return fail(errc::bad_block, "block: unknown flags");
  byte_reader rest(block.subspan(1));
  const auto size = announced_size(flags, rest);
  if (!size) return fail(size.error());
  const auto payload = rest.rest();
  const bool lz4 = (flags & flag_lz4) != 0;
  if ((flags & flag_alone) != 0) {
    block_context context;
    if (!lz4) return unpack_all(context, payload, limits::pattern_bytes, out, full);
    std::unique_ptr<std::uint8_t[]> packed(new std::uint8_t[*size + 1]);
    const int got =
        LZ4_decompress_safe(reinterpret_cast<const char*>(payload.data()), reinterpret_cast<char*>(packed.get()),
                            static_cast<int>(payload.size()), static_cast<int>(*size));
    if (got < 0 || static_cast<std::size_t>(got) != *size) return fail(errc::bad_block, "block: does not decompress");
    return unpack_all(context, {packed.get(), *size}, limits::pattern_bytes, out, full);
  }
  if (!state_) state_ = std::make_unique<state>();
  auto& s = *state_;
  if ((flags & flag_fresh) != 0) {
    s.begun = true;
    s.context = block_context();
    s.history.clear();
  } else if (!s.begun) {
    return fail(errc::bad_block, "block: refers to a history that was not sent");
  }
  s.history.make_room(*size);
  auto* const first = s.history.at();
  if (lz4) {
    const auto history = s.history.history();
    const int got = LZ4_decompress_safe_usingDict(
        reinterpret_cast<const char*>(payload.data()), reinterpret_cast<char*>(first), static_cast<int>(payload.size()),
        static_cast<int>(*size), reinterpret_cast<const char*>(first - history), static_cast<int>(history));
    if (got < 0 || static_cast<std::size_t>(got) != *size) return fail(errc::bad_block, "block: does not decompress");
  } else if (!payload.empty()) {
    std::memcpy(first, payload.data(), payload.size());
  }
  s.history.advance(*size);
  return unpack_all(s.context, {first, *size}, packed_bytes_max, out, full);
}

}  // namespace quicsync
