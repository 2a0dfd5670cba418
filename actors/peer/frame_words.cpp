#include <type_traits>

#include <quicsync/actors/peer/frame_words.hpp>
#include <quicsync/transport/connection_traces.hpp>
#include <quicsync/transport/lane.hpp>

namespace quicsync {
namespace {

std::string field(std::string_view name, std::uint64_t number) { return trace_field(name, number); }
std::string field(std::string_view name, std::string_view text) { return trace_field(name, text); }
std::string field(std::string_view name, const error& reason) { return trace_field(name, to_string(reason)); }

/// A number that the other side gave.
std::string lane_field(std::uint8_t number) {
  return number < lane_count ? field("lane", to_string(static_cast<lane>(number))) : field("lane", "unknown");
}

const char* name_of(subscribe_frame::start from) {
  switch (from) {
    case subscribe_frame::start::now:
      return "now";
    case subscribe_frame::start::beginning:
      return "beginning";
    case subscribe_frame::start::position:
      break;
  }
  return "position";
}

struct visitor {
  using words = std::optional<frame_words>;

  words operator()(const std::monostate&) const { return frame_words{"sync:unknown", {}}; }
  words operator()(const batch_frame&) const { return std::nullopt; }
  words operator()(const hello_frame& f) const {
    return frame_words{"sync:hello",
                       field("peer", f.name) + field("role", f.role == node_role::node ? "node" : "client") +
                           field("level", static_cast<std::uint64_t>(f.level)) + field("instance", f.instance) +
                           field("incarnation", f.log.incarnation) + field("position", f.log.position) +
                           field("partial", std::uint64_t{f.partial})};
  }
  words operator()(const subscribe_frame& f) const {
    return frame_words{"sync:subscribe", field("filter", f.filter) + field("from", name_of(f.from)) +
                                             field("position", f.position.position)};
  }
  words operator()(const acknowledgement_frame& f) const {
    std::uint64_t records = 0;
    for (const auto& range : f.ranges) records += range.last - range.first + 1;
    return frame_words{"sync:acknowledgement",
                       lane_field(f.lane) + field("level", static_cast<std::uint64_t>(f.level)) +
                           field("first", f.ranges.empty() ? 0 : f.ranges.front().first) +
                           field("last", f.ranges.empty() ? 0 : f.ranges.back().last) + field("records", records)};
  }
  words operator()(const refusal_frame& f) const {
    return frame_words{"sync:refusal", lane_field(f.lane) + field("sequence", f.sequence) + field("reason", f.reason)};
  }
  words operator()(const query_frame& f) const {
    return frame_words{"sync:query", field("number", f.number) +
                                         field("what", f.what == query_frame::kind::list ? "list" : "get") +
                                         field("argument", f.argument)};
  }
  words operator()(const reply_frame& f) const {
    return frame_words{"sync:reply", field("number", f.number) + field("bytes", f.block.size()) +
                                         field("last", std::uint64_t{f.last}) +
                                         (f.failure ? field("reason", *f.failure) : std::string())};
  }
  words operator()(const ping_frame&) const { return frame_words{"sync:ping", {}}; }
  words operator()(const pong_frame&) const { return frame_words{"sync:pong", {}}; }
  words operator()(const goodbye_frame& f) const { return frame_words{"sync:goodbye", field("reason", f.reason)}; }
  words operator()(const error_frame& f) const { return frame_words{"sync:error", field("reason", f.reason)}; }
  words operator()(const neighbours_frame& f) const {
    return frame_words{"sync:neighbours", field("count", f.names.size())};
  }
  words operator()(const digest_frame& f) const {
    return frame_words{"sync:digest",
                       field("round", f.round) + field("filter", f.filter) + field("records", f.value.count())};
  }
  words operator()(const sketch_frame& f) const {
    return frame_words{"sync:sketch", field("round", f.round) + field("first", f.first) +
                                          field("bytes", f.symbols.size()) + field("total", f.total)};
  }
  words operator()(const request_frame& f) const {
    const bool symbols = f.what == request_frame::kind::symbols;
    return frame_words{"sync:request", field("round", f.round) + field("what", symbols ? "symbols" : "records") +
                                           field("count", symbols ? f.count : f.items.size())};
  }
  words operator()(const offer_frame& f) const {
    return frame_words{"sync:offer", field("round", f.round) + field("records", f.records.size()) +
                                         field("last", std::uint64_t{f.last})};
  }
  words operator()(const mark_frame& f) const {
    return frame_words{"sync:mark", field("round", f.round) + field("position", f.position)};
  }
  words operator()(const delta_frame&) const { return std::nullopt; }
  words operator()(const again_frame& f) const {
    return frame_words{"sync:again", field("sequence", f.sequence) + field("bytes", f.block.size())};
  }
  words operator()(const unknown_base_frame& f) const {
    return frame_words{"sync:unknown_base", lane_field(f.lane) + field("sequence", f.sequence)};
  }
};

}  // namespace

std::optional<frame_words> words_of(const frame& value) { return std::visit(visitor{}, value); }

}  // namespace quicsync
