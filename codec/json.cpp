#include <charconv>

#include <fmt/format.h>

#include <quicsync/codec/json.hpp>
#include <quicsync/codec/json_index.hpp>
#include <quicsync/codec/json_text.hpp>
#include <quicsync/codec/limits.hpp>
#include <quicsync/codec/record_parts.hpp>
#include <quicsync/codec/symbols.hpp>
#include <quicsync/codec/tokens.hpp>

namespace quicsync {
namespace detail {
namespace {

enum class field : unsigned {
  id,
  agent_id,
  type,
  data,
  metadata,
  timestamp,
  version,
  deleted,
  source,
  tags,
  priority,
  expires_at,
  checksum,
  unknown
};

constexpr std::string_view field_names[] = {"id",
                                            "agentId",
                                            "type",
                                            "data",
                                            "metadata",
                                            "timestamp",
                                            "version",
                                            "deleted",
                                            "metadata.source",
                                            "metadata.tags",
                                            "metadata.priority",
                                            "metadata.expiresAt",
                                            "metadata.checksum"};

field top_field(std::string_view key) noexcept {
  switch (key.size()) {
    case 2:
      return key == "id" ? field::id : field::unknown;
    case 4:
      return key == "type" ? field::type : key == "data" ? field::data : field::unknown;
    case 7:
      return key == "agentId"   ? field::agent_id
             : key == "version" ? field::version
             : key == "deleted" ? field::deleted
                                : field::unknown;
    case 8:
      return key == "metadata" ? field::metadata : field::unknown;
    case 9:
      return key == "timestamp" ? field::timestamp : field::unknown;
    default:
      return field::unknown;
  }
}

field metadata_field(std::string_view key) noexcept {
  switch (key.size()) {
    case 4:
      return key == "tags" ? field::tags : field::unknown;
    case 6:
      return key == "source" ? field::source : field::unknown;
    case 8:
      return key == "priority" ? field::priority : key == "checksum" ? field::checksum : field::unknown;
    case 9:
      return key == "expiresAt" ? field::expires_at : field::unknown;
    default:
      return field::unknown;
  }
}

std::string_view kind_of(char first) noexcept {
  switch (first) {
    case '"':
      return "a string";
    case '{':
      return "an object";
    case '[':
      return "an array";
    case 't':
    case 'f':
      return "a boolean";
    case 'n':
      return "null";
    default:
      return "a number";
  }
}

/// Reads one JSON object into parts. Where `texts` is given, `data` and the unknown members are kept as text as well.
class pattern_reader {
 public:
  struct texts {
    std::string_view data;
    std::string metadata_extra, extra;
  };

  pattern_reader(std::string_view json, std::span<const std::uint32_t> tokens, record_parts& parts, std::string& arena,
                 texts* wanted)
      : json_(json), walk_(json, tokens), parts_(parts), arena_(arena), texts_(wanted) {}

  bool read() { return members(false) && walk_.expect_end() && check_present(); }
  const error& failure() const noexcept { return failure_.code == errc::none ? walk_.failure() : failure_; }

 private:
  bool refuse(std::size_t position, errc code, field which, std::string_view why) {
    failure_ = {code, fmt::format("byte {}: {}: {}", position, field_names[static_cast<unsigned>(which)], why)};
    return false;
  }
  bool wrong_kind(field which, std::string_view wanted) {
    return refuse(walk_.position(), errc::bad_field, which,
                  fmt::format("must be {}, got {}", wanted, kind_of(walk_.peek())));
  }

  bool members(bool in_metadata) {
    if (!walk_.expect('{')) return false;
    while (walk_.peek() != '}') {
      const auto position = walk_.position();
      std::string_view key;
      if (!walk_.take_key(key)) return false;
      const auto which = walk_.has_escapes() ? escaped_field(key, in_metadata) : field_of(key, in_metadata);
      if (which == field::unknown) {
        if (!unknown(key, in_metadata)) return false;
      } else {
        const auto bit = 1u << static_cast<unsigned>(which);
        if ((seen_ & bit) != 0) return refuse(position, errc::duplicate_field, which, "given twice");
        seen_ |= bit;
        if (!known(which)) return false;
      }
      if (walk_.peek() == '}') break;
      if (!walk_.expect(',')) return false;
      if (walk_.peek() == '}') return walk_.expect('"');  // a comma with nothing after it
    }
    const bool extra = in_metadata ? parts_.has_metadata_extra : parts_.has_extra;
    if (extra) *(in_metadata ? parts_.metadata_extra : parts_.extra).shape_++ = token::key_end;
    return walk_.expect('}');
  }

  static field field_of(std::string_view key, bool in_metadata) noexcept {
    return in_metadata ? metadata_field(key) : top_field(key);
  }
  static field escaped_field(std::string_view key, bool in_metadata) {
    std::string plain;
    append_unescaped(plain, key);
    return field_of(plain, in_metadata);
  }

  bool unknown(std::string_view key, bool in_metadata) {
    auto& sink = in_metadata ? parts_.metadata_extra : parts_.extra;
    (in_metadata ? parts_.has_metadata_extra : parts_.has_extra) = true;
    put_key(sink.shape_, key);
    std::string_view text;
    if (!walk_.take_value(sink, in_metadata ? 2 : 1, &text)) return false;
    if (texts_ != nullptr) {
      auto& out = in_metadata ? texts_->metadata_extra : texts_->extra;
      out.append(out.empty() ? "\"" : ",\"").append(key).append("\":").append(text);
    }
    return true;
  }

  bool known(field which) {
    switch (which) {
      case field::id:
        return string(which, parts_.id);
      case field::agent_id:
        return string(which, parts_.agent_id);
      case field::type:
        return string(which, parts_.type);
      case field::source:
        return string(which, parts_.source);
      case field::checksum:
        return string(which, parts_.checksum.emplace());
      case field::tags:
        return tags();
      case field::data:
        return walk_.take_value(parts_.data, 1, texts_ != nullptr ? &texts_->data : nullptr);
      case field::metadata:
        return walk_.peek() == '{' ? members(true) : wrong_kind(which, "an object");
      case field::deleted:
        return deleted();
      default:
        return number(which);
    }
  }

  bool string(field which, std::string_view& to) {
    if (walk_.peek() != '"') return wrong_kind(which, "a string");
    const auto position = walk_.position();
    std::string_view inner;
    if (!walk_.take_text(inner)) return false;
    to = inner;
    if (walk_.has_escapes() && inner.find('\\') != std::string_view::npos) {
      // The arena holds the whole text's size, so what was put there before stays where it is.
      const auto begin = arena_.size();
      if (begin == 0) arena_.reserve(json_.size());
      if (!append_unescaped(arena_, inner))
        return refuse(position, errc::bad_field, which, "a surrogate that stands alone");
      to = std::string_view(arena_).substr(begin);
    }
    return true;
  }

  bool tags() {
    if (walk_.peek() != '[') return wrong_kind(field::tags, "an array of strings");
    if (!walk_.expect('[')) return false;
    while (walk_.peek() != ']') {
      std::string_view tag;
      if (!string(field::tags, tag)) return false;
      if (parts_.tags.size() == limits::tags) {
        return refuse(walk_.position(), errc::too_large, field::tags,
                      fmt::format("at most {} are taken", limits::tags));
      }
      parts_.tags.push_back(tag);
      if (walk_.peek() == ']') break;
      if (!walk_.expect(',')) return false;
      if (walk_.peek() == ']') return walk_.expect('"');
    }
    return walk_.expect(']');
  }

  bool number(field which) {
    const bool priority = which == field::priority;
    const std::uint64_t least = priority ? 1 : 0, most = priority ? 10 : limits::version_max;
    const auto wanted = [&] { return fmt::format("an integer from {} to {}", least, most); };
    const char first = walk_.peek();
    if (first != '-' && (first < '0' || first > '9')) return wrong_kind(which, wanted());
    const auto position = walk_.position();
    std::string_view text;
    if (!walk_.take_number(text)) return false;
    if (!is_number(text)) return refuse(position, errc::bad_json, which, "not a number");
    std::uint64_t value = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (code != std::errc() || end != text.data() + text.size() || value < least || value > most) {
      return refuse(position, errc::bad_field, which, fmt::format("must be {}, got {}", wanted(), text.substr(0, 40)));
    }
    switch (which) {
      case field::priority:
        parts_.priority = static_cast<int>(value);
        break;
      case field::expires_at:
        parts_.expires_at = static_cast<std::int64_t>(value);
        break;
      case field::timestamp:
        parts_.timestamp = static_cast<std::int64_t>(value);
        break;
      default:
        parts_.version = value;
        break;
    }
    return true;
  }

  bool deleted() {
    const char first = walk_.peek();
    if (first != 't' && first != 'f') return wrong_kind(field::deleted, "a boolean");
    token_sink ignored;
    ignored.reset(0);
    parts_.deleted = first == 't';
    return walk_.take_value(ignored, 1);
  }

  bool check_present() {
    const auto has = [&](field which) { return (seen_ >> static_cast<unsigned>(which) & 1) != 0; };
    const auto missing = [&](field which) {
      failure_ = {errc::missing_field, fmt::format("{}: missing", field_names[static_cast<unsigned>(which)])};
      return false;
    };
    for (const auto which : {field::id, field::agent_id, field::timestamp, field::version}) {
      if (!has(which)) return missing(which);
    }
    if (parts_.deleted) {
      for (const auto which : {field::type, field::data, field::metadata}) {
        if (has(which)) return refuse(0, errc::bad_field, which, "not in a deletion");
      }
      return !parts_.has_extra || refuse(0, errc::bad_field, field::deleted, "a deletion has no members of its own");
    }
    for (const auto which : {field::type, field::data, field::metadata, field::source, field::tags}) {
      if (!has(which)) return missing(which);
    }
    return true;
  }

  std::string_view json_;
  token_writer walk_;
  record_parts& parts_;
  std::string& arena_;
  texts* texts_;
  unsigned seen_ = 0;
  error failure_;
};

result<void> read_pattern(std::string_view json, record_parts& parts, std::string& arena,
                          pattern_reader::texts* texts) {
  auto& index = json_index::for_this_thread();
  if (auto ok = index.build(json); !ok) return ok;
  parts.reset(json.size());
  pattern_reader reader(json, index.tokens(), parts, arena, texts);
  if (!reader.read()) return fail(reader.failure());
  return {};
}

void append_tombstone_json(std::string& out, std::string_view id, std::string_view agent, std::int64_t timestamp,
                           std::uint64_t version) {
  out.append("{\"id\":");
  append_quoted(out, id);
  out.append(",\"agentId\":");
  append_quoted(out, agent);
  fmt::format_to(std::back_inserter(out), ",\"deleted\":true,\"timestamp\":{},\"version\":{}}}", timestamp, version);
}

/// Appends the record as text; false where it does not decode.
bool print(text_buffer& text, const record_view& record) {
  namespace flag = record_flag;
  const record_reader reader(record);
  bool ok = true;
  const auto bytes = record.bytes();
  const auto quoted = [&](std::string_view string) {
    // What does not lie in the record is a word of the static lists and needs no second look.
    const auto* const at = reinterpret_cast<const std::uint8_t*>(string.data());
    if (at < bytes.data() || at >= bytes.data() + bytes.size())
      text.put_plain(string);
    else
      ok = text.put_quoted(string) && ok;
  };
  text.put("{\"id\":"), quoted(record.id());
  text.put(",\"agentId\":"), quoted(record.agent_id());
  text.put(",\"type\":"), quoted(record.type());
  text.put(",\"data\":");
  auto tokens = reader.tokens();
  if (!tokens.value(text, 1)) return false;
  text.put(",\"metadata\":{\"source\":"), quoted(record.source());
  text.put(",\"tags\":[");
  bool first = true;
  reader.tags([&](std::string_view tag) {
    if (!first) text.put(',');
    first = false;
    quoted(tag);
    return true;
  });
  text.put(']');
  if (const auto priority = record.priority()) text.put(",\"priority\":"), text.put_integer(*priority);
  if (const auto expires = record.expires_at()) text.put(",\"expiresAt\":"), text.put_integer(*expires);
  if (reader.has(flag::checksum)) {
    std::string checksum;
    reader.checksum(checksum);
    text.put(",\"checksum\":");
    ok = text.put_quoted(checksum) && ok;
  }
  if (reader.has(flag::metadata_extra)) {
    text.put(',');
    if (!tokens.extra_members(text, 2, metadata_fields)) return false;
  }
  text.put("},\"timestamp\":"), text.put_integer(record.timestamp());
  text.put(",\"version\":"), text.put_integer(static_cast<std::int64_t>(record.version()));
  if (reader.has(flag::extra)) {
    text.put(',');
    if (!tokens.extra_members(text, 1, pattern_fields)) return false;
  }
  text.put('}');
  return ok && tokens.at_end();
}

}  // namespace
}  // namespace detail

result<pattern> parse_pattern(std::string_view json) {
  auto& parts = detail::record_parts::for_this_thread();
  std::string arena;
  detail::pattern_reader::texts texts;
  if (auto ok = detail::read_pattern(json, parts, arena, &texts); !ok) return fail(ok.error());
  pattern value;
  value.id = parts.id;
  value.agent_id = parts.agent_id;
  value.timestamp = parts.timestamp;
  value.version = parts.version;
  value.deleted = parts.deleted;
  if (!value.deleted) {
    value.type = parts.type;
    value.data = texts.data;
    value.metadata.source = parts.source;
    value.metadata.tags.assign(parts.tags.begin(), parts.tags.end());
    if (parts.priority != 0) value.metadata.priority = parts.priority;
    value.metadata.expires_at = parts.expires_at;
    if (parts.checksum) value.metadata.checksum = std::string(*parts.checksum);
    value.metadata.extra = std::move(texts.metadata_extra);
    value.extra = std::move(texts.extra);
  }
  if (auto ok = detail::check(parts, detail::text_check::done); !ok) return fail(ok.error());
  return value;
}

result<void> append_record_of_json(byte_buffer& out, std::string_view json) {
  auto& parts = detail::record_parts::for_this_thread();
  std::string arena;
  if (auto ok = detail::read_pattern(json, parts, arena, nullptr); !ok) return ok;
  return detail::append_record(out, parts, detail::text_check::done);
}

void append_json(std::string& out, const pattern& value) {
  if (value.deleted) {
    detail::append_tombstone_json(out, value.id, value.agent_id, value.timestamp, value.version);
    return;
  }
  const auto field = [&](std::string_view name, std::string_view text) {
    out.append(name);
    detail::append_quoted(out, text);
  };
  field("{\"id\":", value.id);
  field(",\"agentId\":", value.agent_id);
  field(",\"type\":", value.type);
  out.append(",\"data\":").append(value.data);
  field(",\"metadata\":{\"source\":", value.metadata.source);
  out.append(",\"tags\":[");
  for (std::size_t i = 0; i < value.metadata.tags.size(); ++i) field(i == 0 ? "" : ",", value.metadata.tags[i]);
  out.push_back(']');
  const auto number = [&](std::string_view name, auto n) { fmt::format_to(std::back_inserter(out), "{}{}", name, n); };
  if (value.metadata.priority) number(",\"priority\":", *value.metadata.priority);
  if (value.metadata.expires_at) number(",\"expiresAt\":", *value.metadata.expires_at);
  if (value.metadata.checksum) field(",\"checksum\":", *value.metadata.checksum);
  if (!value.metadata.extra.empty()) out.append(",").append(value.metadata.extra);
  number("},\"timestamp\":", value.timestamp);
  number(",\"version\":", value.version);
  if (!value.extra.empty()) out.append(",").append(value.extra);
  out.push_back('}');
}

result<void> append_json(std::string& out, const record_view& record) {
  if (record.deleted()) {
    if (detail::find_bad_utf8(record.id()) != detail::no_position ||
        detail::find_bad_utf8(record.agent_id()) != detail::no_position) {
      return fail(errc::bad_record, "record: text that is not UTF-8");
    }
    detail::append_tombstone_json(out, record.id(), record.agent_id(), record.timestamp(), record.version());
    return {};
  }
  auto& text = detail::text_buffer::for_this_thread();
  if (!detail::print(text, record)) return fail(errc::bad_record, "record: does not decode to JSON");
  out.append(text.text());
  return {};
}

}  // namespace quicsync
