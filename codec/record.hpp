// A record: one pattern in its binary form, encoded once where it enters and passed on byte for byte. docs/WIRE.md,
// "record".
#pragma once
#include <compare>
#include <cstdint>
#include <optional>
#include <string_view>

#include <quicsync/codec/bytes.hpp>
#include <quicsync/codec/error.hpp>
#include <quicsync/codec/pattern.hpp>

namespace quicsync {

namespace detail {
class record_reader;
}

/// Content hash of a record: XXH3, 128 bits, over all its bytes. Compared as a big-endian number.
struct content_hash {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  auto operator<=>(const content_hash&) const = default;
};
content_hash hash_of(bytes_view record) noexcept;

/// What decides between two records of one id: the greater one replaces the other (docs/WIRE.md, "merge rule").
/// A total order, so that every node ends with the same record whatever order they arrive in.
struct record_order {
  std::uint64_t version = 0;
  std::int64_t timestamp = 0;
  std::string_view agent_id;  ///< a view into the record
  bool deleted = false;
  content_hash hash;
  auto operator<=>(const record_order&) const = default;
};

/// A checked view on a record's bytes. Cheap to copy; valid as long as the bytes are. All accessors are O(1) but
/// `tags`.
class record_view {
 public:
  record_view() = default;

  /// Checks every length and range, so that no accessor can go wrong. Errors: truncated, bad_record, too_large.
  static result<record_view> parse(bytes_view bytes);

  bytes_view bytes() const noexcept { return bytes_; }
  std::string_view id() const noexcept { return id_; }
  std::string_view agent_id() const noexcept { return agent_id_; }
  std::string_view type() const noexcept { return type_; }
  std::string_view source() const noexcept { return source_; }
  std::uint64_t version() const noexcept { return version_; }
  std::int64_t timestamp() const noexcept { return timestamp_; }
  bool deleted() const noexcept { return deleted_; }
  std::optional<int> priority() const noexcept { return priority_ == 0 ? std::nullopt : std::optional<int>(priority_); }
  std::optional<std::int64_t> expires_at() const noexcept { return expires_at_; }
  /// `metadata.checksum` is there.
  bool has_checksum() const noexcept;
  bool has_tag(std::string_view tag) const noexcept;
  bool has_tag_prefix(std::string_view prefix) const noexcept;

  /// All fields, `data` byte for byte as it was given. Errors: bad_record where `data` does not decode.
  result<pattern> to_pattern() const;

 private:
  friend class detail::record_reader;
  bytes_view bytes_;
  std::string_view id_, agent_id_, type_, source_;
  std::uint64_t version_ = 0;
  std::int64_t timestamp_ = 0;
  std::optional<std::int64_t> expires_at_;
  std::uint8_t priority_ = 0;
  std::uint8_t flags_ = 0;
  bool deleted_ = false;
  std::uint16_t tag_count_ = 0;
  // Offsets into the record; the values go to its end.
  std::uint32_t shape_offset_ = 0, shape_size_ = 0, tags_offset_ = 0, checksum_offset_ = 0, values_offset_ = 0;
};

/// The record's place in the merge rule; `agent_id` is a view into it.
record_order order_of(const record_view& record, const content_hash& hash) noexcept;

/// Appends the record of `value`. Errors: bad_field, too_large (nothing is appended then).
result<void> append_record(byte_buffer& out, const pattern& value);

/// Appends the record of one JSON object, without a pattern between. Errors: as parse_pattern().
result<void> append_record_of_json(byte_buffer& out, std::string_view json);

/// A tombstone for `id`: a record with `deleted` and no payload.
result<void> append_tombstone(byte_buffer& out, std::string_view id, std::string_view agent_id, std::int64_t timestamp,
                              std::uint64_t version);

}  // namespace quicsync
