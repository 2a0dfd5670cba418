#include <algorithm>

#include <fmt/format.h>

#include <quicsync/codec/frame.hpp>
#include <quicsync/codec/varint.hpp>

namespace quicsync {

bytes_view frame_reader::gathered() const noexcept { return bytes_view(partial_).subspan(partial_begin_); }

/// Passes over bytes at the front. They are moved away only when they are half of all: many small frames in one large
/// piece cost their own size, not its square.
void frame_reader::drop(std::size_t count) {
  partial_begin_ += count;
  if (partial_begin_ * 2 < partial_.size()) return;
  partial_.erase(partial_.begin(), partial_.begin() + static_cast<std::ptrdiff_t>(partial_begin_));
  partial_begin_ = 0;
}

void frame_reader::feed(shared_bytes bytes) {
  drop(std::exchange(partial_taken_, 0));
  if (offset_ < current_.size()) detail::append_bytes(partial_, current_.view().subspan(offset_));
  current_ = std::move(bytes);
  offset_ = 0;
}

result<std::optional<frame_reader::header>> frame_reader::read_header(bytes_view bytes) const {
  detail::byte_reader in(bytes);
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
  const auto from_partial = std::min(skip_left_, gathered().size());
  drop(from_partial);
  const auto direct = std::min(skip_left_ - from_partial, current_.size() - offset_);
  offset_ += direct;
  consumed_bytes_ += from_partial + direct;
  skip_left_ -= from_partial + direct;
  if (skip_left_ > 0) return std::optional<frame>();
  skipping_ = false;
  return std::optional<frame>(frame());
}

result<std::optional<frame>> frame_reader::next_from_partial() {
  while (true) {
    auto head = read_header(gathered());
    if (!head) return fail(head.error());
    if (!*head) {
      if (pull(1) == 0) return std::optional<frame>();
      continue;
    }
    if (!is_known((*head)->type)) {
      drop((*head)->header_bytes);
      consumed_bytes_ += (*head)->header_bytes;
      skip_left_ = (*head)->payload_bytes;
      skipping_ = true;
      return skip();
    }
    const auto whole = (*head)->header_bytes + (*head)->payload_bytes;
    if (gathered().size() < whole) pull(whole - gathered().size());
    if (gathered().size() < whole) return std::optional<frame>();
    partial_taken_ = whole;
    return take(**head, gathered().subspan((*head)->header_bytes, (*head)->payload_bytes));
  }
}

result<std::optional<frame>> frame_reader::next() {
  drop(std::exchange(partial_taken_, 0));
  if (skipping_) return skip();
  if (!gathered().empty()) return next_from_partial();
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
