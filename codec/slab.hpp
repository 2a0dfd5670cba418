// A slab: up to limits::slab_records records in one allocation, the unit of hand-over between actors. Immutable once
// made, shared by reference, never copied. Each record comes with what the cache needs at once, so that nobody parses
// it twice.
#pragma once
#include <cstdint>
#include <memory>
#include <string_view>

#include <quicsync/codec/bytes.hpp>
#include <quicsync/codec/error.hpp>
#include <quicsync/codec/limits.hpp>
#include <quicsync/codec/record.hpp>
#include <quicsync/codec/slab_memory.hpp>

namespace quicsync {

namespace detail {
class block_context;
class byte_reader;
}  // namespace detail
class delta_block;

/// One record of a slab, taken apart as far as merging and routing need it.
struct slab_item {
  std::uint64_t key = 0;  ///< hash of the id, keyed with the node's secret (never leaves the node)
  std::uint64_t version = 0;
  std::int64_t timestamp = 0;
  content_hash hash;
  std::uint32_t offset = 0;   ///< of the record's bytes in the slab
  std::uint32_t size = 0;     ///< of the record's bytes
  std::uint8_t priority = 0;  ///< 0: none given
  bool deleted = false;
  bool has_checksum = false;
  bool expires = false;  ///< it has an `expiresAt`
};

class slab {
 public:
  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  const slab_item& item(std::size_t index) const noexcept { return items_[index]; }
  bytes_view bytes(std::size_t index) const noexcept { return {bytes_ + items_[index].offset, items_[index].size}; }
  /// The record, known to be well-formed because it was checked when the slab was made.
  record_view record(std::size_t index) const noexcept;
  /// The same as record(index).id(), without looking at the rest of the record.
  std::string_view id(std::size_t index) const noexcept;
  /// Bytes of all records together.
  std::size_t record_bytes() const noexcept { return size_bytes_; }

 private:
  friend class slab_builder;
  detail::slab_memory memory_;  ///< room for items, and behind them for the records' bytes
  slab_item* items_ = nullptr;
  std::uint8_t* bytes_ = nullptr;
  std::size_t size_ = 0, size_bytes_ = 0;
};
using slab_ptr = std::shared_ptr<const slab>;

/// Collects records into a slab. One thread at a time; reusable after finish().
class slab_builder {
 public:
  /// `key_seed` is the node's secret for `slab_item::key`: all slabs of a node use the same one.
  explicit slab_builder(std::uint64_t key_seed) noexcept : key_seed_(key_seed) {}

  /// Each adds one record or, with an error, nothing. Errors: those of record.hpp; overloaded when the slab is full.
  result<void> add(const pattern& value);
  result<void> add_json(std::string_view json);
  result<void> add_record(bytes_view record);
  result<void> add_tombstone(std::string_view id, std::string_view agent_id, std::int64_t timestamp,
                             std::uint64_t version);

  std::size_t size() const noexcept { return slab_ ? slab_->size_ : 0; }
  bool empty() const noexcept { return size() == 0; }
  /// limits::slab_records records or limits::slab_bytes bytes.
  bool full() const noexcept { return size() >= limits::slab_records || record_bytes() >= limits::slab_bytes; }
  std::size_t record_bytes() const noexcept { return slab_ ? slab_->size_bytes_ : 0; }

  /// One record out of a block, for block_decoder. Errors: bad_block, and as add_record().
  result<void> add_packed(detail::block_context& context, detail::byte_reader& in);
  /// The record that a delta of a block stands for, by its number there. Precondition: `base` is a record of a slab.
  /// Errors: unknown_base where it is not the version that the delta was made against; overloaded.
  result<void> add_delta(const delta_block& from, std::size_t number, bytes_view base);

  /// The slab so far (never null), and the builder is empty again.
  slab_ptr finish();

 private:
  result<void> begin();
  void move_to(detail::slab_memory memory, std::size_t items);
  std::uint8_t* room(std::size_t bytes);
  result<void> add_scratch();
  void index(const record_view& record);
  std::shared_ptr<slab> slab_;
  std::uint64_t key_seed_;
  byte_buffer scratch_;
};

/// The keyed hash that slab_item::key holds, for looking an id up.
std::uint64_t key_of(std::string_view id, std::uint64_t key_seed) noexcept;

}  // namespace quicsync
