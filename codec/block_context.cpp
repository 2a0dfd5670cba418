#include <limits>

#include <fmt/format.h>

#include <quicsync/codec/block_context.hpp>
#include <quicsync/codec/hex.hpp>
#include <quicsync/codec/limits.hpp>
#include <quicsync/codec/record_parts.hpp>
#include <quicsync/codec/small_copy.hpp>

namespace quicsync::detail {
namespace {

// How an id stands: a varint; from id_near on, zigzag of the distance to the last number, the prefix being the same.
constexpr std::uint64_t id_uuid = 0;
constexpr std::uint64_t id_text = 1;
constexpr std::uint64_t id_near = 2;
constexpr std::size_t number_digits_max = 15;
constexpr std::uint64_t number_end = 1'000'000'000'000'000;

/// Where the decimal number at the id's end begins, written as a number is printed; the id's size where there is none.
std::size_t number_begin(std::string_view id) noexcept {
  std::size_t begin = id.size();
  while (begin > 0 && id[begin - 1] >= '0' && id[begin - 1] <= '9' && id.size() - begin < number_digits_max) --begin;
  while (begin + 1 < id.size() && id[begin] == '0') ++begin;  // a leading zero belongs to the prefix
  return begin;
}

std::uint64_t number_at(std::string_view id, std::size_t begin) noexcept {
  std::uint64_t number = 0;
  for (; begin < id.size(); ++begin) number = number * 10 + static_cast<std::uint64_t>(id[begin] - '0');
  return number;
}

}  // namespace

void block_context::remember(std::string_view id) {
  const auto begin = number_begin(id);
  if (begin == id.size()) return;
  prefix_.assign(id.substr(0, begin));
  number_ = number_at(id, begin);
  digit_count_ = 0;
}

std::uint8_t* block_context::pack(std::uint8_t* to, bytes_view record) {
  const auto head = head_of(record);
  to = put_varint(to, head.body.size());
  copy_short(to, head.body.data(), head.body.size());
  return pack_head(to + head.body.size(), head);
}

std::uint8_t* block_context::pack_whole(std::uint8_t* to, bytes_view record) {
  const auto head = head_of(record);
  to = put_varint(to, head.body.size() << 1);
  copy_short(to, head.body.data(), head.body.size());
  return pack_head(to + head.body.size(), head);
}

std::uint8_t* block_context::pack_delta(std::uint8_t* to, bytes_view record, common_ends kept, std::uint64_t check) {
  const auto head = head_of(record);
  const auto middle = head.body.subspan(kept.prefix_bytes, head.body.size() - kept.bytes());
  to = put_varint(to, middle.size() << 1 | 1);
  copy_short(to, middle.data(), middle.size());
  to = pack_head(to + middle.size(), head);
  to = put_varint(to, kept.prefix_bytes);
  to = put_varint(to, kept.suffix_bytes);
  for (unsigned shift = 0; shift < 64; shift += 8) *to++ = static_cast<std::uint8_t>(check >> shift);
  return to;
}

inline std::uint8_t* block_context::pack_head(std::uint8_t* to, const record_head& head) {
  const auto begin = number_begin(head.id);
  if (begin < head.id.size() && head.id.substr(0, begin) == prefix_) {
    const auto number = number_at(head.id, begin);
    to = put_varint(to, id_near + zigzag(static_cast<std::int64_t>(number - number_)));
    number_ = number;
  } else if (pack_uuid(to + 1, head.id)) {
    *to = id_uuid;
    to += 17;
  } else {
    *to++ = id_text;
    to = put_varint(to, head.id.size());
    copy_short(to, head.id.data(), head.id.size());
    to += head.id.size();
    remember(head.id);
  }
  to = put_varint(to, zigzag(static_cast<std::int64_t>(head.timestamp - timestamp_)));
  timestamp_ = head.timestamp;
  return put_varint(to, head.version);
}

/// The text of the next number. Mostly it follows the last one, and only its last digit is another.
void block_context::print_number(std::uint64_t number) noexcept {
  const auto step = number - number_;
  number_ = number;
  if (digit_count_ != 0) {
    char& last = digits_[digit_count_ - 1];
    if (step < 10 && last + static_cast<int>(step) <= '9') {
      last = static_cast<char>(last + static_cast<int>(step));
      return;
    }
  }
  const fmt::format_int printed(number);
  digit_count_ = static_cast<std::uint8_t>(printed.size());
  copy_short(digits_, printed.data(), printed.size());
}

bool block_context::unpack(unpacked& record, byte_reader& in) {
  record.body = in.take(in.varint());
  return unpack_head(record, in);
}

bool block_context::unpack(unpacked& record, unpacked_delta& delta, byte_reader& in) {
  const auto size = in.varint();
  record.body = in.take(size >> 1);
  if (!unpack_head(record, in)) return false;
  delta.is_delta = (size & 1) != 0;
  if (!delta.is_delta) return true;
  const auto prefix = in.varint(), suffix = in.varint();
  delta.check = in.u64();
  constexpr auto most = std::numeric_limits<std::uint16_t>::max();
  if (prefix > most || suffix > most) return false;
  delta.kept = {static_cast<std::uint16_t>(prefix), static_cast<std::uint16_t>(suffix)};
  return in.ok();
}

inline bool block_context::unpack_head(unpacked& record, byte_reader& in) {
  const auto code = in.varint();
  record.id_prefix = {};
  if (code == id_uuid) {
    const auto bytes = in.take(16);
    if (!in.ok()) return false;
    unpack_uuid(record.digits, bytes.data());
    record.id_rest = {record.digits, uuid_text_bytes};
  } else if (code == id_text) {
    const auto size = in.varint();
    if (size > limits::id_bytes) return false;
    record.id_rest = in.text(size);
    remember(record.id_rest);
  } else {
    const auto number = number_ + static_cast<std::uint64_t>(unzigzag(code - id_near));
    if (number >= number_end) return false;
    print_number(number);
    record.id_prefix = prefix_;
    record.id_rest = {digits_, digit_count_};
  }
  timestamp_ += static_cast<std::uint64_t>(unzigzag(in.varint()));
  record.timestamp = timestamp_;
  record.version = in.varint();
  return in.ok();
}

std::uint8_t* block_context::unpacked::write(std::uint8_t* to, std::string_view& id) const noexcept {
  to = put_varint(to, version);
  to = put_varint(to, timestamp);
  to = put_varint(to, id_prefix.size() + id_rest.size());
  id = {reinterpret_cast<const char*>(to), id_prefix.size() + id_rest.size()};
  copy_short(to, id_prefix.data(), id_prefix.size());
  to += id_prefix.size();
  copy_short(to, id_rest.data(), id_rest.size());
  to += id_rest.size();
  copy_short(to, body.data(), body.size());
  return to + body.size();
}

}  // namespace quicsync::detail
