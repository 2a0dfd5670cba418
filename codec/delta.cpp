#include <algorithm>

#include <lz4.h>

#include <quicsync/codec/delta.hpp>
#include <quicsync/codec/limits.hpp>
#include <quicsync/codec/record_parts.hpp>

namespace quicsync {
namespace {

using detail::append_bytes;
using detail::append_varint;
using detail::byte_reader;
using detail::head_of;
using detail::unzigzag;
using detail::zigzag;

constexpr std::size_t check_bytes = 4;
constexpr std::size_t lz4_from_bytes = 24;  // below this a middle is hardly ever worth compressing
constexpr std::size_t lz4_dictionary_bytes = 64u << 10;
constexpr std::size_t lz4_ratio_max = 255;

std::uint32_t check_of(bytes_view record) noexcept { return static_cast<std::uint32_t>(hash_of(record).low); }

/// What lz4 may refer to: the last 64 KB of the base's body.
bytes_view dictionary_of(bytes_view body) noexcept { return body.last(std::min(body.size(), lz4_dictionary_bytes)); }

byte_buffer compress(bytes_view middle, bytes_view base_body) {
  const auto dictionary = dictionary_of(base_body);
  byte_buffer out(static_cast<std::size_t>(LZ4_compressBound(static_cast<int>(middle.size()))));
  LZ4_stream_t stream;
  LZ4_initStream(&stream, sizeof(stream));
  LZ4_loadDict(&stream, reinterpret_cast<const char*>(dictionary.data()), static_cast<int>(dictionary.size()));
  const int size = LZ4_compress_fast_continue(&stream, reinterpret_cast<const char*>(middle.data()),
                                              reinterpret_cast<char*>(out.data()), static_cast<int>(middle.size()),
                                              static_cast<int>(out.size()), 1);
  out.resize(static_cast<std::size_t>(std::max(size, 0)));
  return out;
}

}  // namespace

std::uint64_t base_reference(const content_hash& hash) noexcept { return hash.low; }

void append_delta(byte_buffer& out, bytes_view base, bytes_view next) {
  const auto from = head_of(base);
  const auto to = head_of(next);
  detail::append_u64(out, base_reference(hash_of(base)));
  const auto check = check_of(next);
  for (std::size_t i = 0; i < check_bytes; ++i) out.push_back(static_cast<std::uint8_t>(check >> 8 * i));
  append_varint(out, zigzag(static_cast<std::int64_t>(to.version - from.version)));
  append_varint(out, zigzag(static_cast<std::int64_t>(to.timestamp - from.timestamp)));
  const auto prefix = static_cast<std::size_t>(
      std::mismatch(from.body.begin(), from.body.end(), to.body.begin(), to.body.end()).first - from.body.begin());
  const auto shorter = std::min(from.body.size(), to.body.size()) - prefix;
  const auto suffix = static_cast<std::size_t>(
      std::mismatch(from.body.rbegin(), from.body.rbegin() + static_cast<std::ptrdiff_t>(shorter), to.body.rbegin())
          .first -
      from.body.rbegin());
  const auto middle = to.body.subspan(prefix, to.body.size() - prefix - suffix);
  append_varint(out, prefix);
  append_varint(out, suffix);
  // The lowest bit of the middle's size says that it is compressed; then the compressed size follows.
  if (middle.size() >= lz4_from_bytes) {
    const auto packed = compress(middle, from.body);
    if (!packed.empty() && packed.size() + 2 < middle.size()) {
      append_varint(out, middle.size() << 1 | 1);
      append_varint(out, packed.size());
      append_bytes(out, packed);
      return;
    }
  }
  append_varint(out, middle.size() << 1);
  append_bytes(out, middle);
}

result<delta_view> take_delta(bytes_view& bytes) {
  byte_reader in(bytes);
  delta_view delta;
  delta.base = in.u64();
  for (const auto byte : in.take(check_bytes)) delta.check = delta.check >> 8 | static_cast<std::uint32_t>(byte) << 24;
  delta.version_step = unzigzag(in.varint());
  delta.timestamp_step = unzigzag(in.varint());
  delta.prefix_bytes = in.varint();
  delta.suffix_bytes = in.varint();
  const auto middle = in.varint();
  delta.middle_lz4 = (middle & 1) != 0;
  delta.middle_bytes = middle >> 1;
  if (std::max({delta.prefix_bytes, delta.suffix_bytes, delta.middle_bytes}) > limits::pattern_bytes) {
    return fail(errc::too_large, "delta: larger than a record may be");
  }
  delta.middle = in.take(delta.middle_lz4 ? in.varint() : delta.middle_bytes);
  if (!in.ok()) return fail(errc::truncated, "delta: ends early");
  if (delta.middle_lz4 && delta.middle_bytes > delta.middle.size() * lz4_ratio_max) {
    return fail(errc::bad_record, "delta: announces more than lz4 can hold");
  }
  bytes = bytes.last(in.left());
  return delta;
}

result<void> apply_delta(byte_buffer& out, const delta_view& delta, bytes_view base) {
  const auto misfit = [] { return fail(errc::unknown_base, "delta: does not fit the version that is held"); };
  const auto from = head_of(base);
  const auto kept = delta.prefix_bytes + delta.suffix_bytes;
  const auto version = from.version + static_cast<std::uint64_t>(delta.version_step);
  const auto timestamp = from.timestamp + static_cast<std::uint64_t>(delta.timestamp_step);
  if (kept > from.body.size() || version > limits::version_max || timestamp > limits::version_max) return misfit();
  if (kept + delta.middle_bytes + from.id.size() + 3 * detail::varint_bytes_max > limits::pattern_bytes) {
    return fail(errc::too_large, "delta: gives a record larger than one may be");
  }
  const auto begin = out.size();
  append_varint(out, version);
  append_varint(out, timestamp);
  append_varint(out, from.id.size());
  append_bytes(out, from.id);
  append_bytes(out, from.body.first(static_cast<std::size_t>(delta.prefix_bytes)));
  if (delta.middle_lz4) {
    const auto at = out.size();
    const auto dictionary = dictionary_of(from.body);
    out.resize(at + static_cast<std::size_t>(delta.middle_bytes));
    const int got = LZ4_decompress_safe_usingDict(
        reinterpret_cast<const char*>(delta.middle.data()), reinterpret_cast<char*>(out.data() + at),
        static_cast<int>(delta.middle.size()), static_cast<int>(delta.middle_bytes),
        reinterpret_cast<const char*>(dictionary.data()), static_cast<int>(dictionary.size()));
    if (got < 0 || static_cast<std::uint64_t>(got) != delta.middle_bytes) {
      out.resize(begin);
      return misfit();
    }
  } else {
    append_bytes(out, delta.middle);
  }
  append_bytes(out, from.body.last(static_cast<std::size_t>(delta.suffix_bytes)));
  const auto record = bytes_view(out).subspan(begin);
  if (check_of(record) != delta.check || !record_view::parse(record)) {
    out.resize(begin);
    return misfit();
  }
  return {};
}

}  // namespace quicsync
