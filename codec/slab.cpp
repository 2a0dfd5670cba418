#define XXH_INLINE_ALL
#include <algorithm>

#include <fmt/format.h>
#include <xxhash.h>

#include <quicsync/codec/block_context.hpp>
#include <quicsync/codec/delta.hpp>
#include <quicsync/codec/record_parts.hpp>
#include <quicsync/codec/slab.hpp>
#include <quicsync/codec/small_copy.hpp>

namespace quicsync {

std::uint64_t key_of(std::string_view id, std::uint64_t key_seed) noexcept {
  return XXH3_64bits_withSeed(id.data(), id.size(), key_seed);
}

record_view slab::record(std::size_t index) const noexcept {
  // Checked when it was added, so this cannot fail.
  record_view view;
  const char* failure = nullptr;
  detail::record_reader::parse(view, bytes(index), failure);
  return view;
}

std::string_view slab::id(std::size_t index) const noexcept { return detail::head_of(bytes(index)).id; }

namespace {

constexpr std::size_t slab_bytes_begun = 32u << 10;    // a full slab of usual records
constexpr std::size_t scratch_bytes_kept = 64u << 10;  // a builder does not keep what one huge pattern needed

result<void> refuse_record(const char* failure) { return fail(errc::bad_record, fmt::format("record: {}", failure)); }

}  // namespace

result<void> slab_builder::begin() {
  if (full()) return fail(errc::overloaded, "the slab is full");
  if (!slab_) {
    slab_ = std::make_shared<slab>();
    slab_->items_.reserve(limits::slab_records);
  }
  return {};
}

/// Room behind the records so far; what is written there counts once index() has taken it.
std::uint8_t* slab_builder::room(std::size_t bytes) {
  auto& s = *slab_;
  if (s.capacity_bytes_ - s.size_bytes_ < bytes) {
    const auto wanted = std::max({slab_bytes_begun, s.size_bytes_ + bytes, 2 * s.capacity_bytes_});
    std::unique_ptr<std::uint8_t[]> larger(new std::uint8_t[wanted]);
    if (s.size_bytes_ > 0) std::memcpy(larger.get(), s.bytes_.get(), s.size_bytes_);
    s.bytes_ = std::move(larger);
    s.capacity_bytes_ = wanted;
  }
  return s.bytes_.get() + s.size_bytes_;
}

/// Takes the record that was written at room() and checked.
void slab_builder::index(const record_view& record) {
  const auto bytes = record.bytes();
  slab_item& item = slab_->items_.emplace_back();
  item.key = key_of(record.id(), key_seed_);
  item.version = record.version();
  item.timestamp = record.timestamp();
  item.hash = hash_of(bytes);
  item.offset = static_cast<std::uint32_t>(slab_->size_bytes_);
  item.size = static_cast<std::uint32_t>(bytes.size());
  item.priority = static_cast<std::uint8_t>(record.priority().value_or(0));
  item.deleted = record.deleted();
  item.has_checksum = record.has_checksum();
  item.expires = record.expires_at().has_value();
  slab_->size_bytes_ += bytes.size();
}

result<void> slab_builder::add_scratch() {
  auto ok = add_record(scratch_);
  if (scratch_.capacity() > scratch_bytes_kept) scratch_ = byte_buffer();
  return ok;
}

result<void> slab_builder::add(const pattern& value) {
  if (auto ok = begin(); !ok) return ok;
  scratch_.clear();
  if (auto ok = append_record(scratch_, value); !ok) return ok;
  return add_scratch();
}

result<void> slab_builder::add_json(std::string_view json) {
  if (auto ok = begin(); !ok) return ok;
  scratch_.clear();
  if (auto ok = append_record_of_json(scratch_, json); !ok) return ok;
  return add_scratch();
}

result<void> slab_builder::add_record(bytes_view record) {
  if (auto ok = begin(); !ok) return ok;
  if (record.size() > limits::pattern_bytes) return fail(errc::too_large, "record: larger than a record may be");
  auto* const to = room(record.size());
  if (!record.empty()) std::memcpy(to, record.data(), record.size());
  record_view view;
  const char* failure = nullptr;
  if (!detail::record_reader::parse(view, {to, record.size()}, failure)) return refuse_record(failure);
  index(view);
  return {};
}

result<void> slab_builder::add_tombstone(std::string_view id, std::string_view agent_id, std::int64_t timestamp,
                                         std::uint64_t version) {
  if (auto ok = begin(); !ok) return ok;
  scratch_.clear();
  if (auto ok = append_tombstone(scratch_, id, agent_id, timestamp, version); !ok) return ok;
  return add_scratch();
}

result<void> slab_builder::add_packed(detail::block_context& context, detail::byte_reader& in) {
  if (auto ok = begin(); !ok) return ok;
  detail::block_context::unpacked record;
  if (!context.unpack(record, in)) {
    return fail(errc::bad_block, "block: a packed record that ends early or is out of range");
  }
  auto* const to = room(record.size_bound());
  std::string_view id;
  const bytes_view bytes(to, record.write(to, id));
  record_view view;
  const char* failure = nullptr;
  if (!detail::record_reader::parse(view, bytes, record.version, record.timestamp, id, failure)) {
    return refuse_record(failure);
  }
  index(view);
  return {};
}

result<void> slab_builder::add_delta(const delta_block& from, std::size_t number, bytes_view base) {
  const auto misfit = [] { return fail(errc::unknown_base, "delta: made against another version than is held"); };
  if (auto ok = begin(); !ok) return ok;
  const auto& delta = from.deltas()[number];
  const auto held = detail::head_of(base);
  const auto middle = from.middle(delta);
  const auto [prefix_bytes, suffix_bytes] = delta.kept;
  if (held.id != from.id(delta) || delta.kept.bytes() > held.body.size()) return misfit();
  auto* const begin = room(3 * detail::varint_bytes_max + held.id.size() + delta.kept.bytes() + middle.size());
  auto* to = detail::put_varint(begin, delta.version);
  to = detail::put_varint(to, delta.timestamp);
  to = detail::put_varint(to, held.id.size());
  const std::string_view id(reinterpret_cast<const char*>(to), held.id.size());
  const auto append = [&to](const auto* bytes, std::size_t count) {
    detail::copy_short(to, bytes, count);
    to += count;
  };
  append(held.id.data(), held.id.size());
  append(held.body.data(), prefix_bytes);
  append(middle.data(), middle.size());
  append(held.body.data() + held.body.size() - suffix_bytes, suffix_bytes);
  record_view view;
  const char* failure = nullptr;
  const bytes_view bytes(begin, static_cast<std::size_t>(to - begin));
  if (!detail::record_reader::parse(view, bytes, delta.version, delta.timestamp, id, failure)) return misfit();
  index(view);
  if (delta_check(slab_->items_.back().hash) == delta.check) return {};
  slab_->items_.pop_back();
  slab_->size_bytes_ -= bytes.size();
  return misfit();
}

slab_ptr slab_builder::finish() {
  if (!slab_) return std::make_shared<const slab>();
  // A slab of few records may be held for long: it does not keep what a full one would need.
  auto& s = *slab_;
  if (s.capacity_bytes_ / 2 > s.size_bytes_) {
    std::unique_ptr<std::uint8_t[]> fitting(new std::uint8_t[s.size_bytes_]);
    if (s.size_bytes_ > 0) std::memcpy(fitting.get(), s.bytes_.get(), s.size_bytes_);
    s.bytes_ = std::move(fitting);
    s.capacity_bytes_ = s.size_bytes_;
  }
  if (s.items_.capacity() / 2 > s.items_.size()) s.items_.shrink_to_fit();
  return std::exchange(slab_, nullptr);
}

}  // namespace quicsync
