#include <algorithm>

#include <fmt/format.h>

#include <quicsync/codec/frame.hpp>
#include <quicsync/codec/json_text.hpp>
#include <quicsync/codec/limits.hpp>
#include <quicsync/codec/varint.hpp>

namespace quicsync {
namespace {

using detail::append_bytes;
using detail::append_u64;
using detail::append_varint;
using detail::byte_reader;

constexpr std::uint8_t hello_remembered = 0x01, hello_partial = 0x02;
constexpr std::uint8_t marks_no_relay = 0x01;
constexpr std::uint8_t reply_last = 0x01, reply_failure = 0x02;

// -- writing
// ------------------------------------------------------------------------------------------------------------

/// At most `bytes_max` of `text`, not ending within a character.
std::string_view cut(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  while (bytes_max > 0 && (static_cast<unsigned char>(text[bytes_max]) & 0xc0) == 0x80) --bytes_max;
  return text.substr(0, bytes_max);
}

void put_text(byte_buffer& out, std::string_view text, std::size_t bytes_max) {
  text = cut(text, bytes_max);
  append_varint(out, text.size());
  append_bytes(out, text);
}

void put_names(byte_buffer& out, const std::vector<std::string>& names) {
  const auto count = std::min(names.size(), limits::frame_names);
  append_varint(out, count);
  for (std::size_t i = 0; i < count; ++i) put_text(out, names[i], limits::name_bytes);
}

void put_error(byte_buffer& out, const error& reason) {
  append_varint(out, static_cast<std::uint16_t>(reason.code));
  put_text(out, reason.context, limits::error_bytes);
}

void put_position(byte_buffer& out, const log_position& at) {
  append_u64(out, at.incarnation);
  append_varint(out, at.position);
}

struct payload_writer {
  byte_buffer& out;

  frame_type operator()(std::monostate) const { return frame_type{}; }

  frame_type operator()(const batch_frame& f) const {
    if (!f.marks.empty()) {
      out.push_back(f.marks.no_relay ? marks_no_relay : 0);
      put_names(out, f.marks.audience);
    }
    append_bytes(out, f.block);
    return f.marks.empty() ? frame_type::batch : frame_type::marked_batch;
  }

  frame_type operator()(const hello_frame& f) const {
    append_varint(out, f.version_min);
    append_varint(out, f.version_max);
    put_text(out, f.name, limits::name_bytes);
    out.push_back(static_cast<std::uint8_t>(f.role));
    append_u64(out, f.instance);
    append_varint(out, f.capabilities);
    append_varint(out, f.pattern_bytes_max);
    out.push_back(static_cast<std::uint8_t>(f.level));
    put_position(out, f.log);
    out.push_back(static_cast<std::uint8_t>((f.remembered ? hello_remembered : 0) | (f.partial ? hello_partial : 0)));
    if (f.remembered) put_position(out, *f.remembered);
    return frame_type::hello;
  }

  frame_type operator()(const subscribe_frame& f) const {
    put_text(out, f.filter, limits::filter_bytes);
    out.push_back(static_cast<std::uint8_t>(f.from));
    if (f.from == subscribe_frame::start::position) put_position(out, f.position);
    return frame_type::subscribe;
  }

  frame_type operator()(const acknowledgement_frame& f) const {
    out.push_back(f.lane);
    out.push_back(static_cast<std::uint8_t>(f.level));
    append_varint(out, f.ranges.size());
    std::uint64_t next = 0;
    for (const auto& range : f.ranges) {
      append_varint(out, range.first - next);
      append_varint(out, range.last - range.first);
      next = range.last + 2;  // ranges do not touch, so the next one begins there or later
    }
    return frame_type::acknowledgement;
  }

  frame_type operator()(const refusal_frame& f) const {
    out.push_back(f.lane);
    append_varint(out, f.sequence);
    put_error(out, f.reason);
    return frame_type::refusal;
  }

  frame_type operator()(const query_frame& f) const {
    append_varint(out, f.number);
    out.push_back(static_cast<std::uint8_t>(f.what));
    put_text(out, f.argument, limits::filter_bytes);
    return frame_type::query;
  }

  frame_type operator()(const reply_frame& f) const {
    append_varint(out, f.number);
    out.push_back(static_cast<std::uint8_t>((f.last ? reply_last : 0) | (f.failure ? reply_failure : 0)));
    if (f.failure)
      put_error(out, *f.failure);
    else
      append_bytes(out, f.block);
    return frame_type::reply;
  }

  frame_type operator()(const ping_frame& f) const { return append_u64(out, f.token), frame_type::ping; }
  frame_type operator()(const pong_frame& f) const { return append_u64(out, f.token), frame_type::pong; }
  frame_type operator()(const goodbye_frame& f) const { return put_error(out, f.reason), frame_type::goodbye; }
  frame_type operator()(const error_frame& f) const { return put_error(out, f.reason), frame_type::error; }
  frame_type operator()(const neighbours_frame& f) const { return put_names(out, f.names), frame_type::neighbours; }
};

// -- reading
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
    default:
      return std::monostate{};
  }
}

bool is_known(std::uint8_t type) {
  byte_reader none;
  return !std::holds_alternative<std::monostate>(take_frame(static_cast<frame_type>(type), none));
}

}  // namespace

void append_frame(byte_buffer& out, const frame& value) {
  if (std::holds_alternative<std::monostate>(value)) return;
  // The length stands before the payload: room for one byte of it, moved when it takes more.
  const auto begin = out.size();
  out.resize(begin + 2);
  out[begin] = static_cast<std::uint8_t>(std::visit(payload_writer{out}, value));
  const auto payload = out.size() - begin - 2;
  const auto size = detail::varint_size(payload);
  out.insert(out.begin() + static_cast<std::ptrdiff_t>(begin + 2), size - 1, std::uint8_t{0});
  detail::put_varint(out.data() + begin + 1, payload);
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

void frame_reader::feed(shared_bytes bytes) {
  if (partial_taken_ > 0) {
    partial_.erase(partial_.begin(), partial_.begin() + static_cast<std::ptrdiff_t>(partial_taken_));
    partial_taken_ = 0;
  }
  if (offset_ < current_.size()) detail::append_bytes(partial_, current_.view().subspan(offset_));
  current_ = std::move(bytes);
  offset_ = 0;
}

result<std::optional<frame_reader::header>> frame_reader::read_header(bytes_view bytes) const {
  byte_reader in(bytes);
  header head;
  head.type = in.u8();
  const auto payload = in.varint();
  if (!in.ok()) {
    if (bytes.size() <= detail::varint_bytes_max) return std::optional<header>();
    return fail(errc::bad_frame,
                fmt::format("frame type {} at byte {}: a length that is no number", bytes[0], consumed_bytes_));
  }
  if (payload > payload_bytes_max_) {
    return fail(errc::too_large, fmt::format("frame type {} at byte {}: {} bytes, at most {} are taken", head.type,
                                             consumed_bytes_, payload, payload_bytes_max_));
  }
  head.header_bytes = bytes.size() - in.left();
  head.payload_bytes = static_cast<std::size_t>(payload);
  return head;
}

result<std::optional<frame>> frame_reader::take(const header& head, bytes_view payload) {
  auto value = decode_frame(head.type, payload);
  if (!value) {
    return fail(value.error().code, fmt::format("{} (at byte {})", value.error().context, consumed_bytes_));
  }
  consumed_bytes_ += head.header_bytes + head.payload_bytes;
  return std::optional<frame>(std::move(*value));
}

/// Moves up to `count` bytes from the piece at hand to the gathered frame; returns how many.
std::size_t frame_reader::pull(std::size_t count) {
  count = std::min(count, current_.size() - offset_);
  detail::append_bytes(partial_, current_.view().subspan(offset_, count));
  offset_ += count;
  return count;
}

result<std::optional<frame>> frame_reader::skip() {
  const auto gathered = std::min(skip_left_, partial_.size());
  partial_.erase(partial_.begin(), partial_.begin() + static_cast<std::ptrdiff_t>(gathered));
  const auto direct = std::min(skip_left_ - gathered, current_.size() - offset_);
  offset_ += direct;
  consumed_bytes_ += gathered + direct;
  skip_left_ -= gathered + direct;
  if (skip_left_ > 0) return std::optional<frame>();
  skipping_ = false;
  return std::optional<frame>(frame());
}

result<std::optional<frame>> frame_reader::next_from_partial() {
  while (true) {
    auto head = read_header(partial_);
    if (!head) return fail(head.error());
    if (!*head) {
      if (pull(1) == 0) return std::optional<frame>();
      continue;
    }
    if (!is_known((*head)->type)) {
      partial_.erase(partial_.begin(), partial_.begin() + static_cast<std::ptrdiff_t>((*head)->header_bytes));
      consumed_bytes_ += (*head)->header_bytes;
      skip_left_ = (*head)->payload_bytes;
      skipping_ = true;
      return skip();
    }
    const auto whole = (*head)->header_bytes + (*head)->payload_bytes;
    if (partial_.size() < whole) pull(whole - partial_.size());
    if (partial_.size() < whole) return std::optional<frame>();
    partial_taken_ = whole;
    return take(**head, bytes_view(partial_).subspan((*head)->header_bytes, (*head)->payload_bytes));
  }
}

result<std::optional<frame>> frame_reader::next() {
  if (partial_taken_ > 0) {
    partial_.erase(partial_.begin(), partial_.begin() + static_cast<std::ptrdiff_t>(partial_taken_));
    partial_taken_ = 0;
  }
  if (skipping_) return skip();
  if (!partial_.empty()) return next_from_partial();
  const auto rest = current_.view().subspan(offset_);
  if (rest.empty()) return std::optional<frame>();
  auto head = read_header(rest);
  if (!head) return fail(head.error());
  if (*head && is_known((*head)->type) && (*head)->header_bytes + (*head)->payload_bytes <= rest.size()) {
    offset_ += (*head)->header_bytes + (*head)->payload_bytes;
    return take(**head, rest.subspan((*head)->header_bytes, (*head)->payload_bytes));
  }
  if (*head && !is_known((*head)->type)) {
    offset_ += (*head)->header_bytes;
    consumed_bytes_ += (*head)->header_bytes;
    skip_left_ = (*head)->payload_bytes;
    skipping_ = true;
    return skip();
  }
  pull(rest.size());
  return std::optional<frame>();
}

}  // namespace quicsync
