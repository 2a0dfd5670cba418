#define XXH_INLINE_ALL
#include <algorithm>

#include <fmt/format.h>
#include <xxhash.h>

#include <quicsync/codec/hex.hpp>
#include <quicsync/codec/json_index.hpp>
#include <quicsync/codec/json_text.hpp>
#include <quicsync/codec/limits.hpp>
#include <quicsync/codec/record.hpp>
#include <quicsync/codec/record_parts.hpp>
#include <quicsync/codec/small_copy.hpp>
#include <quicsync/codec/symbols.hpp>
#include <quicsync/codec/tokens.hpp>

namespace quicsync {

content_hash hash_of(bytes_view record) noexcept {
  const auto hash = XXH3_128bits(record.data(), record.size());
  return {hash.high64, hash.low64};
}

record_order order_of(const record_view& record, const content_hash& hash) noexcept {
  return {record.version(), record.timestamp(), record.agent_id(), record.deleted(), hash};
}

namespace detail {
namespace {

// How the source stands: 0..254 is the agentId without that many last bytes; 255: a name of its own follows.
constexpr std::size_t source_cut_max = 254;
constexpr std::uint8_t source_own = 255;
constexpr unsigned tags_inline_max = 14;  // in the upper half of the priority's byte; 15: a varint follows

enum class checksum_kind : std::uint8_t { text = 0, sha256 = 1, crc32c = 2 };
constexpr std::string_view sha256_prefix = "sha256:", crc32c_prefix = "crc32c:";

std::uint8_t* put_checksum(std::uint8_t* to, std::string_view text) {
  const auto packed = [&](std::string_view prefix, std::size_t bytes, checksum_kind kind) {
    if (text.size() != prefix.size() + 2 * bytes || text.substr(0, prefix.size()) != prefix) return false;
    *to = static_cast<std::uint8_t>(kind);
    return pack_hex(to + 1, text.substr(prefix.size()));
  };
  if (packed(sha256_prefix, 32, checksum_kind::sha256)) return to + 33;
  if (packed(crc32c_prefix, 4, checksum_kind::crc32c)) return to + 5;
  *to++ = static_cast<std::uint8_t>(checksum_kind::text);
  return put_name(to, text);
}

result<void> check_text(std::string_view name, std::string_view text, text_check how) {
  if (text.size() > limits::id_bytes) {
    return fail(errc::too_large,
                fmt::format("{}: {} bytes, at most {} are taken", name, text.size(), limits::id_bytes));
  }
  if (how == text_check::needed && !is_plain(text)) {
    if (const auto bad = find_bad_utf8(text); bad != no_position) {
      return fail(errc::bad_field, fmt::format("{}: not UTF-8 at its byte {}", name, bad));
    }
  }
  return {};
}

result<void> check_number(std::string_view name, std::int64_t value) {
  if (value >= 0 && static_cast<std::uint64_t>(value) <= limits::version_max) return {};
  return fail(errc::bad_field, fmt::format("{}: must be an integer from 0 to {}", name, limits::version_max));
}

std::uint8_t* put_bytes(std::uint8_t* to, bytes_view bytes) {
  copy_short(to, bytes.data(), bytes.size());
  return to + bytes.size();
}

std::uint8_t* put_source(std::uint8_t* to, std::string_view agent, std::string_view source) {
  const auto cut = agent.size() - source.size();
  if (source.size() <= agent.size() && cut <= source_cut_max && agent.substr(0, source.size()) == source) {
    *to++ = static_cast<std::uint8_t>(cut);
    return to;
  }
  *to++ = source_own;
  return put_name(to, source);
}

std::uint8_t* put_live_body(std::uint8_t* to, const record_parts& parts) {
  namespace flag = record_flag;
  *to++ = static_cast<std::uint8_t>((parts.expires_at ? flag::expires : 0) | (parts.checksum ? flag::checksum : 0) |
                                    (parts.has_metadata_extra ? flag::metadata_extra : 0) |
                                    (parts.has_extra ? flag::extra : 0));
  to = put_name(to, parts.type);
  const bytes_view none;
  const auto metadata_shape = parts.has_metadata_extra ? parts.metadata_extra.shape() : none;
  const auto extra_shape = parts.has_extra ? parts.extra.shape() : none;
  to = put_varint(to, parts.data.shape().size() + metadata_shape.size() + extra_shape.size());
  to = put_bytes(to, parts.data.shape());
  to = put_bytes(to, metadata_shape);
  to = put_bytes(to, extra_shape);
  const auto tags = static_cast<unsigned>(parts.tags.size());
  const bool many = tags > tags_inline_max;
  *to++ = static_cast<std::uint8_t>(static_cast<unsigned>(parts.priority) | (many ? 15u : tags) << 4);
  if (many) to = put_varint(to, tags);
  for (const auto tag : parts.tags) to = put_name(to, tag);
  to = put_name(to, parts.agent_id);
  to = put_source(to, parts.agent_id, parts.source);
  if (parts.expires_at) to = put_varint(to, zigzag(*parts.expires_at - parts.timestamp));
  if (parts.checksum) to = put_checksum(to, *parts.checksum);
  to = put_bytes(to, parts.data.values());
  if (parts.has_metadata_extra) to = put_bytes(to, parts.metadata_extra.values());
  if (parts.has_extra) to = put_bytes(to, parts.extra.values());
  return to;
}

std::size_t size_bound(const record_parts& parts) {
  std::size_t bound = 160 + parts.id.size() + parts.agent_id.size() + parts.type.size() + parts.source.size();
  for (const auto tag : parts.tags) bound += tag.size() + 12;
  if (parts.checksum) bound += parts.checksum->size() + 12;
  for (const auto* sink : {&parts.data, &parts.metadata_extra, &parts.extra}) {
    bound += sink->shape().size() + sink->values().size();
  }
  return bound;
}

}  // namespace

result<void> check(const record_parts& parts, text_check text) {
  if (parts.id.empty()) return fail(errc::bad_field, "id: must not be empty");
  if (auto ok = check_text("id", parts.id, text); !ok) return ok;
  if (auto ok = check_text("agentId", parts.agent_id, text); !ok) return ok;
  if (auto ok = check_text("type", parts.type, text); !ok) return ok;
  if (auto ok = check_text("metadata.source", parts.source, text); !ok) return ok;
  if (auto ok = check_number("timestamp", parts.timestamp); !ok) return ok;
  if (parts.expires_at) {
    if (auto ok = check_number("metadata.expiresAt", *parts.expires_at); !ok) return ok;
  }
  if (parts.version > limits::version_max) {
    return fail(errc::bad_field, fmt::format("version: must be an integer from 0 to {}", limits::version_max));
  }
  if (parts.priority < 0 || parts.priority > 10)
    return fail(errc::bad_field, "metadata.priority: must be from 1 to 10");
  if (parts.tags.size() > limits::tags) {
    return fail(errc::too_large,
                fmt::format("metadata.tags: {} tags, at most {} are taken", parts.tags.size(), limits::tags));
  }
  for (const auto tag : parts.tags) {
    if (auto ok = check_text("metadata.tags", tag, text); !ok) return ok;
  }
  if (parts.checksum) return check_text("metadata.checksum", *parts.checksum, text);
  return {};
}

void record_parts::reset(std::size_t text_bytes) {
  id = agent_id = type = source = {};
  tags.clear();
  priority = 0;
  expires_at.reset();
  checksum.reset();
  timestamp = 0;
  version = 0;
  deleted = has_metadata_extra = has_extra = false;
  data.reset(text_bytes);
  metadata_extra.reset(text_bytes);
  extra.reset(text_bytes);
}

record_parts& record_parts::for_this_thread() {
  static thread_local record_parts instance;
  return instance;
}

result<void> append_record(byte_buffer& out, const record_parts& parts, text_check text) {
  if (auto ok = check(parts, text); !ok) return ok;
  const auto begin = out.size();
  out.resize(begin + size_bound(parts));
  auto* const first = out.data() + begin;
  auto* to = put_varint(first, parts.version);
  to = put_varint(to, static_cast<std::uint64_t>(parts.timestamp));
  to = put_varint(to, parts.id.size());
  to = put_bytes(to, as_bytes(parts.id));
  if (parts.deleted) {
    *to++ = record_flag::deleted;
    to = put_name(to, parts.agent_id);
  } else {
    to = put_live_body(to, parts);
  }
  const auto size = static_cast<std::size_t>(to - first);
  const bool large = size > limits::pattern_bytes;
  out.resize(large ? begin : begin + size);
  if (large)
    return fail(errc::too_large,
                fmt::format("a record of {} bytes, at most {} are taken", size, limits::pattern_bytes));
  return {};
}

std::string_view record_reader::take_tag(byte_reader& in) { return take_name(in); }

void record_reader::checksum(std::string& out) const {
  byte_reader in(record_.bytes_.subspan(record_.checksum_offset_));
  const auto kind = static_cast<checksum_kind>(in.u8());
  if (kind == checksum_kind::text) {
    out.append(take_name(in));
    return;
  }
  const bool sha = kind == checksum_kind::sha256;
  const auto bytes = in.take(sha ? 32 : 4);
  char digits[64];
  out.append(sha ? sha256_prefix : crc32c_prefix);
  out.append(digits, unpack_hex(digits, bytes.data(), bytes.size()));
}

namespace {

template <class Reader>
[[gnu::always_inline]] inline std::string_view take_short_name(Reader& in) {
  const auto name = take_name(in);
  if (name.size() > limits::id_bytes) in.fail();
  return name;
}

template <class Reader>
void skip_checksum(Reader& in) {
  switch (static_cast<checksum_kind>(in.u8())) {
    case checksum_kind::text:
      take_short_name(in);
      return;
    case checksum_kind::sha256:
      in.take(32);
      return;
    case checksum_kind::crc32c:
      in.take(4);
      return;
  }
  in.fail();
}

}  // namespace

/// What follows the id. `view` is new but for what stands before that.
template <class Reader>
[[gnu::always_inline]] inline bool record_reader::read_body(record_view& view, Reader in, std::uint64_t timestamp,
                                                            const char*& failure) {
  const auto refuse = [&](const char* why) {
    failure = why;
    return false;
  };
  const auto offset = [&] { return static_cast<std::uint32_t>(in.position() - view.bytes_.data()); };
  constexpr bool is_sure = std::is_same_v<Reader, sure_reader>;
  const auto flags = in.u8();
  if (!in.ok()) return refuse("ends early");
  if ((flags & ~record_flag::known) != 0) return refuse("unknown flags");
  view.flags_ = flags;
  if ((flags & record_flag::deleted) != 0) {
    if (flags != record_flag::deleted) return refuse("a tombstone with a payload");
    view.deleted_ = true;
    view.agent_id_ = take_short_name(in);
    if constexpr (!is_sure) {
      if (!in.ok() || !in.at_end()) return refuse("a tombstone of the wrong size");
    }
    return true;
  }
  view.type_ = take_short_name(in);
  view.shape_size_ = static_cast<std::uint32_t>(std::min<std::uint64_t>(in.varint(), limits::pattern_bytes + 1));
  view.shape_offset_ = offset();
  in.take(view.shape_size_);
  const auto priority_and_tags = in.u8();
  view.priority_ = priority_and_tags & 0x0f;
  std::uint64_t tags = priority_and_tags >> 4;
  if (tags > tags_inline_max) {
    tags = in.varint();
    if (tags <= tags_inline_max) in.fail();
  }
  if (view.priority_ > 10 || tags > limits::tags) return refuse("priority or tags out of range");
  view.tag_count_ = static_cast<std::uint16_t>(tags);
  if (!in.ok()) return refuse("ends early");
  view.tags_offset_ = offset();
  for (std::uint64_t i = 0; i < tags; ++i) take_short_name(in);
  view.agent_id_ = take_short_name(in);
  const auto cut = in.u8();
  if (cut == source_own) {
    view.source_ = take_short_name(in);
  } else {
    if (cut > view.agent_id_.size()) return refuse("a source longer than its agent");
    view.source_ = view.agent_id_.substr(0, view.agent_id_.size() - cut);
  }
  if ((flags & record_flag::expires) != 0) {
    const auto expires = static_cast<std::uint64_t>(unzigzag(in.varint())) + timestamp;
    if (expires > limits::version_max) return refuse("an expiry out of range");
    view.expires_at_ = static_cast<std::int64_t>(expires);
  }
  if ((flags & record_flag::checksum) != 0) {
    view.checksum_offset_ = offset();
    skip_checksum(in);
  }
  if (!in.ok()) return refuse("ends early");
  view.values_offset_ = offset();
  return true;
}

bool record_reader::parse(record_view& view, bytes_view bytes, const char*& failure) {
  byte_reader in(bytes);
  const auto version = in.varint();
  const auto timestamp = in.varint();
  const auto id_size = in.varint();
  const auto id = in.text(id_size);
  if (!in.ok()) {
    failure = "ends early";
    return false;
  }
  return parse(view, bytes, version, timestamp, id, failure);
}

bool record_reader::parse(record_view& view, bytes_view bytes, std::uint64_t version, std::uint64_t timestamp,
                          std::string_view id, const char*& failure) {
  const auto refuse = [&](const char* why) {
    failure = why;
    return false;
  };
  if (bytes.size() > limits::pattern_bytes) return refuse("larger than a record may be");
  if (version > limits::version_max || timestamp > limits::version_max) return refuse("a number out of range");
  if (id.empty() || id.size() > limits::id_bytes) return refuse("no id, or one too long");
  view.bytes_ = bytes;
  view.version_ = version;
  view.timestamp_ = static_cast<std::int64_t>(timestamp);
  view.id_ = id;
  const auto body = static_cast<std::size_t>(as_bytes(id).data() + id.size() - bytes.data());
  return read_body(view, byte_reader(bytes.subspan(body)), timestamp, failure);
}

void record_reader::read(record_view& view, bytes_view bytes, std::uint64_t version, std::uint64_t timestamp) noexcept {
  sure_reader in(bytes.subspan(varint_size(version) + varint_size(timestamp)));
  view.bytes_ = bytes;
  view.version_ = version;
  view.timestamp_ = static_cast<std::int64_t>(timestamp);
  view.id_ = in.text(in.varint());
  const char* failure = nullptr;
  read_body(view, in, timestamp, failure);
}

record_head head_of(bytes_view record) noexcept {
  sure_reader in(record);
  record_head head;
  head.version = in.varint();
  head.timestamp = in.varint();
  head.id = in.text(in.varint());
  head.body = in.rest();
  return head;
}

}  // namespace detail

result<record_view> record_view::parse(bytes_view bytes) {
  record_view view;
  const char* failure = nullptr;
  if (detail::record_reader::parse(view, bytes, failure)) return view;
  return fail(bytes.size() > limits::pattern_bytes ? errc::too_large : errc::bad_record,
              fmt::format("record: {}", failure));
}

bool record_view::has_checksum() const noexcept { return (flags_ & detail::record_flag::checksum) != 0; }

bool record_view::has_tag(std::string_view tag) const noexcept {
  bool found = false;
  detail::record_reader(*this).tags([&](std::string_view each) {
    found = each == tag;
    return !found;
  });
  return found;
}

bool record_view::has_tag_prefix(std::string_view prefix) const noexcept {
  bool found = false;
  detail::record_reader(*this).tags([&](std::string_view each) {
    found = each.starts_with(prefix);
    return !found;
  });
  return found;
}

result<pattern> record_view::to_pattern() const {
  namespace flag = detail::record_flag;
  const detail::record_reader reader(*this);
  pattern value;
  value.id = id_;
  value.agent_id = agent_id_;
  value.timestamp = timestamp_;
  value.version = version_;
  value.deleted = deleted_;
  bool text_ok =
      detail::find_bad_utf8(id_) == detail::no_position && detail::find_bad_utf8(agent_id_) == detail::no_position;
  if (!deleted_) {
    value.type = type_;
    value.metadata.source = source_;
    value.metadata.priority = priority();
    value.metadata.expires_at = expires_at_;
    reader.tags([&](std::string_view tag) {
      value.metadata.tags.emplace_back(tag);
      text_ok = text_ok && detail::find_bad_utf8(tag) == detail::no_position;
      return true;
    });
    if (reader.has(flag::checksum)) reader.checksum(value.metadata.checksum.emplace());
    auto tokens = reader.tokens();
    auto& text = detail::text_buffer::for_this_thread();
    bool ok = tokens.value(text, 1);
    const auto data_end = text.size();
    if (ok && reader.has(flag::metadata_extra)) ok = tokens.extra_members(text, 2, detail::metadata_fields);
    const auto metadata_end = text.size();
    if (ok && reader.has(flag::extra)) ok = tokens.extra_members(text, 1, detail::pattern_fields);
    if (!ok || !tokens.at_end()) return fail(errc::bad_record, "record: data does not decode");
    value.data = text.text().substr(0, data_end);
    value.metadata.extra = text.text().substr(data_end, metadata_end - data_end);
    value.extra = text.text_from(metadata_end);
    for (const auto* each : {&value.type, &value.metadata.source}) {
      text_ok = text_ok && detail::find_bad_utf8(*each) == detail::no_position;
    }
    if (value.metadata.checksum)
      text_ok = text_ok && detail::find_bad_utf8(*value.metadata.checksum) == detail::no_position;
  }
  if (!text_ok) return fail(errc::bad_record, "record: text that is not UTF-8");
  return value;
}

namespace {

result<void> fail_field(std::string_view field, const error& why) {
  return fail(errc::bad_field, fmt::format("{}: {}", field, why.context));
}

/// Members as text, `"a":1,"b":2`, to tokens with their end mark.
result<void> take_extra(detail::token_sink& sink, const std::string& text, std::span<const std::string_view> own,
                        std::string_view field, unsigned depth) {
  const auto object = "{" + text + "}";
  auto& index = detail::json_index::for_this_thread();
  if (auto ok = index.build(object); !ok) return fail_field(field, ok.error());
  detail::token_writer walk(object, index.tokens());
  bool ok = walk.expect('{');
  while (ok) {
    std::string_view key;
    ok = walk.take_key(key);
    if (!ok) break;
    std::string plain;
    detail::append_unescaped(plain, key);
    for (const auto name : own) {
      if (plain == name) return fail(errc::bad_field, fmt::format("{}: holds the pattern's own field {}", field, name));
    }
    detail::put_key(sink.shape_, key);
    ok = walk.take_value(sink, depth);
    if (!ok || walk.peek() == '}') break;
    ok = walk.expect(',');
  }
  if (!ok || !walk.expect('}') || !walk.expect_end()) return fail_field(field, walk.failure());
  *sink.shape_++ = detail::token::key_end;
  return {};
}

}  // namespace

result<void> append_record(byte_buffer& out, const pattern& value) {
  auto& parts = detail::record_parts::for_this_thread();
  parts.reset(std::max({value.data.size(), value.metadata.extra.size(), value.extra.size()}));
  parts.id = value.id;
  parts.agent_id = value.agent_id;
  parts.timestamp = value.timestamp;
  parts.version = value.version;
  parts.deleted = value.deleted;
  if (value.deleted) return detail::append_record(out, parts, detail::text_check::needed);
  parts.type = value.type;
  parts.source = value.metadata.source;
  parts.tags.assign(value.metadata.tags.begin(), value.metadata.tags.end());
  if (value.metadata.priority && (*value.metadata.priority < 1 || *value.metadata.priority > 10)) {
    return fail(errc::bad_field, "metadata.priority: must be from 1 to 10");
  }
  parts.priority = value.metadata.priority.value_or(0);
  parts.expires_at = value.metadata.expires_at;
  if (value.metadata.checksum) parts.checksum = *value.metadata.checksum;
  auto& index = detail::json_index::for_this_thread();
  if (auto ok = index.build(value.data); !ok) return fail_field("data", ok.error());
  detail::token_writer walk(value.data, index.tokens());
  std::string_view whole;
  if (!walk.take_value(parts.data, 1, &whole) || !walk.expect_end()) return fail_field("data", walk.failure());
  if (whole.size() != value.data.size()) return fail(errc::bad_field, "data: white space around the value");
  if (!value.metadata.extra.empty()) {
    parts.has_metadata_extra = true;
    if (auto ok = take_extra(parts.metadata_extra, value.metadata.extra, detail::metadata_fields, "metadata", 2); !ok)
      return ok;
  }
  if (!value.extra.empty()) {
    parts.has_extra = true;
    if (auto ok = take_extra(parts.extra, value.extra, detail::pattern_fields, "pattern", 1); !ok) return ok;
  }
  return detail::append_record(out, parts, detail::text_check::needed);
}

result<void> append_tombstone(byte_buffer& out, std::string_view id, std::string_view agent_id, std::int64_t timestamp,
                              std::uint64_t version) {
  auto& parts = detail::record_parts::for_this_thread();
  parts.reset(0);
  parts.id = id;
  parts.agent_id = agent_id;
  parts.timestamp = timestamp;
  parts.version = version;
  parts.deleted = true;
  return detail::append_record(out, parts, detail::text_check::needed);
}

}  // namespace quicsync
