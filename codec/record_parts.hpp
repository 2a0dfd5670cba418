// The parts of a record before they are put together, and after they are taken apart. docs/WIRE.md, "record".
// Internal to codec/. Views are into the text or the record that the parts came from.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <quicsync/codec/record.hpp>
#include <quicsync/codec/token_reader.hpp>
#include <quicsync/codec/token_writer.hpp>

namespace quicsync::detail {

/// The first byte of a record's body.
namespace record_flag {
inline constexpr std::uint8_t deleted = 0x01;         ///< a tombstone: nothing but the agent follows
inline constexpr std::uint8_t expires = 0x02;         ///< has metadata.expiresAt
inline constexpr std::uint8_t checksum = 0x04;        ///< has metadata.checksum
inline constexpr std::uint8_t metadata_extra = 0x08;  ///< unknown members of metadata follow `data` in shape and values
inline constexpr std::uint8_t extra = 0x10;           ///< unknown members of the pattern follow those
inline constexpr std::uint8_t known = 0x1f;
}  // namespace record_flag

/// Names that an unknown member cannot have.
inline constexpr std::string_view pattern_fields[] = {"id",       "agentId",   "type",    "data",
                                                      "metadata", "timestamp", "version", "deleted"};
inline constexpr std::string_view metadata_fields[] = {"source", "tags", "priority", "expiresAt", "checksum"};

struct record_parts {
  std::string_view id, agent_id, type, source;
  std::vector<std::string_view> tags;
  int priority = 0;  ///< 0: none
  std::optional<std::int64_t> expires_at;
  std::optional<std::string_view> checksum;
  std::int64_t timestamp = 0;
  std::uint64_t version = 0;
  bool deleted = false;
  bool has_metadata_extra = false, has_extra = false;
  token_sink data, metadata_extra, extra;  ///< the latter two are members with their end mark

  /// Empties everything and makes room for the tokens of `text_bytes` of JSON.
  void reset(std::size_t text_bytes);
  static record_parts& for_this_thread();
};

/// The limits of every field. Errors: bad_field, too_large.
enum class text_check : bool { needed, done };  ///< whether names are known to be UTF-8
result<void> check(const record_parts& parts, text_check text);

/// Checks the limits and appends the record. Errors: bad_field, too_large (nothing is appended then).
result<void> append_record(byte_buffer& out, const record_parts& parts, text_check text);

/// Prints parts of a record that record_view does not keep as views.
class record_reader {
 public:
  explicit record_reader(const record_view& record) noexcept : record_(record) {}

  /// Calls `take(std::string_view)` for each tag until it returns false.
  template <class Take>
  void tags(Take&& take) const {
    byte_reader in(record_.bytes_.subspan(record_.tags_offset_));
    for (unsigned i = 0; i < record_.tag_count_; ++i) {
      if (!take(take_tag(in))) return;
    }
  }
  unsigned tag_count() const noexcept { return record_.tag_count_; }
  bool has(std::uint8_t flag) const noexcept { return (record_.flags_ & flag) != 0; }
  token_reader tokens() const noexcept {
    return {record_.bytes_.subspan(record_.shape_offset_, record_.shape_size_),
            record_.bytes_.subspan(record_.values_offset_)};
  }
  /// Appends the text of metadata.checksum, without quotes.
  void checksum(std::string& out) const;

  /// Fills `view` from `bytes`; false, with `failure`, where they are no record.
  static bool parse(record_view& view, bytes_view bytes, const char*& failure);
  /// The same for a record whose head is known: `id` and the body lie in `bytes`.
  static bool parse(record_view& view, bytes_view bytes, std::uint64_t version, std::uint64_t timestamp,
                    std::string_view id, const char*& failure);
  /// The same for a record that one of them has taken before.
  static void read(record_view& view, bytes_view bytes, std::uint64_t version, std::uint64_t timestamp) noexcept;

 private:
  static std::string_view take_tag(byte_reader& in);
  template <class Reader>
  static bool read_body(record_view& view, Reader in, std::uint64_t timestamp, const char*& failure);
  const record_view& record_;
};

/// The head of a record: what a block codes against the record before. `body` is all that follows.
struct record_head {
  std::uint64_t version = 0;
  std::uint64_t timestamp = 0;
  std::string_view id;
  bytes_view body;
};
/// Reads the head of a record known to be well-formed.
record_head head_of(bytes_view record) noexcept;

}  // namespace quicsync::detail
