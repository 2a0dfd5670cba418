#include <algorithm>

#include <fmt/format.h>
#include <lz4.h>

#include <quicsync/codec/block.hpp>
#include <quicsync/codec/block_context.hpp>
#include <quicsync/codec/delta_limits.hpp>
#include <quicsync/codec/limits.hpp>
#include <quicsync/codec/record_parts.hpp>

namespace quicsync {
namespace {

using detail::block_context;
using detail::byte_reader;

// First byte of a block.
constexpr std::uint8_t flag_fresh = 0x01;   ///< history and context begin anew
constexpr std::uint8_t flag_lz4 = 0x02;     ///< the rest is compressed
constexpr std::uint8_t flag_alone = 0x04;   ///< one large record, coded without history and not entering it
constexpr std::uint8_t flag_deltas = 0x08;  ///< some records stand as deltas
constexpr std::uint8_t flags_known = 0x07;  ///< of a block without deltas

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
  append(out, records, {}, fresh);
}

namespace {

/// Writes the packed records; returns the end.
std::uint8_t* pack_all(block_context& context, std::uint8_t* to, std::span<const bytes_view> records,
                       std::span<const block_delta> deltas) {
  if (deltas.empty()) {
    for (const auto& record : records) to = context.pack(to, record);
    return to;
  }
  auto next = deltas.begin();
  for (std::uint32_t i = 0; i < records.size(); ++i) {
    if (next == deltas.end() || next->place != i) {
      to = context.pack_whole(to, records[i]);
    } else {
      to = context.pack_delta(to, records[i], next->kept, next->check);
      ++next;
    }
  }
  return to;
}

}  // namespace

void block_encoder::append(byte_buffer& out, std::span<const bytes_view> records, std::span<const block_delta> deltas,
                           bool fresh) {
  const auto bound =
      packed_bound(records) + deltas.size() * (detail::packed_delta_bound(0) - detail::packed_record_bound(0));
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
  const auto* const end = pack_all(s.context, first, records, deltas);
  const bytes_view packed(first, static_cast<std::size_t>(end - first));
  s.history.advance(packed.size());
  const auto flags = static_cast<std::uint8_t>((fresh ? flag_fresh : 0) | (deltas.empty() ? 0 : flag_deltas));
  append_smaller(out, flags, packed, compress_, [&](char* target, int capacity) {
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
  auto packed = unpack_linked(flags, payload, *size);
  if (!packed) return fail(std::move(packed.error()));
  return unpack_all(state_->context, *packed, packed_bytes_max, out, full);
}

/// The packed records of a block that enters the history.
result<bytes_view> block_decoder::unpack_linked(std::uint8_t flags, bytes_view payload, std::size_t size) {
  if (!state_) state_ = std::make_unique<state>();
  auto& s = *state_;
  if ((flags & flag_fresh) != 0) {
    s.begun = true;
    s.context = block_context();
    s.history.clear();
  } else if (!s.begun) {
    return fail(errc::bad_block, "block: refers to a history that was not sent");
  }
  s.history.make_room(size);
  auto* const first = s.history.at();
  if ((flags & flag_lz4) != 0) {
    const auto history = s.history.history();
    const int got = LZ4_decompress_safe_usingDict(
        reinterpret_cast<const char*>(payload.data()), reinterpret_cast<char*>(first), static_cast<int>(payload.size()),
        static_cast<int>(size), reinterpret_cast<const char*>(first - history), static_cast<int>(history));
    if (got < 0 || static_cast<std::size_t>(got) != size) return fail(errc::bad_block, "block: does not decompress");
  } else if (!payload.empty()) {
    std::memcpy(first, payload.data(), payload.size());
  }
  s.history.advance(size);
  return bytes_view(first, size);
}

bool block_decoder::has_deltas(bytes_view block) noexcept { return !block.empty() && (block[0] & flag_deltas) != 0; }

result<delta_block> block_decoder::decode_deltas(bytes_view block, std::uint64_t key_seed) {
  if (!has_deltas(block)) return fail(errc::bad_block, "block: no deltas in it");
  const auto flags = static_cast<std::uint8_t>(block[0] & ~flag_deltas);
  if ((flags & ~flags_known) != 0 || (flags & flag_alone) != 0) return fail(errc::bad_block, "block: unknown flags");
  byte_reader rest(block.subspan(1));
  const auto size = announced_size(flags, rest);
  if (!size) return fail(size.error());
  const auto packed = unpack_linked(flags, rest.rest(), *size);
  if (!packed) return fail(packed.error());

  delta_block out;
  slab_builder whole(key_seed);
  block_context::unpacked record;
  block_context::unpacked_delta delta;
  byte_buffer scratch;
  byte_reader in(*packed);
  for (std::uint32_t place = 0; !in.at_end(); ++place) {
    if (place == limits::delta_block_records)
      return fail(errc::too_large, fmt::format("block: deltas among more than {} records", place));
    if (!state_->context.unpack(record, delta, in))
      return fail(errc::bad_block, "block: a packed record that ends early or is out of range");
    if (!delta.is_delta) {
      std::string_view id;
      scratch.resize(record.size_bound());
      scratch.resize(static_cast<std::size_t>(record.write(scratch.data(), id) - scratch.data()));
      if (auto added = whole.add_record(scratch); !added) return fail(std::move(added.error()));
    } else {
      const auto id_bytes = record.id_prefix.size() + record.id_rest.size();
      const auto body_bytes = delta.kept.bytes() + record.body.size();
      if (id_bytes > limits::id_bytes || body_bytes > limits::delta_record_bytes)
        return fail(errc::too_large, "block: a delta of a larger record than one may stand for");
      const auto offset = static_cast<std::uint32_t>(out.bytes_.size());
      detail::append_bytes(out.bytes_, record.id_prefix);
      detail::append_bytes(out.bytes_, record.id_rest);
      detail::append_bytes(out.bytes_, record.body);
      out.deltas_.push_back({place, delta.kept, 0, record.version, record.timestamp, delta.check, offset,
                             static_cast<std::uint32_t>(id_bytes), static_cast<std::uint32_t>(record.body.size())});
      out.deltas_.back().key = key_of(out.id(out.deltas_.back()), key_seed);
      out.rebuilt_bytes_ += id_bytes + body_bytes;
    }
    if (out.rebuilt_bytes_ + whole.record_bytes() > packed_bytes_max)
      return fail(errc::too_large, fmt::format("block: stands for more than {} bytes", packed_bytes_max));
  }
  out.whole_ = whole.finish();
  return out;
}

}  // namespace quicsync
