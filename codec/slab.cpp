#define XXH_INLINE_ALL
#include <fmt/format.h>
#include <xxhash.h>

#include <quicsync/codec/block_context.hpp>
#include <quicsync/codec/slab.hpp>

namespace quicsync {

std::uint64_t key_of(std::string_view id, std::uint64_t key_seed) noexcept {
  return XXH3_64bits_withSeed(id.data(), id.size(), key_seed);
}

record_view slab::record(std::size_t index) const noexcept {
  // Checked when it was added, so this cannot fail.
  auto view = record_view::parse(bytes(index));
  return view ? *view : record_view();
}

result<void> slab_builder::make_room() {
  if (full()) return fail(errc::overloaded, "the slab is full");
  if (!slab_) {
    slab_ = std::make_shared<slab>();
    slab_->items_.reserve(limits::slab_records);
    slab_->bytes_.reserve(limits::batch_bytes);
  }
  return {};
}

void slab_builder::index_last(std::size_t offset, const record_view& record) {
  slab_item item;
  item.key = key_of(record.id(), key_seed_);
  item.version = record.version();
  item.timestamp = record.timestamp();
  item.hash = hash_of(record.bytes());
  item.offset = static_cast<std::uint32_t>(offset);
  item.size = static_cast<std::uint32_t>(record.bytes().size());
  item.priority = static_cast<std::uint8_t>(record.priority().value_or(0));
  item.deleted = record.deleted();
  slab_->items_.push_back(item);
}

result<void> slab_builder::index_from(std::size_t offset) {
  const auto record = record_view::parse(bytes_view(slab_->bytes_).subspan(offset));
  if (!record) {
    slab_->bytes_.resize(offset);
    return fail(record.error());
  }
  index_last(offset, *record);
  return {};
}

result<void> slab_builder::add(const pattern& value) {
  if (auto ok = make_room(); !ok) return ok;
  const auto offset = slab_->bytes_.size();
  if (auto ok = append_record(slab_->bytes_, value); !ok) return ok;
  return index_from(offset);
}

result<void> slab_builder::add_json(std::string_view json) {
  if (auto ok = make_room(); !ok) return ok;
  const auto offset = slab_->bytes_.size();
  if (auto ok = append_record_of_json(slab_->bytes_, json); !ok) return ok;
  return index_from(offset);
}

result<void> slab_builder::add_record(bytes_view record) {
  if (auto ok = make_room(); !ok) return ok;
  const auto checked = record_view::parse(record);
  if (!checked) return fail(checked.error());
  const auto offset = slab_->bytes_.size();
  slab_->bytes_.insert(slab_->bytes_.end(), record.begin(), record.end());
  index_last(offset, *checked);
  return {};
}

result<void> slab_builder::add_tombstone(std::string_view id, std::string_view agent_id, std::int64_t timestamp,
                                         std::uint64_t version) {
  if (auto ok = make_room(); !ok) return ok;
  const auto offset = slab_->bytes_.size();
  if (auto ok = append_tombstone(slab_->bytes_, id, agent_id, timestamp, version); !ok) return ok;
  return index_from(offset);
}

result<void> slab_builder::add_packed(detail::block_context& context, detail::byte_reader& in) {
  if (auto ok = make_room(); !ok) return ok;
  const auto offset = slab_->bytes_.size();
  if (!context.unpack(slab_->bytes_, in)) {
    slab_->bytes_.resize(offset);
    return fail(errc::bad_block, "block: a packed record that ends early or is out of range");
  }
  return index_from(offset);
}

slab_ptr slab_builder::finish() {
  if (!slab_) return std::make_shared<const slab>();
  return std::exchange(slab_, nullptr);
}

}  // namespace quicsync
