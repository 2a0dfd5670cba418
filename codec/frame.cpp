#include <fmt/format.h>

#include <quicsync/codec/frame.hpp>
#include <quicsync/codec/frame_flags.hpp>
#include <quicsync/codec/json_text.hpp>
#include <quicsync/codec/limits.hpp>
#include <quicsync/codec/varint.hpp>

namespace quicsync {
namespace {

using namespace detail;

// ------------------------------------------------------------------------------------------------------------

std::string take_text(byte_reader& in, std::size_t bytes_max) {
  const auto size = in.varint();
  if (size > bytes_max) in.fail();
  const auto text = in.text(size);
  if (detail::find_bad_utf8(text) != detail::no_position) in.fail();
  return std::string(text);
}

std::vector<std::string> take_names(byte_reader& in) {
  const auto count = in.varint();
  std::vector<std::string> names;
  if (count > limits::frame_names || count > in.left()) in.fail();
  for (std::uint64_t i = 0; in.ok() && i < count; ++i) names.push_back(take_text(in, limits::name_bytes));
  return names;
}

error take_error(byte_reader& in) {
  const auto code = in.varint();
  if (code > 0xffff) in.fail();
  return {static_cast<errc>(code), take_text(in, limits::error_bytes)};
}

log_position take_position(byte_reader& in) {
  log_position at;
  at.incarnation = in.u64();
  at.position = in.varint();
  return at;
}

template <class Enum>
Enum take_enum(byte_reader& in, Enum last) {
  const auto value = in.u8();
  if (value > static_cast<std::uint8_t>(last)) in.fail();
  return static_cast<Enum>(value);
}

std::uint8_t take_flags(byte_reader& in, std::uint8_t known) {
  const auto flags = in.u8();
  if ((flags & ~known) != 0) in.fail();
  return flags;
}

batch_frame take_marked_batch(byte_reader& in) {
  batch_frame f;
  f.marks.no_relay = take_flags(in, marks_no_relay) != 0;
  f.marks.audience = take_names(in);
  f.block = in.rest();
  return f;
}

hello_frame take_hello(byte_reader& in) {
  hello_frame f;
  f.version_min = in.varint();
  f.version_max = in.varint();
  f.name = take_text(in, limits::name_bytes);
  f.role = take_enum(in, node_role::client);
  f.instance = in.u64();
  f.capabilities = in.varint();
  f.pattern_bytes_max = in.varint();
  f.level = take_enum(in, ack_level::stored);
  f.log = take_position(in);
  const auto flags = in.u8();
  f.partial = (flags & hello_partial) != 0;
  if ((flags & hello_remembered) != 0) f.remembered = take_position(in);
  in.rest();  // fields that a later version adds
  return f;
}

subscribe_frame take_subscribe(byte_reader& in) {
  subscribe_frame f;
  f.filter = take_text(in, limits::filter_bytes);
  f.from = take_enum(in, subscribe_frame::start::position);
  if (f.from == subscribe_frame::start::position) f.position = take_position(in);
  return f;
}

acknowledgement_frame take_acknowledgement(byte_reader& in) {
  acknowledgement_frame f;
  f.lane = in.u8();
  f.level = take_enum(in, ack_level::stored);
  const auto count = in.varint();
  if (count == 0 || count > in.left() / 2) in.fail();
  std::uint64_t next = 0;
  for (std::uint64_t i = 0; in.ok() && i < count; ++i) {
    sequence_range range;
    range.first = next + in.varint();
    range.last = range.first + in.varint();
    // Sequence numbers stay below 2^62, so that nothing here wraps.
    if (range.first < next || range.last < range.first || range.last >> 62 != 0) in.fail();
    next = range.last + 2;
    f.ranges.push_back(range);
  }
  return f;
}

refusal_frame take_refusal(byte_reader& in) {
  refusal_frame f;
  f.lane = in.u8();
  f.sequence = in.varint();
  f.reason = take_error(in);
  return f;
}

query_frame take_query(byte_reader& in) {
  query_frame f;
  f.number = in.varint();
  f.what = take_enum(in, query_frame::kind::get);
  f.argument = take_text(in, limits::filter_bytes);
  return f;
}

reply_frame take_reply(byte_reader& in) {
  reply_frame f;
  f.number = in.varint();
  const auto flags = take_flags(in, reply_last | reply_failure);
  f.last = (flags & reply_last) != 0;
  if ((flags & reply_failure) != 0)
    f.failure = take_error(in);
  else
    f.block = in.rest();
  return f;
}

digest_frame take_digest(byte_reader& in) {
  digest_frame f;
  f.round = in.varint();
  f.filter = take_text(in, limits::filter_bytes);
  const auto count = in.varint();
  content_hash sum;
  sum.low = in.u64();
  sum.high = in.u64();
  f.value = digest::of(count, sum);
  f.deletions = in.varint();
  return f;
}

sketch_frame take_sketch(byte_reader& in) {
  sketch_frame f;
  f.round = in.varint();
  f.key = in.u64();
  f.total = in.varint();
  f.first = in.varint();
  f.symbols = in.rest();
  return f;
}

request_frame take_request(byte_reader& in) {
  request_frame f;
  f.round = in.varint();
  f.what = take_enum(in, request_frame::kind::records);
  if (f.what == request_frame::kind::symbols) {
    f.first = in.varint();
    f.count = in.varint();
    return f;
  }
  if (in.left() % 8 != 0 || in.left() / 8 > limits::request_items) in.fail();
  while (in.ok() && !in.at_end()) f.items.push_back(in.u64());
  return f;
}

unknown_base_frame take_unknown_base(byte_reader& in) {
  unknown_base_frame f;
  f.lane = in.u8();
  f.sequence = in.varint();
  return f;
}

offer_frame take_offer(byte_reader& in) {
  offer_frame f;
  f.round = in.varint();
  f.last = take_flags(in, offer_last) != 0;
  while (in.ok() && !in.at_end()) {
    if (f.records.size() == limits::offered_records) in.fail();
    offered_record record;
    record.id = in.u64();
    record.version = in.varint();
    f.records.push_back(record);
  }
  return f;
}

again_frame take_again(byte_reader& in) {
  again_frame f;
  f.sequence = in.varint();
  if (f.sequence >> 62 != 0) in.fail();
  f.block = in.rest();
  return f;
}

mark_frame take_mark(byte_reader& in) {
  mark_frame f;
  f.round = in.varint();
  f.position = in.varint();
  for (auto& sequence : f.before) {
    sequence = in.varint();
    if (sequence >> 62 != 0) in.fail();
  }
  return f;
}

frame take_frame(frame_type type, byte_reader& in) {
  switch (type) {
    case frame_type::batch:
      return batch_frame{{}, in.rest()};
    case frame_type::marked_batch:
      return take_marked_batch(in);
    case frame_type::hello:
      return take_hello(in);
    case frame_type::subscribe:
      return take_subscribe(in);
    case frame_type::acknowledgement:
      return take_acknowledgement(in);
    case frame_type::refusal:
      return take_refusal(in);
    case frame_type::query:
      return take_query(in);
    case frame_type::reply:
      return take_reply(in);
    case frame_type::ping:
      return ping_frame{in.u64()};
    case frame_type::pong:
      return pong_frame{in.u64()};
    case frame_type::goodbye:
      return goodbye_frame{take_error(in)};
    case frame_type::error:
      return error_frame{take_error(in)};
    case frame_type::neighbours:
      return neighbours_frame{take_names(in)};
    case frame_type::digest:
      return take_digest(in);
    case frame_type::sketch:
      return take_sketch(in);
    case frame_type::request:
      return take_request(in);
    case frame_type::delta:
      return delta_frame{in.rest()};
    case frame_type::unknown_base:
      return take_unknown_base(in);
    case frame_type::offer:
      return take_offer(in);
    case frame_type::mark:
      return take_mark(in);
    case frame_type::again:
      return take_again(in);
    default:
      return std::monostate{};
  }
}

}  // namespace

bool is_known(std::uint8_t type) {
  byte_reader none;
  return !std::holds_alternative<std::monostate>(take_frame(static_cast<frame_type>(type), none));
}

result<frame> decode_frame(std::uint8_t type, bytes_view payload) {
  byte_reader in(payload);
  auto value = take_frame(static_cast<frame_type>(type), in);
  if (std::holds_alternative<std::monostate>(value)) return value;
  if (!in.ok())
    return fail(errc::bad_frame, fmt::format("frame type {}: ends early or holds a value out of range", type));
  if (!in.at_end()) return fail(errc::bad_frame, fmt::format("frame type {}: {} bytes too many", type, in.left()));
  return value;
}

}  // namespace quicsync
