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
  const slab_item& item = items_[index];
  record_view view;
  detail::record_reader::read(view, bytes(index), item.version, static_cast<std::uint64_t>(item.timestamp));
  return view;
}

std::string_view slab::id(std::size_t index) const noexcept { return detail::head_of(bytes(index)).id; }

namespace {

constexpr std::size_t slab_bytes_begun = 34u << 10;    // a full slab of usual records
constexpr std::size_t scratch_bytes_kept = 64u << 10;  // a builder does not keep what one huge pattern needed

constexpr std::size_t items_bytes(std::size_t count) noexcept { return count * sizeof(slab_item); }
static_assert(std::is_trivially_copyable_v<slab_item> && std::is_trivially_destructible_v<slab_item>);

result<void> refuse_record(const char* failure) { return fail(errc::bad_record, fmt::format("record: {}", failure)); }

}  // namespace

result<void> slab_builder::begin() {
  if (full()) return fail(errc::overloaded, "the slab is full");
  if (!slab_) {
    detail::slab_memory memory(items_bytes(limits::slab_records) + slab_bytes_begun);
    slab_ = std::make_shared<slab>();
    move_to(std::move(memory), limits::slab_records);
  }
  return {};
}

/// What is there goes to other memory, which has room for so many items.
void slab_builder::move_to(detail::slab_memory memory, std::size_t items) {
  auto& s = *slab_;
  auto* const begin = memory.bytes();
  if (s.size_ > 0) std::memcpy(begin, s.items_, items_bytes(s.size_));
  if (s.size_bytes_ > 0) std::memcpy(begin + items_bytes(items), s.bytes_, s.size_bytes_);
  s.items_ = reinterpret_cast<slab_item*>(begin);
  s.bytes_ = begin + items_bytes(items);
  s.memory_ = std::move(memory);
}

/// Room behind the records so far; what is written there counts once index() has taken it.
std::uint8_t* slab_builder::room(std::size_t bytes) {
  auto& s = *slab_;
  const auto capacity = s.memory_.size() - items_bytes(limits::slab_records);
  if (capacity - s.size_bytes_ < bytes) {
    const auto wanted = std::max(s.size_bytes_ + bytes, 2 * capacity);
    move_to(detail::slab_memory(items_bytes(limits::slab_records) + wanted), limits::slab_records);
  }
  return s.bytes_ + s.size_bytes_;
}

/// Takes the record that was written at room() and checked.
void slab_builder::index(const record_view& record) {
  const auto bytes = record.bytes();
  slab_item& item = *new (slab_->items_ + slab_->size_) slab_item;
  ++slab_->size_;
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
  if (delta_check(slab_->items_[slab_->size_ - 1].hash) == delta.check) return {};
  --slab_->size_;
  slab_->size_bytes_ -= bytes.size();
  return misfit();
}

slab_ptr slab_builder::finish() {
  if (!slab_) return std::make_shared<const slab>();
  // A slab of few records may be held for long: it does not keep what a full one would need.
  auto& s = *slab_;
  const auto fitting = items_bytes(s.size_) + s.size_bytes_;
  if (fitting < s.memory_.size() / 2)
    move_to(detail::slab_memory(fitting), s.size_);
  else
    s.memory_.shrink(items_bytes(limits::slab_records) + s.size_bytes_);
  return std::exchange(slab_, nullptr);
}

}  // namespace quicsync
