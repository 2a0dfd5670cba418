#include <algorithm>

#include <quicsync/codec/frame.hpp>
#include <quicsync/codec/frame_flags.hpp>
#include <quicsync/codec/limits.hpp>
#include <quicsync/codec/varint.hpp>

namespace quicsync {
namespace {

using namespace detail;

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

  frame_type operator()(const digest_frame& f) const {
    append_varint(out, f.round);
    put_text(out, f.filter, limits::filter_bytes);
    append_varint(out, f.value.count());
    append_u64(out, f.value.sum().low);
    append_u64(out, f.value.sum().high);
    append_varint(out, f.deletions);
    return frame_type::digest;
  }

  frame_type operator()(const sketch_frame& f) const {
    append_varint(out, f.round);
    append_u64(out, f.key);
    append_varint(out, f.total);
    append_varint(out, f.first);
    append_bytes(out, f.symbols);
    return frame_type::sketch;
  }

  frame_type operator()(const request_frame& f) const {
    append_varint(out, f.round);
    out.push_back(static_cast<std::uint8_t>(f.what));
    if (f.what == request_frame::kind::symbols) {
      append_varint(out, f.first);
      append_varint(out, f.count);
    } else {
      const auto count = std::min(f.items.size(), limits::request_items);
      for (std::size_t i = 0; i < count; ++i) append_u64(out, f.items[i]);
    }
    return frame_type::request;
  }

  frame_type operator()(const delta_frame& f) const { return append_bytes(out, f.deltas), frame_type::delta; }

  frame_type operator()(const offer_frame& f) const {
    append_varint(out, f.round);
    out.push_back(f.last ? offer_last : 0);
    const auto count = std::min(f.records.size(), limits::offered_records);
    for (std::size_t i = 0; i < count; ++i) {
      append_u64(out, f.records[i].id);
      append_varint(out, f.records[i].version);
    }
    return frame_type::offer;
  }

  frame_type operator()(const mark_frame& f) const {
    append_varint(out, f.round);
    append_varint(out, f.position);
    for (const auto sequence : f.before) append_varint(out, sequence);
    return frame_type::mark;
  }

  frame_type operator()(const again_frame& f) const {
    append_varint(out, f.sequence);
    append_bytes(out, f.block);
    return frame_type::again;
  }

  frame_type operator()(const unknown_base_frame& f) const {
    out.push_back(f.lane);
    append_varint(out, f.sequence);
    return frame_type::unknown_base;
  }
};

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

}  // namespace quicsync
