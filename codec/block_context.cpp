#include <fmt/format.h>

#include <quicsync/codec/block_context.hpp>
#include <quicsync/codec/hex.hpp>
#include <quicsync/codec/limits.hpp>
#include <quicsync/codec/record_parts.hpp>

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
}

std::uint8_t* block_context::pack(std::uint8_t* to, bytes_view record) {
  const auto head = head_of(record);
  to = put_varint(to, head.body.size());
  if (!head.body.empty()) std::memcpy(to, head.body.data(), head.body.size());
  to += head.body.size();
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
    std::memcpy(to, head.id.data(), head.id.size());
    to += head.id.size();
    remember(head.id);
  }
  to = put_varint(to, zigzag(static_cast<std::int64_t>(head.timestamp - timestamp_)));
  timestamp_ = head.timestamp;
  return put_varint(to, head.version);
}

bool block_context::unpack(byte_buffer& out, byte_reader& in) {
  const auto body = in.take(in.varint());
  const auto code = in.varint();
  char digits[64];
  std::string_view prefix, tail;
  if (code == id_uuid) {
    const auto bytes = in.take(16);
    if (!in.ok()) return false;
    unpack_uuid(digits, bytes.data());
    tail = {digits, uuid_text_bytes};
  } else if (code == id_text) {
    const auto size = in.varint();
    if (size > limits::id_bytes) return false;
    tail = in.text(size);
    remember(tail);
  } else {
    const auto number = number_ + static_cast<std::uint64_t>(unzigzag(code - id_near));
    if (number >= number_end || prefix_.size() + number_digits_max > limits::id_bytes) return false;
    number_ = number;
    const fmt::format_int printed(number);
    std::memcpy(digits, printed.data(), printed.size());
    prefix = prefix_;
    tail = {digits, printed.size()};
  }
  const auto timestamp = timestamp_ + static_cast<std::uint64_t>(unzigzag(in.varint()));
  const auto version = in.varint();
  if (!in.ok()) return false;
  timestamp_ = timestamp;
  const auto begin = out.size();
  const auto id_size = prefix.size() + tail.size();
  out.resize(begin + 3 * varint_bytes_max + id_size + body.size());
  auto* to = put_varint(out.data() + begin, version);
  to = put_varint(to, timestamp);
  to = put_varint(to, id_size);
  if (!prefix.empty()) std::memcpy(to, prefix.data(), prefix.size());
  to += prefix.size();
  if (!tail.empty()) std::memcpy(to, tail.data(), tail.size());
  to += tail.size();
  if (!body.empty()) std::memcpy(to, body.data(), body.size());
  to += body.size();
  out.resize(static_cast<std::size_t>(to - out.data()));
  return true;
}

}  // namespace quicsync::detail
