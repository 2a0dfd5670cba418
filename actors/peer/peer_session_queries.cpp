#include <fmt/format.h>

#include <quicsync/actors/peer/peer_session.hpp>
#include <quicsync/codec/limits.hpp>

namespace quicsync {

void peer_session::serve(const query_frame& query) {
  if (outgoing(lane::low).in_flight_bytes > 2 * limits::lane_in_flight_bytes)
    return abandon({errc::flood, "the peer does not read what it is answered on the low lane"});
  auto refuse = [&](error reason) { say(reply_frame{query.number, true, std::move(reason), {}}, lane::low); };
  if (served_.size() >= limits::queries_at_once)
    return refuse({errc::overloaded, fmt::format("more than {} queries at once", limits::queries_at_once)});
  std::uint64_t tag = next_tag_++;
  if (query.what == query_frame::kind::get) {
    served_.emplace(tag, served_query{query.number, {}, {}, query.argument});
    return serve_more();
  }
  auto wanted = filter::parse(query.argument);
  if (!wanted) return refuse(std::move(wanted.error()));
  served_.emplace(tag, served_query{query.number, std::move(*wanted), {}, std::nullopt});
  serve_more();
}

// One question at a time is under way, in turn, so that at most one answer goes beyond the lane's room.
void peer_session::serve_more() {
  if (over_ || answering_ || !has_room(lane::low)) return;
  auto next = served_.upper_bound(last_served_);
  if (next == served_.end()) next = served_.begin();
  if (next == served_.end()) return;
  last_served_ = next->first;
  answering_ = true;
  if (next->second.id)
    host_.find(next->first, *next->second.id);
  else
    host_.pull(next->first, next->second.after, lane_set::all_patterns(), false, limits::turn_records,
               limits::turn_bytes);
}

void peer_session::reply_with(const served_query& query, const std::vector<std::shared_ptr<const change_set>>& sets,
                              bool last) {
  std::vector<bytes_view> records;
  std::size_t bytes = 0;
  byte_buffer frames;
  block_encoder encoder(config_.compress);
  auto flush = [&](bool final) {
    byte_buffer block;
    if (!records.empty()) encoder.append(block, records, true);
    if (!block.empty() || final) append_frame(frames, reply_frame{query.number, final, std::nullopt, block});
    records.clear();
    bytes = 0;
  };
  for (const auto& set : sets) {
    if (set->source != number_ && !set->access.allows(their_hello_->name)) continue;
    for (const change& c : set->changes) {
      const auto held = set->records->record(c.index);
      if (held.deleted() || !query.wanted.matches(held) || !rules_.may_read(held)) continue;
      bytes_view record = set->records->bytes(c.index);
      if (!records.empty() && bytes + record.size() > limits::block_bytes) flush(false);
      records.push_back(record);
      bytes += record.size();
    }
  }
  flush(last);
  send_on(lane::low, std::move(frames));
}

void peer_session::take_found(const messages::found& found) {
  auto query = served_.find(found.tag);
  if (over_ || query == served_.end()) return;
  std::uint64_t number = query->second.number;
  served_.erase(query);
  answering_ = false;
  byte_buffer block;
  std::optional<error> failure;
  const bool readable =
      found.records && !found.records->item(found.index).deleted && rules_.may_read(found.records->record(found.index));
  if (readable && (found.source == number_ || found.access.allows(their_hello_->name))) {
    std::array<bytes_view, 1> record{found.records->bytes(found.index)};
    block_encoder(config_.compress).append(block, record, true);
  } else {
    failure = error{errc::not_found, "no such pattern"};
  }
  say(reply_frame{number, true, std::move(failure), block}, lane::low);
  serve_more();
}

}  // namespace quicsync
